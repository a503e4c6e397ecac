"""Refusals: the sender sees why, and each is a row with its reason, once."""

import asyncio

import pytest

from inspector.domain.delivery import Delivery, State
from inspector.server import ingress, piecewise, protocol
from tests.helpers.served import Served, post
from tests.helpers.wire import PATIENCE, Wire
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n",
    "text": b"hello\r\n\r\n",
    "both lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\nhello!",
    "no length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "endless length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "bare LF": b"POST / HTTP/1.1\nHost: x\nContent-Length: 0\n\n",
    "NUL in a header": b"POST / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "CR in a header": b"POST / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
    "two hosts": b"POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no host": b"POST / HTTP/1.1\r\n\r\n",
    "unknown method": b"FETCH / HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower-case method": b"post / HTTP/1.1\r\nHost: x\r\n\r\n",
    "wrong version": b"GET / HTTP/3.7\r\nHost: x\r\n\r\n",
    "blank in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the target": b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "blank before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    "bad coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
}


async def only_refusal(listener: Served, before: int) -> Delivery:
    """The one row since `before`, seen after one more capture: nothing else was counted."""
    (refused, *_) = await listener.refusals(1, before)
    marker = await listener.post()
    rows = await listener.all(f"id:{before + 1}..")
    assert [row.id for row in rows] == [refused.id, marker]
    assert refused.state is State.REFUSED
    return refused


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("more", [b"", b"x" * 300_000], ids=["alone", "more-follows"])
async def test_malformed_requests_are_rows(shared: Served, name: str, more: bytes) -> None:
    before = await shared.latest()
    sent = MALFORMED[name]
    answer = await shared.ask(sent, *([more] if more else []))
    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    refused = await only_refusal(shared, before)
    assert answer.delivery == refused.id
    assert refused.answered == 400
    assert refused.state_reason.startswith("malformed: ")
    assert "\n" not in refused.state_reason
    raw = await shared.raw(refused.id)
    assert (raw + b"x")[: len(sent)] == (sent + more + b"x" * 9)[: len(sent)]
    assert raw == (sent + more)[: len(raw)]
    assert len(raw) <= 4096


async def test_a_bad_chunk_is_refused_at_once(shared: Served) -> None:
    """Also when the request was being read already: its reader is told."""
    before = await shared.latest()
    async with await shared.wire() as wire:
        await wire.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert (await wire.answer()).status == 100
        answer = await wire.ask(b"5\r\nhello\r\nxyz\r\n", b"more" * 100_000)
        assert answer.status == 400
    refused = await only_refusal(shared, before)
    assert refused.method == "POST"
    assert refused.state_reason.startswith("malformed: ")


