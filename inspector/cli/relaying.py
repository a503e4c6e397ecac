"""A relay in the foreground: signals in, one line out."""

import signal
import sys

from inspector.cli.printing import print_item, tell
from inspector.cli.stopping import Stopping
from inspector.relay import Relay
from inspector.settings import RelaySettings

# Descriptors that connections leave to the store, the log and the health port.
_RESERVED_FILES = 64
_WANTED_FILES = 65536


class Relaying:
    """One relay from start to stop; with `as_json` it prints `ready` and `stopped`."""

    def __init__(self, settings: RelaySettings, *, as_json: bool) -> None:
        self._settings = settings
        self._as_json = as_json
        self._stopping = Stopping()

    async def run(self) -> int:
        """Relay until a signal stops it; a second one ends the process at once."""
        if sys.platform != "win32":
            # Whoever asks for a reload while it starts gets one by that.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        most = most_connections()
        async with Relay(self._settings, most_connections=most) as relay:
            self._stopping.handle_signals(relay.reload)
            self._announce(relay)
            await self._stopping.wait(relay.store_error)
        if self._as_json:
            print_item("stopped", {})
        return self._stopping.exit_code

    def _announce(self, relay: Relay) -> None:
        ready = relay.ready()
        if self._as_json:
            print_item("ready", ready)
            return
        tell(f"relaying at {ready['public_url']}")
        if ready["public_url"] != ready["url"]:
            tell(f"listening at {ready['url']}")
        tell(f"health and metrics at {ready['health']}")
        tell(f"stored in {ready['db']}")
        count = relay.endpoints
        more = "" if count else ": `inspector relay endpoint add NAME` makes one"
        tell(f"{count} endpoint{'' if count == 1 else 's'}{more}")


def most_connections() -> int | None:
    """How many connections this process may hold, with as many descriptors as it can get."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    most = _WANTED_FILES if soft == resource.RLIM_INFINITY else soft
    return max(1, most - _RESERVED_FILES)
