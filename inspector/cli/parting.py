"""What is told of held deliveries when a listener starts, and when a UI ends."""

from typing import TYPE_CHECKING

from inspector.domain.plaintext import one_line

if TYPE_CHECKING:
    from inspector.client.models import Status


def held_line(held: int) -> str:
    """Of a listener without a breakpoint: what an earlier one has held goes by nobody's doing."""
    return (
        f"{held} held, not sent by themselves: n in the UI lets one go, "
        "`inspector resend state:held` sends all"
    )


def after_serve(status: "Status | None") -> str:
    """The listener ended with its UI; nothing to say where nothing was held."""
    held = _held(status)
    return f"{held_line(held)}; the next listener says so, too" if held else ""


def after_tui(status: "Status | None") -> str:
    """The listener goes on without this UI."""
    if status is None or not status.breakpoint:
        return ""
    query = one_line(status.breakpoint, 100)
    return f"the breakpoint {query} stays set, {_held(status)} held: B in the UI ends it"


def _held(status: "Status | None") -> int:
    return status.ledger.get("held", 0) if status else 0
