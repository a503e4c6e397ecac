"""The tunnel to a relay in a few words, for the status line."""

from urllib.parse import urlsplit

from inspector.client.models import TunnelStatus
from inspector.domain.plaintext import one_line
from inspector.tui.rows import Cell
from inspector.tui.team import how_many, who_answers

_REASON, _QUERY = 100, 40


def relay_told(relay: TunnelStatus) -> Cell:
    """`● relay orders 12 ms`, and what is not as it should be; its style is that of the bar.

    The name alone, dim, where it is not known.

    `37 to come` are at the relay and not here yet, `3 here` are attached to it, this one too.
    """
    name = one_line(relay.endpoint or urlsplit(relay.url).hostname or "", 40)
    if relay.state == "connected":
        return f"● relay {name}{_figures(relay)}", "bold"
    if relay.state == "unknown":
        return f"○ relay {name}", "dim"
    sign = "○" if relay.state in ("connecting", "stopped") else "✗"
    text = f"{sign} relay {name} {_WORDS.get(relay.state) or one_line(relay.state, 20)}"
    if relay.reason:
        text += f": {one_line(relay.reason, _REASON)}"
    if relay.retry_in is not None:
        text += f", again in {relay.retry_in:.0f} s"
    return text, "bold reverse"


# What takes the user to go on is told loudly.
_WORDS = {
    "connecting": "not connected",
    "stopped": "stopped",
    "refused": "REFUSED",
    "taken-over": "TAKEN OVER",
}


def _figures(relay: TunnelStatus) -> str:
    rtt = relay.rtt_ms
    text = "" if rtt is None else " <1 ms" if rtt < 1 else f" {rtt:.0f} ms"
    if relay.lag:
        text += f", {relay.lag:,} to come"
    for part in (how_many(relay), who_answers(relay)):
        text += f", {part}" if part else ""
    if relay.filter:
        text += f", only {one_line(relay.filter, _QUERY)}"
    if relay.limited:
        text += f", {relay.limited:,} turned away"
    return text
