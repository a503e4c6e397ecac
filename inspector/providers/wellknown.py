"""Names under which senders of webhooks put their event, its id, its time and their signature.

All header names in lower case; each table in order of trust, the first that is there wins. What
signatures are made of is in `schemes`.
"""

EVENT_HEADERS = (
    "x-github-event",
    "x-gitlab-event",
    "x-gitea-event",
    "x-shopify-topic",
    "x-wc-webhook-topic",
    "x-event-key",  # Bitbucket
    "ce-type",  # CloudEvents
    "linear-event",
    "sentry-hook-resource",
    "x-amz-sns-message-type",
    "x-goog-resource-state",
    "x-webhook-event",
    "x-webhook-topic",
    "x-event-type",
    "x-event-name",
    "x-event",
)
ID_HEADERS = (
    "webhook-id",  # Standard Webhooks
    "svix-id",
    "x-github-delivery",
    "x-gitea-delivery",
    "x-gitlab-event-uuid",
    "x-gitlab-webhook-uuid",
    "x-shopify-webhook-id",
    "x-wc-webhook-delivery-id",
    "x-request-uuid",  # Bitbucket
    "ce-id",
    "linear-delivery",
    "x-amz-sns-message-id",
    "x-event-id",
    "x-webhook-id",
    "x-delivery-id",
)
TIME_HEADERS = (
    "ce-time",
    "x-shopify-triggered-at",
    "webhook-timestamp",
    "svix-timestamp",
    "x-webhook-timestamp",
)

# JSON keys that name an event whatever their text; `event` may also be an object with one inside.
EVENT_KEYS = (
    "event",
    "event_type",
    "eventType",
    "event_name",
    "eventName",
    "type",
    "Type",
    "topic",
)
# Keys that name one only if their text looks like a name: `name` is often a person's.
WEAK_EVENT_KEYS = ("action", "kind", "name")
ID_KEYS = ("event_id", "eventId", "id", "delivery_id", "deliveryId", "message_id", "MessageId")
TIME_KEYS = (
    "timestamp",
    "event_time",
    "eventTime",
    "created_at",
    "createdAt",
    "occurred_at",
    "occurredAt",
    "created",
    "time",
    "sent_at",
    "Timestamp",
)
