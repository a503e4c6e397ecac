"""Many consumers of a relay, which take what comes, acknowledge it, and do nothing with it.

    python -m tests.bench.consumers PORT FILE COUNT

connects each of FILE (a JSON list of slug, token and name) and prints `connected`; then a line with
every COUNT deliveries that came to them, all together. It ends when its standard input does.
"""

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from inspector import __version__
from inspector.tunnel.messages import MAX_FRAME, PATH, SUBPROTOCOL, Ack, Start
from inspector.tunnel.wire import encode


class Counter:
    """Counts over all consumers."""

    def __init__(self, together: int, consumers: int) -> None:
        self._together = together
        self._missing = consumers
        self._came = 0
        self.connected = asyncio.Event()

    def begun(self) -> None:
        self._missing -= 1
        if not self._missing:
            self.connected.set()

    def came(self, count: int) -> None:
        before = self._came // self._together
        self._came += count
        for _ in range(self._came // self._together - before):
            print(self._came, flush=True)


async def consume(port: int, those: tuple[str, str, str], counter: Counter) -> None:
    """Until it is cancelled, or the relay closes the connection, which is an error."""
    slug, token, name = those
    instance = name.encode().hex()
    async with connect(
        f"ws://127.0.0.1:{port}{PATH}{slug}?consumer={name}&instance={instance}",
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {token}"},
        user_agent_header=f"inspector/{__version__}",
        compression=None,
        max_size=MAX_FRAME,
        open_timeout=60,
        proxy=None,
    ) as socket:
        async for frame in socket:
            assert isinstance(frame, bytes)
            # Read as it is on the wire: making parcels of it would cost more than the relay.
            head = json.loads(frame[4 : 4 + int.from_bytes(frame[:4], "big")])
            if head["kind"] == "hello":
                await socket.send(encode(Start(head["last"])))
            elif head["kind"] == "begin":
                counter.begun()
            elif head["kind"] == "deliveries":
                await socket.send(encode(Ack(head["items"][-1]["id"])))
                counter.came(len(head["items"]))
    raise RuntimeError("the relay closed the connection")


async def main(port: int, those: list[tuple[str, str, str]], together: int) -> None:
    counter = Counter(together, len(those))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(consume(port, each, counter)) for each in those]
        await counter.connected.wait()
        print("connected", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    consumers = json.loads(Path(sys.argv[2]).read_text())
    uvloop.run(main(int(sys.argv[1]), consumers, int(sys.argv[3])))
