"""A listener inside the test's own process, and what its store says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from inspector.clock import wall_clock
from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery, Request
from inspector.domain.query import parse
from inspector.runtime import Runtime
from inspector.settings import Settings
from inspector.store.reader import Reader
from tests.helpers.wire import PATIENCE, Answer, Wire

T = TypeVar("T")


class Served:
    """A running listener; what is asked of it has seen every capture before the question."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.port = int(runtime.url.rsplit(":", 1)[1])
        self.token = runtime.files.read_token() or ""

    async def wire(self) -> Wire:
        return await Wire.to(self.port)

    async def ask(self, *pieces: bytes) -> Answer:
        """One request over a connection of its own."""
        async with await self.wire() as wire:
            return await wire.ask(*pieces)

    async def post(self, body: bytes = b"{}", head: bytes = b"") -> int:
        """A delivery to `/hooks`; its id."""
        answer = await self.ask(post(body, head))
        assert answer.status == 200, answer
        return answer.delivery

    async def api(
        self, path: str, body: Any = None, *, method: str | None = None, token: str | None = None
    ) -> tuple[int, Any]:
        """(status, JSON) of a question to the API, with the token unless another is given."""
        text = json.dumps(body).encode() if body is not None else b""
        verb = method or ("POST" if body is not None else "GET")
        given = self.token if token is None else token
        answer = await self.ask(
            f"{verb} /_inspector/api/{path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
            f"Authorization: Bearer {given}\r\nContent-Length: {len(text)}\r\n\r\n".encode()
            + text
        )
        return answer.status, json.loads(answer.body) if answer.body else None

    async def read(self, function: Callable[[Reader], T]) -> T:
        return await self.runtime._store.read(function)

    async def all(self, query: str = "") -> list[Delivery]:
        """Every delivery that matches, oldest first."""
        asked = parse(query)
        return await self.read(lambda one: one.page(asked, wall_clock(), after=0, limit=100_000))

    async def delivery(self, delivery_id: int) -> Delivery:
        """Once it is indexed: a read waits for that a while, and on a busy machine not enough."""

        async def look() -> list[Delivery]:
            found = await self.read(lambda one: one.delivery(delivery_id))
            return [] if found is None else [found]

        (delivery,) = await self.until(look, 1)
        assert isinstance(delivery, Delivery)
        return delivery

    async def request(self, delivery_id: int) -> Request:
        found = await self.read(lambda one: one.journal.request(delivery_id))
        assert found is not None
        return found

    async def raw(self, delivery_id: int) -> bytes:
        """The first bytes of a request that no parser accepted."""
        return await self.read(lambda one: one.journal.raw_refusal(delivery_id))

    async def attempts(self, delivery_id: int) -> list[Attempt]:
        return await self.read(lambda one: one.attempts(delivery_id))

    async def latest(self) -> int:
        """The id given last."""
        return self.runtime._store.journal.last_delivery

    async def refusals(self, count: int, after: int = 0) -> list[Delivery]:
        """Until so many deliveries later than `after` were refused; all of them."""
        return await self.until(lambda: self.all(f"state:refused id:{after + 1}.."), count)

    async def until(self, look: Callable[[], Any], count: int) -> list[Any]:
        """Look again whenever something was indexed, until so many are found."""
        news = asyncio.Event()
        subscription = self.runtime.hub.subscribe(news.set)
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    subscription.caught_up()
                    news.clear()
                    found: list[Any] = await look()
                    if len(found) >= count:
                        return found
                    await news.wait()
        finally:
            self.runtime.hub.unsubscribe(subscription)

    async def settled(self, delivery_id: int, *states: str) -> Delivery:
        """Until the delivery is in one of these states."""

        async def look() -> list[Delivery]:
            found = await self.delivery(delivery_id)
            return [found] if found.state in states else []

        (found,) = await self.until(look, 1)
        assert isinstance(found, Delivery)
        return found


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    """A listener on any free port over a store in `folder`."""
    told = {"db": folder / "store.db", "port": 0, **settings}
    async with Runtime(Settings.model_validate(told)) as runtime:
        yield Served(runtime)


def post(body: bytes = b"{}", head: bytes = b"", target: bytes = b"/hooks") -> bytes:
    """A POST as bytes; `head` are further header lines, each with its line end."""
    return b"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (
        target,
        head,
        len(body),
        body,
    )
