"""What a query can ask of the deliveries that are there: read from a few of them, when asked."""

from typing import NamedTuple

from inspector.domain.jsonpaths import paths
from inspector.providers import by_name
from inspector.store.reader import Reader

# Indexing pays nothing for completion; so many deliveries are read instead when it is asked for.
EVENTS = 64
OF_EACH = 3
LARGEST_BODY = 256 << 10
ALL_BODIES = 4 << 20
MAX_PATHS = 2000
MAX_HEADERS = 500
_LONGEST_HEADER = 100


class Seen(NamedTuple):
    """JSON paths below an envelope's data, and header names in lower case; both in order."""

    data: tuple[str, ...]
    headers: tuple[str, ...]


def seen(reader: Reader) -> Seen:
    """Read the newest few deliveries of the most frequent event types."""
    data: set[str] = set()
    headers: set[str] = set()
    room = ALL_BODIES
    for event in _events(reader):
        for delivery in reader.newest_of(event, OF_EACH):
            whole = delivery.body_size <= min(LARGEST_BODY, room)
            request = reader.journal.request(delivery.id, body=whole)
            if request is None:
                continue
            names = (name.lower() for name, _ in request.headers)
            headers.update(name for name in names if len(name) <= _LONGEST_HEADER)
            if whole and delivery.provider:
                room -= delivery.body_size
                data.update(paths(by_name(delivery.provider).decode(request).data))
        if len(data) >= MAX_PATHS or len(headers) >= MAX_HEADERS:
            break
    return Seen(tuple(sorted(data)[:MAX_PATHS]), tuple(sorted(headers)[:MAX_HEADERS]))


def _events(reader: Reader) -> list[str | None]:
    """Event types, the most frequent first; None for deliveries without one."""
    counts: dict[str | None, int] = {}
    for key, count in reader.counts().get("event", {}).items():
        event = key.partition("\x1f")[2] or None
        counts[event] = counts.get(event, 0) + count
    return sorted(counts, key=lambda event: -counts[event])[:EVENTS]
