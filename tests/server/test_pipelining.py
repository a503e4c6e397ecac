"""Requests behind each other on a connection: each has its own row, and its answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.web_protocol import RequestHandler

from inspector.domain.delivery import Delivery
from inspector.domain.facts import Captured
from inspector.server import piecewise, protocol
from tests.helpers.fake_target import FakeTarget, held
from tests.helpers.relaying import Relaying, endpoint, relaying
from tests.helpers.served import Served, post
from tests.helpers.wire import Wire
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = {
    "small": post(b"one"),
    "closing": post(b"one", b"Connection: close\r\n"),
    "1.0": post(b"one").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "large": post(b"o" * 400_000),
    "chunked": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\none\r\n0\r\nTrailer: x\r\n\r\n",
    "declined": post(b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
}
BROKEN = b"POST /broken HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"


@pytest_asyncio.fixture(loop_scope="module")
async def relay(tmp_path: Path) -> AsyncIterator[Relaying]:
    async with relaying(tmp_path, [endpoint("one"), endpoint("two")]) as running:
        yield running


async def rows(listener: Served, before: int) -> list[Delivery]:
    return await listener.all(f"id:{before + 1}..")


# Senders that end their half of the connection.


@pytest.mark.parametrize("name", ONE)
async def test_a_sender_that_ends_its_half_reads_its_answer(shared: Served, name: str) -> None:
    for _ in range(5):
        async with await shared.wire() as wire:
            await wire.send(ONE[name])
            wire.end()
            assert (await wire.answer()).status == 200
            assert await wire.rest() == b""


@pytest.mark.parametrize(
    "sent",
    [b"nonsense\r\n\r\n", BROKEN, ONE["chunked"].replace(b"3\r", b"x\r")],
)
async def test_a_malformed_sender_that_ends_its_half_reads_its_answer(
    shared: Served, sent: bytes
) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(5):
        async with await shared.wire() as wire:
            await wire.send(sent)
            wire.end()
            assert (await wire.answer()).status == 400
            assert await wire.rest() == b""
    assert loop.time() - begun < protocol.LINGER_SECONDS


async def test_a_malformed_sender_that_does_not_wait_is_no_fault_of_ours(shared: Served) -> None:
    """The log stays empty, which every test here looks at."""
    before = await shared.latest()
    for _ in range(20):
        wire = await shared.wire()
        await wire.send(BROKEN)
        wire.cut()
    assert len(await shared.refusals(20, before)) == 20


async def test_the_answers_to_many_are_read_behind_ones_own_end(shared: Served) -> None:
    before = await shared.latest()
    async with await shared.wire() as wire:
        await wire.send(post(b"x") * 100)
        wire.end()
        for number in range(100):
            assert (await wire.answer()).delivery == before + 1 + number
        assert await wire.rest() == b""


# Senders that go away.


@pytest.mark.parametrize("count", [1, 2, 10, 50, 500])
async def test_what_a_sender_sent_before_it_went_is_captured(shared: Served, count: int) -> None:
    before = await shared.latest()
    wire = await shared.wire()
    await wire.send(b"".join(post(b"%d" % number) for number in range(count)))
    await wire.close()

    async def look() -> list[Delivery]:
        return await rows(shared, before)

    assert len(await shared.until(look, count)) == count
    assert (await shared.request(before + count)).body == b"%d" % (count - 1)


async def test_whatever_is_queued_has_its_row(serve: Serve) -> None:
    """Behind one whose sender went while the app was asked: of every kind, and half a body."""
    gate = asyncio.Event()
    async with FakeTarget() as app:
        app.then(held(gate))
        async with serve(forward_to=[app.url], ack="app") as listener:
            wire = await listener.wire()
            await wire.send(post(b"0") + post(b"1") + ONE["chunked"] + post(b"half")[:-1])
            await app.wait_for(1)
            wire.cut()
            gate.set()
            (half,) = await listener.refusals(1)
            assert half.state_reason == "cut: the sender went away in the middle of the body"
            assert half.request_target == "/hooks"
            bodies = [(await listener.request(number)).body for number in (1, 2, 3)]
            assert bodies == [b"0", b"1", b"one"]


# What is malformed, behind what is not.


async def test_a_malformed_request_behind_another_has_its_own_row(relay: Relaying) -> None:
    good = post(b"SECRET", target=b"/in/Sone/good")
    broken = BROKEN.replace(b"/broken", b"/in/Stwo/broken")
    async with await relay.wire() as wire:
        await wire.send(good + broken)
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 400
    ((_, fact),) = relay.desk().told
    assert isinstance(fact, Captured)
    assert fact.request.body == b"SECRET"
    (parcel,) = await relay.stored("two")
    assert (parcel.code, parcel.body) == ("malformed", BROKEN)


@pytest.mark.parametrize("name", [each for each in ONE if each not in ("closing", "1.0")])
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
async def test_each_is_known_by_its_own_bytes(shared: Served, name: str, step: int) -> None:
    sent = ONE[name] + b"\r\n" + ONE[name] + BROKEN
    if len(sent) > 100_000:
        step *= 10_000
    before = await shared.latest()
    async with await shared.wire() as wire:
        reading = asyncio.ensure_future(_answers(wire, 3))
        await wire.send(*(sent[at : at + step] for at in range(0, len(sent), step)))
        assert await reading == [200, 200, 400]
    (refused,) = await shared.refusals(1, before)
    assert refused.id == before + 3
    assert await shared.raw(refused.id) == BROKEN
    first, second = [await shared.request(before + number) for number in (1, 2)]
    assert first == second


async def _answers(wire: Wire, count: int) -> list[int]:
    return [(await wire.answer()).status for _ in range(count)]


@pytest.mark.parametrize("name", ["small", "large", "chunked"])
async def test_a_malformed_request_behind_the_end_of_a_body(shared: Served, name: str) -> None:
    before = await shared.latest()
    sent = ONE[name]
    async with await shared.wire() as wire:
        head = sent.index(b"\r\n\r\n") + 4
        asked = sent[: head - 2] + b"Expect: 100-continue\r\n\r\n"
        await wire.send(asked)
        assert (await wire.answer()).status == 100
        await wire.send(sent[head:] + BROKEN)
        assert await _answers(wire, 2) == [200, 400]
    (refused,) = await shared.refusals(1, before)
    assert await shared.raw(refused.id) == BROKEN


@pytest.mark.parametrize("name", ["small", "chunked"])
async def test_half_a_head_behind_the_end_of_a_body(
    shared: Served, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.05)
    before = await shared.latest()
    sent = ONE[name]
    async with await shared.wire() as wire:
        head = sent.index(b"\r\n\r\n") + 4
        await wire.send(sent[: head - 2] + b"Expect: 100-continue\r\n\r\n")
        assert (await wire.answer()).status == 100
        await wire.send(sent[head:] + BROKEN[:20])
        assert await _answers(wire, 2) == [200, 408]
    (refused,) = await shared.refusals(1, before)
    assert await shared.raw(refused.id) == BROKEN[:20]


async def test_half_a_head_behind_a_request_is_cut(shared: Served) -> None:
    before = await shared.latest()
    async with await shared.wire() as wire:
        await wire.send(post() + BROKEN[:20])
        assert (await wire.answer()).status == 200
    (refused,) = await shared.refusals(1, before)
    assert refused.state_reason == "cut: the sender went away in the middle of the request head"
    assert await shared.raw(refused.id) == BROKEN[:20]


async def test_a_trailer_is_no_header_of_the_next_request(shared: Served) -> None:
    async with await shared.wire() as wire:
        assert (await wire.ask(ONE["chunked"])).status == 200
        answer = await wire.ask(post())
    assert dict((await shared.request(answer.delivery)).headers).keys() == {
        "Host",
        "Content-Length",
    }


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def crumble(wire: Wire, *pieces: bytes) -> None:
    """Send pieces, each of which is most likely read by itself."""
    for piece in pieces:
        await wire.send(piece)
        await asyncio.sleep(0)


@pytest.mark.parametrize("trailer", [b"Trailer: 0\r\n", b""])
async def test_what_reads_like_the_end_of_chunks_is_none(shared: Served, trailer: bytes) -> None:
    inside = b"\r\n\r\n0\r\n\r\n" + BROKEN
    sent = CHUNKED + b'%X;a="b"\r\n%s\r\n1\r\n\n\r\n' % (len(inside), inside)
    sent += b"000;z=0\r\n" + trailer + b"\r\n"
    for cut in range(len(CHUNKED), len(sent)):
        before = await shared.latest()
        async with await shared.wire() as wire:
            await crumble(wire, sent[:cut], sent[cut : cut + 1], sent[cut + 1 :] + BROKEN)
            assert await _answers(wire, 2) == [200, 400]
        assert (await shared.request(before + 1)).body == inside + b"\n"
        assert await shared.raw(before + 2) == BROKEN


@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_chunks_that_come_in_crumbs(shared: Served, size: int) -> None:
    body = b"0\r\n\r\n"
    one = CHUNKED + b"00a;b\r\n\r\n\r\n%s0\r\n0\r\n" % body
    sent = (one + b"\r\n") * 2 + (one + b"T: 1\r\nU: 0\r\n\r\n") * 2 + post(body)
    before = await shared.latest()
    async with await shared.wire() as wire:
        await crumble(wire, *[sent[at : at + size] for at in range(0, len(sent), size)])
        assert await _answers(wire, 5) == [200] * 5
    bodies = [(await shared.request(before + number)).body for number in range(1, 6)]
    assert bodies == [b"\r\n\r\n%s0" % body] * 4 + [body]


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much the parser was given each time."""
    sizes: list[int] = []
    feed = RequestHandler.data_received

    def noting(handler: RequestHandler, data: bytes) -> None:
        sizes.append(len(data))
        feed(handler, data)

    monkeypatch.setattr(RequestHandler, "data_received", noting)
    return sizes


