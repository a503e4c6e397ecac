"""A relay's store: what came in is handed on by number, exactly, with what was answered since."""

import asyncio
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.facts import Answered, Captured, Fact, Probed, Refused, Shadowed
from inspector.domain.headers import encode_head
from inspector.domain.parcel import Held, Parcel, Stored, digest_of
from inspector.errors import StoreUnavailableError
from inspector.store.files import StoreFiles
from inspector.store.mailboxes import RelayStore
from inspector.tunnel.ports import Mailboxes
from tests.store.parts import AT, OK, captured, in_pieces, relay_store, request, rows

MUCH = 1 << 30


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "relay.db")


async def fill(store: RelayStore, *facts: Fact) -> list[int]:
    """The ids of the deliveries."""
    done = await asyncio.gather(*[store.append(fact) for fact in facts])
    return [each.delivery_id for each in done]


def head_of(fact: Captured | Refused) -> bytes:
    assert fact.request is not None
    sent = fact.request
    return encode_head(sent.method, sent.target, sent.http_version, sent.headers)


def taken(at: int = AT, *, body: bytes = b"{}", box: str = "a", **more: Any) -> Captured:
    return captured(at=at, body=body, endpoint=box, **more)


async def numbers(store: RelayStore, box: str, seen: int = 0) -> list[int]:
    return [each.parcel.id for each in await store.after(box, seen, 10_000, MUCH)]


