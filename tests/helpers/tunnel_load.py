"""Load for the tunnel at its two ends: numbered deliveries to a relay, and the app they are for."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Set
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import NamedTuple, Self

from tests.helpers.wire import Answer, Wire

_PATIENCE = 60.0
_CONNECTIONS = 16

Inside = Callable[[], AbstractContextManager[None]]


class Sender:
    """POSTs numbered deliveries at a steady `rate` to a relay that may come and go.

    A number is sent once. `answered` has it under the number that the relay gave it; `others` are
    answers that were none of a capture.
    """

    def __init__(self, inside: Inside, port: int, path: str, rate: float) -> None:
        self.sent = 0
        self.answered: dict[int, int] = {}
        self.others: list[int] = []
        self._inside = inside
        self._port = port
        self._path = path
        self._rate = rate
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        begun = asyncio.get_running_loop().time()
        first = self.sent
        senders = [
            asyncio.ensure_future(self._send(begun - first / self._rate))
            for _ in range(_CONNECTIONS)
        ]
        try:
            yield self
        finally:
            for sender in senders:
                sender.cancel()
            ended = await asyncio.gather(*senders, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    async def until_answered(self, count: int, patience: float = _PATIENCE) -> None:
        async with asyncio.timeout(patience), self._news:
            await self._news.wait_for(lambda: len(self.answered) >= count)

    async def _send(self, begun: float) -> None:
        wire: Wire | None = None
        try:
            while True:
                self.sent += 1
                number = self.sent
                await _at(begun + number / self._rate)
                try:
                    wire = wire or await self._connected()
                    answer = await wire.ask(request_of(self._path, number))
                except (OSError, asyncio.IncompleteReadError, TimeoutError):
                    if wire is not None:
                        wire.cut()
                    wire = None
                    continue
                await self._note(number, answer)
        finally:
            if wire is not None:
                wire.cut()

    async def _note(self, number: int, answer: Answer) -> None:
        if answer.status != 200:
            self.others.append(answer.status)
            return
        assert answer.delivery not in self.answered
        self.answered[answer.delivery] = number
        async with self._news:
            self._news.notify_all()

    async def _connected(self) -> Wire:
        return await _connected(self._inside, self._port)


async def _connected(inside: Inside, port: int) -> Wire:
    with inside():
        sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return Wire(*await asyncio.open_connection(sock=sock, limit=1 << 20))


class Told(NamedTuple):
    """What one sender was told: when it had sent (the loop's seconds), and how long it waited."""

    number: int
    at: float
    waited: float
    answer: Answer


class Crowd:
    """Senders at a steady `rate`, at most `most` at a time; all get an answer, or leaving it
    raises."""

    def __init__(
        self, inside: Inside, port: int, path: str, rate: float, *, most: int = 200
    ) -> None:
        self.sent = 0
        self.told: list[Told] = []
        self._inside = inside
        self._port = port
        self._path = path
        self._rate = rate
        self._room = asyncio.Semaphore(most)
        self._idle: list[Wire] = []
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        leaving = asyncio.Event()
        sending = asyncio.ensure_future(self._send(leaving))
        try:
            yield self
        finally:
            leaving.set()
            await sending
            while self._idle:
                self._idle.pop().cut()

    async def until(self, met: Callable[[list[Told]], bool], patience: float) -> None:
        """Until that is so of what was told."""
        async with asyncio.timeout(patience), self._news:
            await self._news.wait_for(lambda: met(self.told))

    async def _send(self, leaving: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with asyncio.TaskGroup() as senders:
            while not leaving.is_set():
                await self._room.acquire()
                # Where there was no room for a while, what was not sent is not made up for.
                due = max(due + 1 / self._rate, loop.time())
                await _at(due)
                self.sent += 1
                senders.create_task(self._ask(self.sent))

    async def _ask(self, number: int) -> None:
        wire = self._idle.pop() if self._idle else await _connected(self._inside, self._port)
        loop = asyncio.get_running_loop()
        at = loop.time()
        try:
            answer = await wire.ask(request_of(self._path, number))
        except BaseException:
            wire.cut()
            raise
        self.told.append(Told(number, at, loop.time() - at, answer))
        if answer.headers.get("connection") == "close":
            wire.cut()
        else:
            self._idle.append(wire)
        self._room.release()
        async with self._news:
            self._news.notify_all()


def request_of(path: str, number: int) -> bytes:
    """One delivery; whoever has it knows its number by its body and by its event id."""
    body = b'{"event":"load","data":{"n":%d}}' % number
    return (
        b"POST %s/hooks?n=%d HTTP/1.1\r\nHost: relay.example\r\nX-Event-ID: evt_%d\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (path.encode(), number, number, len(body), body)
    )


async def _at(moment: float) -> None:
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    timer = loop.call_at(moment, turn.set_result, None)
    try:
        await turn
    finally:
        timer.cancel()


class App:
    """The developer's app: answers 200 and keeps of each delivery only (local id, number).

    One with a name answers with that as its body.
    """

    def __init__(self, inside: Inside, name: str = "") -> None:
        self.name = name
        self.received: list[tuple[int, int]] = []
        self.url = ""
        self._inside = inside
        self._numbers: set[int] = set()
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def until_received(self, numbers: Set[int], patience: float = _PATIENCE) -> None:
        """Until it has had all of these."""
        async with asyncio.timeout(patience):
            while not numbers <= self._numbers:
                self._news.clear()
                await self._news.wait()

    async def __aenter__(self) -> Self:
        with self._inside():
            sock = socket.create_server(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Answering(self._take, self.name.encode()), sock=sock
        )
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()

    def _take(self, head: bytes, body: bytes) -> None:
        _, _, rest = head.partition(b"\r\nInspector-Delivery: ")
        number = json.loads(body)["data"]["n"]
        assert head.startswith(b"POST /hooks?n=%d HTTP/1.1\r\n" % number), head
        self.received.append((int(rest.partition(b"\r\n")[0]), number))
        self._numbers.add(number)
        self._news.set()


class _Answering(asyncio.Protocol):
    def __init__(self, take: Callable[[bytes, bytes], None], says: bytes) -> None:
        self._take = take
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(says), says)
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while b"\r\n\r\n" in self._data:
            head, _, rest = self._data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
            if len(rest) < length:
                return
            self._data = rest[length:]
            self._take(head, rest[:length])
            assert self._transport is not None
            with suppress(ConnectionError):
                self._transport.write(self._answer)