@pytest.mark.parametrize("more", [b"", b"x" * 300_000], ids=["alone", "more-follows"])
async def test_a_bad_chunk_behind_its_head(shared: Served, more: bytes) -> None:
    before = await shared.latest()
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await shared.ask(chunked + b"2\r\nhi\r\nxyz\r\n" + more)).status == 400
    refused = await only_refusal(shared, before)
    assert refused.method == "POST"
    assert refused.state_reason.startswith("malformed: ")


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [26 << 20, 60 << 20])
async def test_a_body_that_is_too_large(shared: Served, announced: bool, size: int) -> None:
    before = await shared.latest()
    if announced:
        pieces = [b"PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size]
        pieces += [bytes(1 << 20)] * (size >> 20)
    else:
        pieces = [b"PUT /big HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"]
        pieces += [b"100000\r\n" + bytes(1 << 20) + b"\r\n"] * (size >> 20)
        pieces += [b"0\r\n\r\n"]
    answer = await shared.ask(*pieces)
    assert answer.status == 413
    assert b"26214400" in answer.body
    refused = await only_refusal(shared, before)
    assert (refused.method, refused.request_target) == ("PUT", "/big")
    assert refused.state_reason == "body-too-large: the body is larger than 26214400 bytes"
    assert refused.answered == 413


async def test_the_largest_body_and_one_byte_more(serve: Serve) -> None:
    async with serve(max_body=1000) as listener:
        assert (await listener.ask(post(b"x" * 1000))).status == 200
        assert (await listener.ask(post(b"x" * 1001))).status == 413
        for size, status in ((1000, 200), (1001, 413)):
            chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunked += b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
            assert (await listener.ask(chunked)).status == status


async def test_too_much_in_flight(serve: Serve) -> None:
    async with serve(max_in_flight=1000) as listener:
        async with await listener.wire() as first:
            await first.send(post(b"x" * 901)[:-1])
            async with asyncio.timeout(PATIENCE):
                while (answer := await listener.ask(post(b"x" * 101))).status == 200:
                    pass  # the first one's bytes are still to come
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            async with await listener.wire() as second:
                await second.send(chunked + b"Expect: 100-continue\r\n\r\n")
                assert (await second.answer()).status == 100
                again = await second.ask(b"100\r\n" + b"x" * 256 + b"\r\n0\r\n\r\n")
            assert again.status == 503
            # There is room for what fits, and for the first one still.
            assert (await listener.ask(post(b"x" * 100))).status == 200
            assert (await first.ask(b"x")).status == 200
        # Everything was given back.
        assert (await listener.ask(post(b"x" * 1000))).status == 200
        refused = await listener.refusals(2)
        assert {row.state_reason for row in refused} == {
            "too-much-in-flight: more than 1000 bytes of bodies in flight"
        }
        assert [row.answered for row in refused] == [503, 503]


async def test_a_slow_head(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.05)
    before = await shared.latest()
    async with await shared.wire() as wire:
        await wire.send(b"POST / HTTP/1.1\r\nHost")
        answer = await wire.answer()
        assert answer.status == 408
        await wire.send(b": x\r\n\r\n")  # too late
        wire.end()
        assert await wire.rest() == b""
    refused = await only_refusal(shared, before)
    assert refused.state_reason.startswith("head-timeout: ")
    assert await shared.raw(refused.id) == b"POST / HTTP/1.1\r\nHost"


async def test_a_slow_head_behind_other_requests(
    shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.05)
    before = await shared.latest()
    async with await shared.wire() as wire:
        assert (await wire.ask(post())).delivery == before + 1
        await wire.send(b"GET /second")
        assert (await wire.answer()).status == 408
    (refused,) = await shared.refusals(1, before)
    assert await shared.raw(refused.id) == b"GET /second"


async def test_a_slow_body(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "PIECE_SECONDS", 0.05)
    before = await shared.latest()
    async with await shared.wire() as wire:
        await wire.send(post(b"hello")[:-1])
        answer = await wire.answer()
        assert answer.status == 408
        await wire.send(b"o")
        wire.end()
        assert await wire.rest() == b""
    refused = await only_refusal(shared, before)
    assert refused.state_reason.startswith("body-timeout: ")
    assert refused.request_target == "/hooks"


LONG = {
    "one long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "a long name": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"x" * 70_000 + b": x\r\n\r\n",
    "a long target": b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long together": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + (b"X: " + b"x" * 30_000 + b"\r\n") * 3
    + b"\r\n",
    "without an end": b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"X: " + b"x" * 30_000 + b"\r\n") * 30,
    "too many": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1200 + b"\r\n",
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("step", [1 << 20, 4000])
async def test_long_heads(shared: Served, name: str, step: int) -> None:
    before = await shared.latest()
    sent = LONG[name]
    answer = await shared.ask(*(sent[at : at + step] for at in range(0, len(sent), step)))
    assert answer.status == 431
    refused = await only_refusal(shared, before)
    assert refused.answered == 431
    code = "too-many-headers: " if name == "too many" else "head-too-large: "
    assert refused.state_reason.startswith(code)
    if not refused.method:
        assert await shared.raw(refused.id) == sent[:4096]


async def test_many_headers_that_fit(shared: Served) -> None:
    assert await shared.post(head=b"X: y\r\n" * 900)


@pytest.mark.parametrize("how", ["cut", "close", "end"])
@pytest.mark.parametrize("sent", [b"PO", b"POST / HTTP/1.1\r\nHost: x\r\nX-Half"])
async def test_a_connection_that_ends_within_a_head(shared: Served, how: str, sent: bytes) -> None:
    before = await shared.latest()
    wire = await shared.wire()
    await wire.send(sent)
    await _end(wire, how)
    refused = await only_refusal(shared, before)
    assert refused.state_reason == "cut: the sender went away in the middle of the request head"
    assert refused.answered is None
    assert await shared.raw(refused.id) == sent


@pytest.mark.parametrize("how", ["cut", "close", "end"])
@pytest.mark.parametrize("length", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
async def test_a_connection_that_ends_within_a_body(
    shared: Served, how: str, length: bytes
) -> None:
    before = await shared.latest()
    wire = await shared.wire()
    await wire.send(
        b"POST /half HTTP/1.1\r\nHost: x\r\n" + length + b"\r\nExpect: 100-continue\r\n\r\n"
    )
    assert (await wire.answer()).status == 100
    await wire.send(b"5\r\nhe")
    await _end(wire, how)
    refused = await only_refusal(shared, before)
    assert refused.state_reason == "cut: the sender went away in the middle of the body"
    assert (refused.request_target, refused.answered) == ("/half", None)


async def _end(wire: Wire, how: str) -> None:
    if how == "cut":
        wire.cut()
    elif how == "end":
        wire.end()
        await wire.rest()
    await wire.close()


async def test_connections_without_a_byte_are_nothing(shared: Served) -> None:
    before = await shared.latest()
    for how in ("cut", "close", "end"):
        await _end(await shared.wire(), how)
    assert await shared.post() == before + 1


async def test_garbage_behind_a_request(shared: Served) -> None:
    async with await shared.wire() as wire:
        first = await wire.ask(post())
        assert first.status == 200
        assert (await wire.ask(b"\0\0\0\r\n\r\n")).status == 400
    (refused,) = await shared.refusals(1, first.delivery)
    assert await shared.raw(refused.id) == b"\0\0\0\r\n\r\n"


async def test_garbage_behind_a_declined_upgrade(shared: Served) -> None:
    before = await shared.latest()
    head = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    async with await shared.wire() as wire:
        await wire.send(post(b"", head) + b"\0\0\r\n\r\n")
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 400
    (refused,) = await shared.refusals(1, before)
    assert await shared.raw(refused.id) == b"\0\0\r\n\r\n"


async def test_half_a_head_behind_a_declined_upgrade(
    shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.05)
    head = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    async with await shared.wire() as wire:
        await wire.send(post(b"", head) + b"GET /half")
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 408


async def test_the_connection_of_a_refused_sender_ends(
    shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rest is read and thrown away for a while only."""
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.05)
    async with await shared.wire() as wire:
        assert (await wire.ask(b"\0\r\n\r\n")).status == 400
        assert await wire.rest() == b""
