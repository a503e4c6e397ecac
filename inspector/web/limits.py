"""What a browser session may take, and how it ends."""

from typing import NamedTuple


class WebLimits(NamedTuple):
    """Bounds of one web server; times in seconds, sizes in bytes."""

    sessions: int = 4
    idle: float = 12 * 3600.0
    """Without a key, a click or a change of size."""
    heartbeat: float = 15.0
    """Between pings; a browser that leaves one unanswered for half as long is gone."""
    head: float = 15.0
    """For the head of a request."""
    stall: float = 10.0
    """For a browser to take what its screen shows; meanwhile its UI, and only that, stands."""
    message: int = 4 << 20
    """One message of the browser: a paste."""
    packet: int = 16 << 20
    """One packet of the UI: a whole screen, or a piece of a file."""
    start: float = 30.0
    """For a UI to start."""
    stop: float = 3.0
    """For a UI to stop before it is killed."""
    close: float = 1.0
    """For a browser to take leave."""


class Farewell(NamedTuple):
    """Why a session ended: a close code, and what the page shows (at most 123 bytes)."""

    code: int
    reason: str

    @classmethod
    def failed(cls, said: str) -> "Farewell":
        """For a UI that ended by itself; `said` is its complaint."""
        text = f"The UI has failed: {said}" if said else "The UI has failed."
        return cls(1011, text.encode()[:_REASON_BYTES].decode("utf-8", "ignore"))


_REASON_BYTES = 123

QUIT = Farewell(1000, "You have left this session. The listener goes on.")
GONE = Farewell(1001, "The browser has gone.")
STOPPED = Farewell(1001, "inspector has stopped.")
IDLE = Farewell(4000, "Nothing was done here for long, so this session was ended.")
FULL = Farewell(4001, "As many sessions are open as there may be: close another tab first.")
SLOW = Farewell(4002, "This browser did not take what its screen shows in time.")
MISTAKEN = Farewell(1003, "This page and inspector do not understand each other: load it again.")
