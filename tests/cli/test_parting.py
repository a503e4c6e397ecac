"""What is held is told: when a listener starts, and when a UI ends."""

from inspector.cli.parting import after_serve, after_tui, held_line
from inspector.client.models import Status


def status(held: int, breakpoint_: str = "") -> Status:
    return Status.from_json({"ledger": {"held": held}, "breakpoint": breakpoint_})


def test_a_listener_that_ends_with_its_ui() -> None:
    assert after_serve(None) == after_serve(status(0, "event:x")) == ""
    assert after_serve(status(3)).startswith(held_line(3))
    assert held_line(3).startswith("3 held, not sent by themselves: n in the UI lets one go")


def test_a_listener_that_goes_on() -> None:
    assert after_tui(None) == after_tui(status(3)) == ""
    assert after_tui(status(3, "event:\x1b[2J")) == (
        "the breakpoint event:␛[2J stays set, 3 held: B in the UI ends it"
    )
