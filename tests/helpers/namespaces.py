"""A relay's host and a developer's laptop as two network namespaces, and what breaks between them.

with Network() as network:
    relay = RelayProcess(db, "--host", "0.0.0.0", prefix=network.relay.prefix)
    with network.relay.entered():
        sock = socket.create_connection(("127.0.0.1", port))  # stays in there
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

_CLONE_NEWNET = 0x40000000
_numbers = count(1)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.decode().strip()}")


def why_not() -> str:
    """Why there can be no namespaces here, or nothing."""
    if os.getuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    try:
        with Network():
            return ""
    except OSError as error:
        return f"no network namespaces here: {error}"


@dataclass(frozen=True, slots=True)
class Namespace:
    """One host; `address` is its own in the network between both."""

    name: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What goes before a command to run it there; it becomes that command."""
        return ("ip", "netns", "exec", self.name)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread makes are of that host; await nothing in here."""
        libc = ctypes.CDLL(None, use_errno=True)
        with (
            Path("/proc/thread-self/ns/net").open("rb") as home,
            Path(f"/run/netns/{self.name}").open("rb") as there,
        ):
            if libc.setns(there.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")
            try:
                yield
            finally:
                if libc.setns(home.fileno(), _CLONE_NEWNET):
                    os.abort()  # nothing could be trusted from here on


class Network:
    """Both hosts and the switch between them, a namespace of its own."""

    def __init__(self) -> None:
        stem = f"inspector-{os.getpid()}-{next(_numbers)}"
        self.relay = Namespace(f"{stem}-relay", "10.77.0.1")
        self.developer = Namespace(f"{stem}-developer", "10.77.0.2")
        self._switch = f"{stem}-switch"

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def unplug(self) -> None:
        """The developer's cable is out: its system knows."""
        _ip("-n", self.developer.name, "link", "set", "eth0", "down")

    def plug_in(self) -> None:
        _ip("-n", self.developer.name, "link", "set", "eth0", "up")

    def swallow(self) -> None:
        """What one host sends the other never gets, and neither is told."""
        _ip("-n", self._switch, "link", "set", "developer", "nomaster")

    def pass_on(self) -> None:
        _ip("-n", self._switch, "link", "set", "developer", "master", "bridge")

    def _build(self) -> None:
        switch = self._switch
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for port, host in (("relay", self.relay), ("developer", self.developer)):
            _ip("netns", "add", host.name)
            pair = ("link", "add", port, "type", "veth", "peer", "name", "eth0")
            _ip("-n", switch, *pair, "netns", host.name)
            _ip("-n", switch, "link", "set", port, "master", "bridge", "up")
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", host.name, "link", "set", "eth0", "up")
            _ip("-n", host.name, "link", "set", "lo", "up")

    def _remove(self) -> None:
        for name in (self._switch, self.relay.name, self.developer.name):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
