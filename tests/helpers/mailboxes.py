"""The relay's store in memory, and the consumer's end of a desk's line."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from inspector.domain.delivery import Request
from inspector.domain.facts import Answered, Appended, Captured, Fact, Probed, Refused, Shadowed
from inspector.domain.headers import encode_head
from inspector.domain.parcel import Held, Parcel, Stored, digest_of
from inspector.tunnel.messages import PIECE_BYTES

Telling = Captured | Refused | Probed


async def _at_once() -> None:
    """Nothing comes between."""


class FakeMailboxes:
    """One mailbox. What is read is a snapshot: `pause` runs before it is taken and before it is
    given. Bodies from `pieces_from` bytes on are stored in pieces."""

    def __init__(
        self,
        pause: Callable[[], Awaitable[None]] = _at_once,
        *,
        pieces_from: int = 1 << 20,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        self.facts: dict[int, Telling] = {}
        self.last = 0
        self.answered: dict[int, tuple[int, bool]] = {}
        self.cursors: dict[str, int] = {}
        self.moves: list[tuple[str, int]] = []
        self.said: list[Shadowed] = []
        self.pieces: dict[int, bytes] = {}
        self.piece_ids: dict[int, tuple[int, ...]] = {}
        self.reads = 0
        self._gone: set[int] = set()
        self._pause = pause
        self._pieces_from = pieces_from
        self._piece_bytes = piece_bytes

    def commit(self, fact: Telling) -> int:
        """Store it, as the journal does; its number."""
        self.last += 1
        self.facts[self.last] = fact
        if isinstance(fact, Captured) and len(fact.request.body) >= self._pieces_from:
            ids = []
            for start in range(0, len(fact.request.body), self._piece_bytes):
                ids.append(len(self.pieces) + 1)
                self.pieces[ids[-1]] = fact.request.body[start : start + self._piece_bytes]
            self.piece_ids[self.last] = tuple(ids)
        return self.last

    def prune(self, upto: int) -> None:
        for number in [number for number in self.facts if number <= upto]:
            del self.facts[number]
            for piece in self.piece_ids.pop(number, ()):
                self._gone.add(piece)

    async def held(self, mailbox: str) -> Held:
        await self._pause()
        found = Held(min(self.facts, default=self.last + 1), self.last)
        await self._pause()
        return found

    async def since(self, mailbox: str, at: int) -> int:
        await self._pause()
        return min((n for n, fact in self.facts.items() if fact.at >= at), default=self.last + 1)

    async def captured_at(self, mailbox: str, number: int) -> int | None:
        await self._pause()
        return self.facts[number].at if number in self.facts else None

    async def after(self, mailbox: str, seen: int, limit: int, most: int) -> list[Stored]:
        self.reads += 1
        await self._pause()
        found: list[Stored] = []
        size = 0
        for number in sorted(number for number in self.facts if number > seen)[:limit]:
            if found and size >= most:
                break
            found.append(self._stored(number))
            size += len(found[-1].parcel.body)
        await self._pause()
        return found

    def _stored(self, number: int) -> Stored:
        fact = self.facts[number]
        status, turned_away = self.answered.get(number, (None, False))
        match fact:
            case Captured(at, request, remote):
                ids = self.piece_ids.get(number, ())
                head = head_of(request)
                body = b"" if ids else request.body
                digest = "" if ids else digest_of(head, body)
                size = len(request.body)
                answered = fact.answered if status is None else status
                parcel = Parcel(
                    "captured", number, at, remote, head, body, digest, size, answered,
                    turned_away=turned_away,
                )  # fmt: skip
                return Stored(parcel, ids)
            case Refused():
                head = head_of(fact.request) if fact.request else b""
                digest = digest_of(head, fact.raw)
                return Stored(
                    Parcel(
                        "refused", number, fact.at, fact.remote, head, fact.raw, digest,
                        len(fact.raw), status=fact.status, code=fact.code, reason=fact.reason,
                    )
                )  # fmt: skip
            case Probed():
                digest = digest_of(b"", b"")
                return Stored(
                    Parcel("probe", number, fact.at, "", b"", b"", digest, 0, nonce=fact.nonce)
                )

    async def piece(self, number: int) -> bytes | None:
        await self._pause()
        return None if number in self._gone else self.pieces[number]

    async def answers(self, mailbox: str, upto: int, limit: int) -> list[tuple[int, int, bool]]:
        await self._pause()
        known = sorted(n for n in self.answered if n <= upto and n in self.facts)[-limit:]
        return [(number, *self.answered[number]) for number in known]

    async def deliveries(self, mailbox: str, numbers: Sequence[int]) -> dict[int, int]:
        await self._pause()
        return {n: n for n in numbers if isinstance(self.facts.get(n), Captured)}

    async def shadows(self, mailbox: str, after: int, limit: int) -> list[tuple[int, Shadowed]]:
        await self._pause()
        return [(seq, fact) for seq, fact in enumerate(self.said, 1) if seq > after][:limit]

    async def shadows_since(self, mailbox: str, seen: int, limit: int) -> tuple[int, int]:
        await self._pause()
        newest = len(self.said)
        later = (seq for seq, fact in enumerate(self.said, 1) if fact.number > seen)
        return min(max(0, newest - limit), next(later, newest + 1) - 1), newest

    def append(self, fact: Fact) -> "asyncio.Future[Appended]":
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        if isinstance(fact, Shadowed):
            self.said.append(fact)
            future.set_result(Appended(len(self.said), fact.delivery_id))
        if isinstance(fact, Answered):
            self.answered[fact.delivery_id] = fact.status, fact.turned_away
            future.set_result(Appended(0, fact.delivery_id))
        return future

    def cursor(self, name: str) -> int:
        return self.cursors.get(name, 0)

    def move(self, name: str, seen: int) -> None:
        self.cursors[name] = seen
        self.moves.append((name, seen))


def head_of(request: Request) -> bytes:
    return encode_head(request.method, request.target, request.http_version, request.headers)


def captured(body: bytes = b"{}", *, at: int = 1, answered: int | None = 200) -> Captured:
    request = Request("POST", "/hooks", "1.1", (("Host", "relay"), ("X-A", "b")), body)
    return Captured(at, request, "192.0.2.7", "e1", answered)
