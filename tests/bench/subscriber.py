"""One subscriber of the stream, the UI's own client.

    python -m tests.bench.subscriber CONTROL TOKEN AFTER COUNT

takes so many deliveries (AFTER `live`: of those to come) or, to the end of a frame, a few more, and
prints one JSON object, the fields of `Received`.
"""

import asyncio
import json
import sys
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass

import uvloop

from inspector.client.stream import Connected, Frame, Lagged, Stream

_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Received:
    """Monotonic seconds of the connection, and of the last delivery; `whole`: each came once,
    none was dropped."""

    begun: float
    ended: float
    count: int
    whole: bool


async def receive(stream: Stream, count: int) -> Received:
    begun, ids, lagged = time.monotonic(), list[int](), False
    try:
        async with asyncio.timeout(_PATIENCE), aclosing(stream.events()) as events:
            async for event in events:
                if isinstance(event, Connected):
                    begun = time.monotonic()
                elif isinstance(event, Frame) and event.kind == "deliveries":
                    ids += [item["id"] for item in event.items]
                lagged = lagged or isinstance(event, Lagged)
                if lagged or len(ids) >= count:
                    break
    except TimeoutError:
        lagged = True
    ended = time.monotonic()
    whole = not lagged and ids == list(range(ids[0], ids[0] + len(ids)))
    return Received(begun, ended, len(ids), whole)


def main() -> None:
    control, token, after, count = sys.argv[1:]
    stream = Stream(control, token, after=None if after == "live" else int(after))
    print(json.dumps(asdict(uvloop.run(receive(stream, int(count))))))


if __name__ == "__main__":
    main()
