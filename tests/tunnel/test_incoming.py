"""However deliveries are cut into messages, they come out whole; what is changed on the way not."""

from collections.abc import Iterator
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.parcel import Parcel
from inspector.tunnel.incoming import LARGEST_BODY, Incoming
from inspector.tunnel.messages import WINDOW_BYTES, Parcels, Passed, Piece, WireError
from inspector.tunnel.ports import Whole
from tests.helpers.fake_tunnel import parcel

_SMALL = 8
BODIES = st.lists(st.binary(max_size=30), max_size=12)


def messages(parcels: list[Parcel], cuts: list[int]) -> Iterator[Parcels | Piece]:
    """As a relay sends them: so many a frame, bodies above a limit in pieces."""
    sizes = cycle(cuts)
    frame: list[Parcel] = []
    for one in parcels:
        if one.size <= _SMALL:
            frame.append(one)
            if len(frame) >= next(sizes):
                yield Parcels(tuple(frame))
                frame = []
            continue
        yield Parcels((*frame, one._replace(body=b"", digest="")))
        frame, at = [], 0
        while at < one.size:
            end = at + next(sizes)
            yield Piece(one.id, one.body[at:end], one.digest if end >= one.size else "")
            at = end
    if frame:
        yield Parcels(tuple(frame))


def wholes(incoming: Incoming, message: Parcels | Piece) -> list[Whole]:
    return [each for each in incoming.feed(message) if not isinstance(each, Passed)]


@given(BODIES, st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(0, 1000))
def test_what_is_sent_comes_out(bodies: list[bytes], cuts: list[int], seen: int) -> None:
    sent = [parcel(seen + n, body) for n, body in enumerate(bodies, 1)]
    incoming = Incoming(seen)
    came = [whole for each in messages(sent, cuts) for whole in wholes(incoming, each)]
    assert [one.id for one, _ in came] == [one.id for one in sent]
    assert [b"".join(pieces) if pieces else one.body for one, pieces in came] == bodies
    assert [one.head for one, _ in came] == [one.head for one in sent]


@given(BODIES.filter(any), st.data())
def test_a_changed_byte_is_noticed(bodies: list[bytes], data: st.DataObject) -> None:
    sent = [parcel(n, body) for n, body in enumerate(bodies, 1)]
    told = list(messages(sent, [3]))
    which = data.draw(st.sampled_from([n for n, one in enumerate(told) if _bytes(one)]))
    harmed = told[which]
    if isinstance(harmed, Piece):
        told[which] = harmed._replace(body=_changed(harmed.body, data))
    else:
        at = data.draw(st.sampled_from([n for n, one in enumerate(harmed.items) if one.body]))
        items = list(harmed.items)
        items[at] = items[at]._replace(body=_changed(items[at].body, data))
        told[which] = Parcels(tuple(items))
    came, error = _fed(told)
    assert error is not None
    assert came == list(range(1, len(came) + 1))


def _fed(told: list[Parcels | Piece]) -> tuple[list[int], WireError | None]:
    """The ids of what came whole, and what ended it."""
    incoming = Incoming(0)
    came: list[int] = []
    try:
        for message in told:
            came += [one.id for one, _ in wholes(incoming, message)]
    except WireError as error:
        return came, error
    return came, None


def _bytes(message: Parcels | Piece) -> bool:
    if isinstance(message, Piece):
        return bool(message.body)
    return any(one.body for one in message.items)


def _changed(body: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, len(body) - 1))
    return body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]


def test_what_comes_behind_a_large_body_waits_for_it() -> None:
    incoming = Incoming(0)
    large = parcel(1, b"large body")
    assert not incoming.feed(Parcels((large._replace(body=b"", digest=""), parcel(2))))
    assert not incoming.feed(Parcels((parcel(3),)))
    came = wholes(incoming, Piece(1, large.body, large.digest))
    assert [one.id for one, _ in came] == [1, 2, 3]


