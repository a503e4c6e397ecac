"""A relay, its endpoints, and the listeners and other consumers that are connected to it."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inspector.store.endpoints import EndpointsFile
from inspector.store.files import StoreFiles
from tests.bench.processes import Process, python, read_line, started
from tests.bench.programs import Listening, Served, serving

_READY_SECONDS = 60.0
_BURST_SECONDS = 300.0
# Above what any load of the benchmark sends, so that no delivery is turned away.
_LIMITS = {"rate": 1e6, "max_stored": 10 << 30, "max_connections": 10_000}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that takes in all that comes; `path` is where it captures."""

    slug: str
    token: str

    @property
    def path(self) -> str:
        return f"/in/{self.slug}/hooks"


def endpoints(db: Path, count: int = 1) -> list[Endpoint]:
    """So many new ones, before the relay of that store is started."""
    file = EndpointsFile(StoreFiles(db).endpoints)
    made = (file.add(f"bench-{number}", _LIMITS) for number in range(count))
    return [Endpoint(endpoint.slug, token) for endpoint, token in made]


@contextmanager
def relaying(db: Path) -> Iterator[Served]:
    """`inspector relay` on ports of its own."""
    command = python(
        "inspector", "relay", "--host", "127.0.0.1", "--port", 0, "--health-port", 0, "--db", db,
        "--keep", 0, "--json",
    )  # fmt: skip
    with started(command, stdout=subprocess.PIPE) as process:
        ready = json.loads(read_line(process.stdout, _READY_SECONDS))
        yield Served(int(ready["url"].rpartition(":")[2]), process)


@contextmanager
def tunnelled(db: Path, relay: Served, endpoint: Endpoint, *flags: object) -> Iterator[Listening]:
    """`inspector serve --relay`: a canary has come home, and all that was stored before it."""
    url = f"http://127.0.0.1:{relay.port}/in/{endpoint.slug}"
    more = {"INSPECTOR_RELAY_TOKEN": endpoint.token}
    with serving(db, *flags, "--relay", url, **more) as listener:
        yield listener


@dataclass(frozen=True, slots=True)
class Consumers:
    """Other consumers, in a process of their own: `tests.bench.consumers`."""

    process: Process

    def all_came(self) -> None:
        """Return when the next burst has come to each that was to get it."""
        read_line(self.process.stdout, _BURST_SECONDS)


@contextmanager
def consuming(
    relay: Served, those: Sequence[Endpoint], each: int, together: int, folder: Path
) -> Iterator[Consumers]:
    """So many on each endpoint; a burst is so many deliveries, counted at every consumer."""
    names = [[one.slug, one.token, f"bench-{n}"] for one in those for n in range(each)]
    file = folder / "consumers.json"
    file.write_text(json.dumps(names))
    command = python("tests.bench.consumers", relay.port, file, together)
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        read_line(process.stdout, _READY_SECONDS)
        yield Consumers(process)
