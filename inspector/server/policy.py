"""Ack policies: what the sender is answered, and when."""

from dataclasses import dataclass

from inspector.errors import UsageError


@dataclass(frozen=True, slots=True)
class AckPolicy:
    """`stored` answers after the commit; `app` with the app's own response; `app-or-stored` with
    the app's if it comes within `seconds`, else as `stored`."""

    name: str
    seconds: float | None = None

    @property
    def asks_app(self) -> bool:
        return self.name != "stored"


def parse_policy(text: str) -> AckPolicy:
    """Read `stored`, `app` or `app-or-stored:N`; raises `UsageError`."""
    if text in ("stored", "app"):
        return AckPolicy(text)
    name, colon, seconds = text.partition(":")
    if name == "app-or-stored" and colon:
        try:
            value = float(seconds)
        except ValueError:
            value = -1.0
        if 0 < value < 86400:
            return AckPolicy(name, value)
    raise UsageError(
        f"{text!r} is not an ack policy", "use stored, app, or app-or-stored:N with N in seconds"
    )