async def test_it_is_what_the_tunnel_asks_for(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        mailboxes: Mailboxes = store
        assert await mailboxes.held("a") == Held(1, 0)
        assert await mailboxes.since("a", AT) == 1
        assert await mailboxes.after("a", 0, 10, MUCH) == []
        assert await mailboxes.piece(1) is None
        assert await mailboxes.answers("a", 10, 10) == []
        assert store.journal.cursor("a/me") == 0


async def test_what_came_in_goes_out_byte_for_byte(files: StoreFiles) -> None:
    sent = request(b"\0\xff", ("X", "\xe9"), ("x", ""), target="/a%2F//b?")
    whole = Captured(AT, sent, "10.0.0.1", "a", 202, ())
    refused = Refused(AT + 1, 413, "too_large", "too large", "r", request(b""), endpoint="a")
    garbage = Refused(AT + 2, 400, "malformed", "no HTTP", "r", raw=b"\x16\x03", endpoint="a")
    async with relay_store(files) as store:
        await fill(store, whole, taken(box="b"), refused, garbage, Probed(AT + 3, "a", "n1"))
        found = await store.after("a", 0, 10, MUCH)
    head, cut = head_of(whole), head_of(refused)
    assert [each.parcel for each in found] == [
        Parcel("captured", 1, AT, "10.0.0.1", head, b"\0\xff", digest_of(head, b"\0\xff"), 2, 202),
        Parcel(
            "refused", 2, AT + 1, "r", cut, b"", digest_of(cut, b""), 0,
            status=413, code="too_large", reason="too large",
        ),
        Parcel(
            "refused", 3, AT + 2, "r", b"", b"\x16\x03", digest_of(b"", b"\x16\x03"), 2,
            status=400, code="malformed", reason="no HTTP",
        ),
        Parcel("probe", 4, AT + 3, "", b"", b"", digest_of(b"", b""), 0, nonce="n1"),
    ]  # fmt: skip
    assert not any(each.pieces for each in found)


async def test_a_large_body_is_read_in_its_pieces(files: StoreFiles) -> None:
    body = os.urandom(10_000)
    async with relay_store(files) as store:
        (id_,) = await fill(store, in_pieces(body, 3000)._replace(endpoint="a"))
        (stored,) = await store.after("a", 0, 10, MUCH)
        parcel = stored.parcel
        assert (parcel.size, parcel.body, parcel.digest) == (10_000, b"", "")
        pieces = [await store.piece(number) for number in stored.pieces]
        assert b"".join(piece or b"" for piece in pieces) == body
        assert id_ == 1
        assert await store.drop("a", AT) == 1
        assert await store.piece(stored.pieces[0]) is None


async def test_what_was_answered_since_goes_with_it(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        box = [taken(box=name, route=None) for name in ("a", "b", "a", "a", "a")]
        ids = await fill(store, *box)
        await fill(store, taken(answered=200))
        await fill(
            store,
            Answered(AT, ids[2], 503, turned_away=True),
            Answered(AT, ids[0], 201),
            Answered(AT, ids[1], 500),
        )
        told = [(each.parcel.answered, each.parcel.turned_away) for each in await all_of(store)]
        assert told == [(201, False), (503, True), (None, False), (None, False), (200, False)]
        assert await store.answers("a", 5, 10) == [(1, 201, False), (2, 503, True)]
        assert await store.answers("a", 5, 1) == [(2, 503, True)]
        assert await store.answers("a", 1, 10) == [(1, 201, False)]
        assert await store.answers("b", 9, 10) == [(1, 500, False)]


async def test_what_others_said_is_read_from_a_position_on(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        mailboxes: Mailboxes = store
        assert await mailboxes.shadows_since("a", 0, 2) == (0, 0)
        assert await mailboxes.deliveries("a", [1, 2]) == {}
        boxes = [taken(box=name, route=None) for name in ("a", "b", "a", "a")]
        ids = await fill(store, *boxes, Probed(AT, "a", "nonce"))
        assert await store.deliveries("a", [1, 2, 3, 4, 9]) == {1: ids[0], 2: ids[2], 3: ids[3]}

        def said(number: int, consumer: str) -> Shadowed:
            return Shadowed(
                AT, [ids[0], ids[2], ids[3]][number - 1], consumer, 1.5, OK, "a", number
            )

        told = [said(2, "bob"), said(1, "bob"), said(2, "eve"), said(3, "bob")]
        await fill(store, told[0], Shadowed(AT, ids[1], "bob", 1.5, OK, "b", 1), *told[1:])
        everything = await store.shadows("a", 0, 10)
        assert [fact for _, fact in everything] == told
        at = [seq for seq, _ in everything]
        assert [fact for _, fact in await store.shadows("a", at[0], 2)] == told[1:3]
        assert await store.shadows("a", at[-1], 10) == []
        # Who has all is told the last two again, and who lacks deliveries, all of those.
        assert await store.shadows_since("a", 4, 2) == (at[1], at[-1])
        assert (await store.shadows_since("a", 1, 2))[0] < at[0]
        assert await store.shadows_since("a", 4, 10) == (0, at[-1])
        # They leave the order of the deliveries alone.
        assert await numbers(store, "a") == [1, 2, 3, 4]
        assert await store.held("a") == Held(1, 4)
        await store.drop("a", AT, upto=2)
        assert [fact.number for _, fact in await store.shadows("a", 0, 10)] == [3]
        await store.forget("a", AT)
        assert await store.shadows("a", 0, 10) == []
        assert store.usage("a").size == 0


async def all_of(store: RelayStore) -> list[Stored]:
    return await store.after("a", 0, 1000, MUCH)


async def test_a_page_ends_by_number_or_by_bytes(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        await fill(store, *[taken(body=b"x" * 1000) for _ in range(20)])
        for limit, most, count in ((5, MUCH, 5), (100, MUCH, 20), (100, 3500, 4), (100, 0, 1)):
            found = await store.after("a", 0, limit, most)
            assert [each.parcel.id for each in found] == list(range(1, count + 1))
        assert await numbers(store, "a", 17) == [18, 19, 20]
        assert await numbers(store, "a", 20) == []


async def test_cursors_are_kept_by_consumer(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        store.move("a/me@laptop", 7)
        store.move("a/you", 3)
        store.move("ab/me", 9)
        await store.journal.settled(10)
        assert store.journal.cursor("a/me@laptop") == 7
    async with relay_store(files) as store:
        assert store.consumers("a") == {"me@laptop": 7, "you": 3}
        assert store.consumers("c") == {}
        assert (store.journal.cursor("ab/me"), store.journal.cursor("a/nobody")) == (9, 0)


async def test_an_endpoint_is_forgotten(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        facts = [taken(box="ab"[n % 3 == 0]) for n in range(1200)]
        await fill(store, *facts, in_pieces(b"x" * 50, 10)._replace(endpoint="a"))
        store.move("a/me", 12)
        store.move("b/me", 5)
        await store.forget("a", AT)
        await store.journal.settled(10)
        assert await store.held("a") == Held(802, 801)
        assert await store.held("b") == Held(1, 400)
        assert (store.journal.cursor("a/me"), store.journal.cursor("b/me")) == (0, 5)
        assert store.usage("a") == (801, 0, 0)
        assert store.usage("b")[:2] == (400, 400)
        assert store.consumers("b") == {"me": 5}
        assert rows(files.database, "SELECT count(*) FROM piece") == [(0,)]
    async with relay_store(files) as store:
        assert sorted(store.mailboxes()) == ["a", "b"]
        await fill(store, taken())
        assert await numbers(store, "a") == [802]


async def test_its_name_stays(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        name = store.identity
    async with relay_store(files) as store:
        assert store.identity == name
        assert len(name) == 32


async def test_a_store_that_cannot_be_read_says_so(files: StoreFiles) -> None:
    async with relay_store(files) as store:
        await fill(store, taken())
        with store.journal._writing:
            store.journal._file.connection.execute("ALTER TABLE fact RENAME TO gone")
        with pytest.raises(StoreUnavailableError, match="cannot read the store"):
            await store.held("a")
        store.journal._file.connection.execute("ALTER TABLE gone RENAME TO fact")


Step = tuple[str, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["take"] * 5 + ["probe", "drop", "early"]),
        st.sampled_from("ab"),
        st.integers(0, 8),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(0, 25), st.integers(1, 6))
def test_a_mailbox_is_a_row_of_numbers_that_begins_later(
    script: list[Step], seen: int, limit: int
) -> None:
    """What it says of itself is what a list would say."""

    async def check(files: StoreFiles) -> None:
        boxes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        last: dict[str, int] = defaultdict(int)
        async with relay_store(files) as store:
            for name, box, n in script:
                if name in ("take", "probe"):
                    last[box] += 1
                    boxes[box].append((last[box], AT + n))
                    fact = Probed(AT + n, box, "n") if name == "probe" else taken(AT + n, box=box)
                    await store.append(fact)
                elif name == "drop":
                    await store.drop(box, AT, upto=n)
                    boxes[box] = [each for each in boxes[box] if each[0] > n]
                else:
                    await store.drop(box, AT + 1000, before=AT + n)
                    while boxes[box] and boxes[box][0][1] < AT + n:
                        boxes[box].pop(0)
            for box in "ab":
                held = boxes[box]
                first = held[0][0] if held else last[box] + 1
                assert await store.held(box) == Held(first, last[box])
                after = await store.after(box, seen, limit, MUCH)
                expected = [each for each in held if each[0] > seen][:limit]
                assert [(each.parcel.id, each.parcel.at) for each in after] == expected
                young = [number for number, at in held if at >= AT + limit]
                assert await store.since(box, AT + limit) == min([*young, last[box] + 1])
                assert store.usage(box).held == len(held)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(StoreFiles(Path(folder) / "relay.db")))