@given(st.lists(st.one_of(st.integers(1, 5), st.binary(max_size=12)), max_size=20))
def test_what_is_passed_over_has_its_place(script: list[int | bytes]) -> None:
    """Numbers are passes of so many ids, the rest are bodies, large ones in pieces."""
    incoming, seen = Incoming(0), 0
    expected: list[Passed | int] = []
    came: list[Passed | int] = []
    spans: list[tuple[int, int]] = []
    for one in script:
        if isinstance(one, int):
            told = Passed(seen + 1, seen + one)
            seen = told.last
            expected.append(told)
            if len(expected) % 2:
                spans.append(told)
                continue
            message: Parcels | Passed = told
            spans_told, spans = spans, []
            came += [_shown(each) for span in spans_told for each in incoming.feed(Passed(*span))]
        else:
            seen += 1
            expected.append(seen)
            item = parcel(seen, one)
            large = item.size > _SMALL
            sent = item._replace(body=b"", digest="") if large else item
            message, spans = Parcels((sent,), tuple(spans)), []
            if large:
                came += [_shown(each) for each in incoming.feed(message)]
                message = Parcels(())
                piece = Piece(seen, item.body, item.digest)
                came += [_shown(each) for each in incoming.feed(piece)]
        came += [_shown(each) for each in incoming.feed(message)]
    came += [_shown(each) for span in spans for each in incoming.feed(Passed(*span))]
    assert came == expected


def _shown(one: Whole | Passed) -> Passed | int:
    return one if isinstance(one, Passed) else one[0].id


def test_a_pass_behind_a_large_body_waits_for_it() -> None:
    incoming = Incoming(0)
    large = parcel(1, b"large body")
    assert not incoming.feed(Parcels((large._replace(body=b"", digest=""),)))
    assert not incoming.feed(Passed(2, 9))
    came = incoming.feed(Piece(1, large.body, large.digest))
    assert [_shown(each) for each in came] == [1, Passed(2, 9)]


@pytest.mark.parametrize(
    "wrong",
    [
        Passed(2, 3),
        Passed(1, 0),
        Passed(1, 1 << 62),
        Parcels((parcel(2),), ((1, 1), (3, 4))),
        Parcels((parcel(2),), ((1, 2),)),
        Parcels((parcel(3),), ((1, 1),)),
        Parcels((parcel(3),), ((2, 2),)),
        Parcels((parcel(1), parcel(3)), ((1, 2),)),
        Parcels((parcel(2),)),
        Parcels((parcel(1), parcel(1))),
        Parcels((parcel(1)._replace(size=3),)),
        Parcels((parcel(1)._replace(body=b"", digest="", size=LARGEST_BODY + 1),)),
        Piece(1, b"x", ""),
    ],
)
def test_what_was_not_announced_is_refused(wrong: Parcels | Piece | Passed) -> None:
    with pytest.raises(WireError):
        Incoming(0).feed(wrong)


def test_what_waits_behind_a_large_body_is_bounded_in_bytes() -> None:
    incoming = Incoming(0)
    incoming.feed(Parcels((parcel(1)._replace(body=b"", digest="", size=1 << 20),)))
    body = b"x" * (1 << 20)
    last = 1 + WINDOW_BYTES // len(body)
    for number in range(2, last):
        incoming.feed(Parcels((parcel(number, body),)))
    with pytest.raises(WireError, match="too much came before a large body was whole"):
        incoming.feed(Parcels((parcel(last, body),)))


def test_what_came_behind_a_large_body_leaves_room_for_more() -> None:
    incoming, body = Incoming(0), b"x" * (WINDOW_BYTES // 2)
    for number in (1, 3, 5):
        large, behind = parcel(number, b"large body"), parcel(number + 1, body)
        incoming.feed(Parcels((large._replace(body=b"", digest=""), behind)))
        came = wholes(incoming, Piece(number, large.body, large.digest))
        assert [one.id for one, _ in came] == [number, number + 1]


@pytest.mark.parametrize(
    "piece", [Piece(2, b"x"), Piece(1, b""), Piece(1, b"12345"), Piece(1, b"abcd")]
)
def test_pieces_that_do_not_fit_are_refused(piece: Piece) -> None:
    incoming = Incoming(0)
    incoming.feed(Parcels((parcel(1)._replace(body=b"", digest="", size=4),)))
    with pytest.raises(WireError):
        incoming.feed(piece)
