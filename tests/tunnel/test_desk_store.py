"""The desk over the real store: what comes from memory is what comes from the disk."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from inspector.domain.delivery import Request
from inspector.domain.facts import Answered, Captured, Probed, Refused
from inspector.domain.parcel import digest_of
from inspector.store.files import StoreFiles
from inspector.store.mailboxes import RelayStore
from inspector.tunnel.attachment import Attachment
from inspector.tunnel.desk import Desk
from inspector.tunnel.messages import PIECE_BYTES, Ack, Parcel, Piece, Start
from inspector.tunnel.supply import Caller
from tests.helpers.desk import ENDPOINT, Line
from tests.helpers.mailboxes import Telling, head_of
from tests.helpers.tunnel import until

HEADERS = (("Host", "relay"), ("X-Dup", "a"), ("x-dup", "\xff"))


def captured(body: bytes, **more: object) -> Captured:
    request = Request("POST", "/a?%2F", "1.1", HEADERS, body)
    return Captured(5, request, "192.0.2.7", "e1", 200)._replace(**more)  # type: ignore[arg-type]


LARGE = tuple(bytes([n]) * 524_288 for n in range(3))
FACTS: list[Telling] = [
    captured(b"{}"),
    captured(b""),
    captured(bytes(range(256)) * 1024),
    captured(b"middling" * 40_000),
    captured(b"", pieces=LARGE),
    Refused(6, 413, "body-too-large", "too large", "192.0.2.7", captured(b"").request, b"", "e1"),
    Refused(6, 400, "malformed", "no \udc80 head", "192.0.2.7", None, b"GET \xff", "e1"),
    Probed(7, "e1", "nonce"),
    captured(b"asked", answered=None),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RelayStore]:
    store = RelayStore(StoreFiles(tmp_path / "relay.db"))
    yield store
    await store.close()


def whole(line: Line) -> list[tuple[Parcel, bytes, str]]:
    """Each delivery with its body and digest, put together."""
    bodies: dict[int, bytes] = {}
    digests: dict[int, str] = {}
    for message in line.messages:
        if isinstance(message, Piece):
            bodies[message.id] = bodies.get(message.id, b"") + message.body
            digests[message.id] = message.digest
            assert len(message.body) <= PIECE_BYTES
    return [
        (parcel, bodies.get(parcel.id, parcel.body), digests.get(parcel.id, parcel.digest))
        for parcel in line.parcels()
    ]


def came(line: Line, count: int) -> bool:
    return len(line.parcels()) == count


async def attach(desk: Desk, name: str, after: int) -> tuple[Attachment, Line]:
    line = Line()
    attachment = desk.attach(Caller(name, name, ""), line)
    await attachment.take(Start(after))
    return attachment, line


async def test_memory_and_disk_tell_the_same(store: RelayStore) -> None:
    desk = Desk(ENDPOINT, store, lambda: 7, store_id=store.identity)
    _, live = await attach(desk, "live", 0)
    for fact in FACTS:
        number = (await store.append(fact)).number
        match fact:
            case Captured():
                desk.captured(number, fact)
            case Refused():
                desk.refused(number, fact)
            case Probed():
                desk.probed(number, fact)
        await until(partial(came, live, number))
    _, later = await attach(desk, "later", 0)
    await until(lambda: len(later.parcels()) == len(FACTS))
    assert whole(live) == whole(later)
    for (parcel, body, digest), fact in zip(whole(live), FACTS, strict=True):
        if isinstance(fact, Captured):
            assert parcel.head == head_of(fact.request)
            assert body == (fact.request.body or b"".join(fact.pieces))
            assert parcel.size == len(body)
        assert digest == digest_of(parcel.head, body)
    desk.close(1001, "")


async def test_answers_and_cursors_are_in_the_store(store: RelayStore) -> None:
    desk = Desk(ENDPOINT, store, lambda: 7, store_id=store.identity)
    for _ in range(3):
        _, id_, number = await store.append(captured(b"", answered=None))
        await store.append(Answered(9, id_, 503, turned_away=number == 2))
    attachment, line = await attach(desk, "a", 2)
    await until(line.parcels)
    assert line.answers() == [(1, 503, False), (2, 503, True)]
    assert (line.parcels()[0].answered, line.parcels()[0].turned_away) == (503, False)
    await attachment.take(Ack(3))
    desk.detach(attachment)
    await until(lambda: store.journal.cursor("e1/a") == 3)
    assert (await desk.hello("1")).mailbox == f"{store.identity}/e1"


async def test_what_expired_meanwhile_ends_the_connection(store: RelayStore) -> None:
    desk = Desk(ENDPOINT, store, lambda: 7, store_id=store.identity)
    attachment, line = await attach(desk, "a", 0)
    for _ in range(4):
        await store.append(captured(b""))
    await store.drop("e1", 9, upto=2)
    await desk.held()
    await until(lambda: line.closed)
    assert line.closed is not None
    assert line.closed[0] == 1012
    desk.detach(attachment)
    _, again = await attach(desk, "a", 0)
    await until(lambda: [parcel.id for parcel in again.parcels()] == [3, 4])
    desk.close(1001, "")
