"""How a tunnel stands, read by others while it changes."""

from threading import Thread
from typing import Any

from inspector.tunnel.standing import Phase, Standing


def test_a_state_is_told_with_its_own_reason_and_no_other_s() -> None:
    told: list[dict[str, Any]] = []
    readers: list[Thread] = []

    class Watched(Standing):
        """Somebody asks in the middle of each change."""

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "state" and hasattr(self, "hops"):
                reader = Thread(target=lambda: told.append(self.to_json()))
                readers.append(reader)
                reader.start()
                # Until it has read, or waits for the end of the change.
                reader.join(0.05)

    standing = Watched("https://h/in/S", "alice", lambda: 1_000_000, lambda report: None)
    standing.turn(Phase.CONNECTED)
    readers[0].join()
    standing.primary = True
    standing.turn(Phase.CONNECTING, "the connection was cut", 2.0)
    readers[1].join()
    assert [(one["state"], one["reason"], one["retry_in"], one["primary"]) for one in told] == [
        ("connected", "", None, None),
        ("connecting", "the connection was cut", 2.0, None),
    ]
