"""A webhook as commands print it: nothing it says holds a secret, but its own at its creation."""

from collections.abc import Iterator
from typing import Any

from inspector.account.hiding import Hiding
from inspector.cli.printing import print_item, print_row
from inspector.providers.pacspace.management import Webhook

_LONGEST = 2000


def print_webhook(
    webhook: Webhook, hiding: Hiding, *, known: bool, created: bool | None, as_json: bool
) -> None:
    """Print one of several, or what was `created` or was there already."""
    if as_json:
        print_item("webhook", item_of(webhook, hiding, known=known, created=created))
    elif created is None:
        print_row(_row(webhook, hiding, known=known))
    else:
        print_row(f"webhook  {hiding.line(webhook.id)}")
        print_row(f"url      {hiding.line(webhook.url, _LONGEST)}")
        if created:
            print_row(f"secret   {webhook.secret}")


def item_of(
    webhook: Webhook, hiding: Hiding, *, known: bool, created: bool | None
) -> dict[str, Any]:
    """The object of kind `webhook`; its secret is in it when it has just been made, and then only.

    Whatever else it says is without any secret.
    """

    def cut(text: str | None) -> str | None:
        return None if text is None else hiding.cut(text)

    item: dict[str, Any] = {
        "id": cut(webhook.id),
        "url": cut(webhook.url),
        "enabled": webhook.enabled,
        "created_at": cut(webhook.created_at),
        "description": cut(webhook.description),
        "events": None if webhook.events is None else [cut(each) for each in webhook.events],
        "success_count": webhook.success_count,
        "failure_count": webhook.failure_count,
        "last_triggered": cut(webhook.last_triggered),
        "secret_known": known,
    }
    item |= {} if created is None else {"created": created}
    return item | ({"secret": webhook.secret} if created else {})


def _row(webhook: Webhook, hiding: Hiding, *, known: bool) -> str:
    line = hiding.line
    parts = [line(webhook.id), line(webhook.url, 200), _enabled(webhook)]
    if webhook.success_count is not None and webhook.failure_count is not None:
        parts.append(f"{webhook.success_count} ok, {webhook.failure_count} failed")
    if webhook.last_triggered:
        parts.append(f"last {line(webhook.last_triggered, 40)}")
    parts.append("secret known" if known else "secret not known here")
    return "  ".join(part for part in parts if part)


def lines_of(webhook: Webhook, hiding: Hiding, *, known: bool) -> Iterator[str]:
    """All that is known of one, a line each."""
    told = {
        "webhook": webhook.id,
        "url": webhook.url,
        "state": _enabled(webhook),
        "created": webhook.created_at,
        "about": webhook.description,
        "events": None if webhook.events is None else ", ".join(webhook.events),
        "sent": _number(webhook.success_count),
        "failed": _number(webhook.failure_count),
        "last": webhook.last_triggered,
        "secret": "known here" if known else "not known here",
    }
    for name, value in told.items():
        if value:
            yield f"{name:<9}{hiding.line(value, _LONGEST)}"


def _enabled(webhook: Webhook) -> str:
    return {True: "enabled", False: "disabled", None: ""}[webhook.enabled]


def _number(count: int | None) -> str | None:
    return None if count is None else str(count)