async def test_empty_lines_in_a_chunk_are_nothing_to_stop_at(
    shared: Served, fed: list[int]
) -> None:
    body = b"\r\n\r\n" * 50_000
    async with await shared.wire() as wire:
        answer = await wire.ask(CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert (await shared.request(answer.delivery)).body == body
    assert len(fed) < 5_000


async def test_empty_lines_before_a_request_are_passed_over_at_once(
    shared: Served, fed: list[int]
) -> None:
    before = await shared.latest()
    async with await shared.wire() as wire:
        await crumble(wire, b"\r\n" * 100_000, b"\r\n\r", b"\n" + post(b"one") + b"\r\n\r\n")
        assert (await wire.answer()).status == 200
        assert (await wire.ask(post(b"two"))).status == 200
    assert (await shared.request(before + 1)).body == b"one"
    assert (await shared.request(before + 2)).body == b"two"
    assert len(fed) < 5_000


@pytest.mark.parametrize("line", [b"-1", b"-99", b"", b"x", b"1_0", b"0x1", b"f" * 30, b" 1"])
async def test_a_length_of_a_chunk_that_is_none_is_refused(shared: Served, line: bytes) -> None:
    before = await shared.latest()
    async with await shared.wire() as wire:
        await wire.send(CHUNKED + b"2\r\n\n\n\r\n" + line + b"\r\nab\r\n0\r\n\r\n")
        assert (await wire.answer()).status == 400
    (refused,) = await shared.refusals(1, before)
    assert refused.state_reason.startswith("malformed: ")


async def test_a_line_end_behind_a_body_is_nothing(
    shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.0)
    before = await shared.latest()
    async with await shared.wire() as wire:
        assert (await wire.ask(post() + b"\r\n")).status == 200
        await wire.send(b"\r\n")
        assert (await wire.ask(post())).status == 200
        await wire.send(b"\r\n")
    assert await shared.post() == before + 3
