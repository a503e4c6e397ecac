"""The checks of a signature, by whoever has the secrets: the settings or the running listener."""

from inspector.cli.opened import existing, known_secrets
from inspector.cli.running import Api, running
from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.envelope import Check
from inspector.errors import InspectorError
from inspector.providers import explained
from inspector.settings import Settings

# A listener explains within a second or so; one that does not answer keeps the rest from nobody.
_PATIENCE = 10.0


def explained_by_secrets(
    settings: Settings, delivery: Delivery, request: Request
) -> tuple[Check, ...]:
    """What was checked, or nothing where nobody has secrets. Secrets of a listener stay there."""
    if delivery.state is State.REFUSED:
        # Its body was never read.
        return ()
    try:
        listener = None if settings.secret else running(existing(settings))
        if listener is None:
            secrets = known_secrets(settings)
            if not secrets:
                return ()
            return explained(request, secrets, delivery.received_at, delivery.verdict)[1]
        answer = Api(listener, _PATIENCE).get(f"deliveries/{delivery.id}/signature")
        return tuple(Check(each["name"], each["ok"], each["said"]) for each in answer["checks"])
    except InspectorError:
        # The listener is of another version, or just going, or what is kept cannot be read: the
        # delivery is shown without.
        return ()
