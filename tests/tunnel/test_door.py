"""The tunnel's door: who comes in, what is said to the others, and what a broken peer costs."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from inspector.domain.attempt import Response
from inspector.domain.parcel import digest_of
from inspector.tunnel import attachment as attachments
from inspector.tunnel import desk as desks
from inspector.tunnel import door as doors
from inspector.tunnel import window
from inspector.tunnel.messages import (
    MAX_FRAME,
    PATH,
    PIECE_BYTES,
    SUBPROTOCOL,
    VERSION,
    Ack,
    Canary,
    Hello,
    Message,
    Parcels,
    Piece,
    RelayState,
    Reply,
    Start,
    Team,
)
from inspector.tunnel.wire import encode
from tests.helpers.mailboxes import captured, head_of
from tests.helpers.tunnel import SLUG, TOKEN, RelaySide, peer, relay_side, until


@pytest.fixture
async def side() -> AsyncIterator[RelaySide]:
    async with relay_side() as side:
        yield side


async def refusal(side: RelaySide, **options: object) -> tuple[int, dict[str, str]]:
    """The status and the error that a consumer is turned away with."""
    with pytest.raises(InvalidStatus) as refused:
        async with peer(side, **options):  # type: ignore[arg-type]
            pass
    response = refused.value.response
    assert "Inspector" not in str(response.headers)
    return response.status_code, json.loads(response.body or b"")["error"]


# Coming in.


async def test_a_consumer_gets_what_is_stored_and_then_what_comes(side: RelaySide) -> None:
    for _ in range(3):
        side.take_in(captured())
    async with peer(side) as consumer:
        hello, begin = await consumer.begin(after=1)
        assert hello == Hello("9.9.9", "one", "relay/e1", "stored", 1, 3, side.now)
        assert begin == (2, 0, 0)
        assert (await consumer.read(RelayState)).primary
        assert [parcel.id for parcel in await consumer.parcels(2)] == [2, 3]
        side.take_in(captured(b"live"))
        (live,) = await consumer.parcels(1)
        assert (live.id, live.body, live.answered, live.ask) == (4, b"live", 200, False)
        await consumer.send(Ack(4))
        await until(lambda: side.desk.attached()[0].acked == 4)
    await until(lambda: not side.desk.attached())
    assert side.mailboxes.cursors == {"e1/dev@laptop": 4}


async def test_what_expired_and_what_is_not_wanted_is_counted(side: RelaySide) -> None:
    for at in range(1, 11):
        side.take_in(captured(at=at))
    side.mailboxes.prune(4)
    async with peer(side) as consumer:
        hello, begin = await consumer.begin(after=1, since=8)
        assert (hello.first, hello.last) == (5, 10)
        assert begin == (8, 3, 3)
        assert [parcel.id for parcel in await consumer.parcels(3)] == [8, 9, 10]
        # What is left out is on nobody's disk before the consumer says so.
        assert side.mailboxes.cursors == {"e1/dev@laptop": 1}


async def test_a_relay_that_was_set_back_tells_as_it_is(side: RelaySide) -> None:
    side.take_in(captured())
    async with peer(side) as consumer:
        hello, begin = await consumer.begin(after=9)
        assert hello.last == 1
        assert begin == (10, 0, 0)
        await until(lambda: side.mailboxes.cursors)
        assert side.mailboxes.cursors == {"e1/dev@laptop": 1}


async def test_one_who_only_looks_gets_the_hello_and_no_name(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.read(RelayState)
        async with peer(side, query="&peek=1") as looking:
            assert (await looking.read(Hello)).mailbox == "relay/e1"
            (member,) = (await looking.read(Team)).members
            assert (member.consumer, member.primary) == ("dev@laptop", True)
            assert (await looking.closed())[0] == 1000
        assert len(side.desk.attached()) == 1


# Being turned away.


async def test_an_unknown_endpoint_is_none(side: RelaySide) -> None:
    side.endpoint = side.endpoint.model_copy(update={"slug": "another"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RelaySide, "url", f"ws://127.0.0.1:{side.port}{PATH}nothing")
        status, error = await refusal(side)
    assert (status, error["code"]) == (404, "no-endpoint")


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer ", "Bearer x", f"Basic {TOKEN}"])
async def test_nobody_comes_in_without_the_token(side: RelaySide, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    status, error = await refusal(side, additional_headers=headers)
    assert (status, error["code"]) == (401, "unauthorized")
    assert "one" not in error["message"].split()


@pytest.mark.parametrize(
    ("offered", "agent", "spoken"),
    [
        (["inspector.tunnel.1"], "inspector/10.0.0", "1 (10.0.0)"),
        (["inspector.tunnel.3", "inspector.tunnel.1"], "curl/8", "1 and 3"),
        (None, "inspector/10.0.0", "none (10.0.0)"),
    ],
)
async def test_another_version_is_told_both(
    side: RelaySide, offered: list[str] | None, agent: str, spoken: str
) -> None:
    protocols = [Subprotocol(each) for each in offered] if offered else None
    status, error = await refusal(side, subprotocols=protocols, user_agent_header=agent)
    assert (status, error["code"]) == (426, "version")
    ours = f"the relay speaks tunnel version {VERSION} (inspector 9.9.9)"
    assert error["message"] == f"{ours}, this inspector speaks {spoken}"


@pytest.mark.parametrize("name", ["", "a%20b", "a/b", "a%0Ab", "x" * 129])
async def test_a_name_must_be_one(side: RelaySide, name: str) -> None:
    status, error = await refusal(side, consumer=name)
    assert (status, error["code"]) == (400, "bad-request")


async def test_what_is_no_websocket_is_told_so(side: RelaySide) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
    writer.write(
        f"GET {PATH}{SLUG}?consumer=a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


async def test_a_name_that_is_taken_is_refused(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        status, error = await refusal(side, instance="0b" * 8)
        assert (status, error["code"]) == (409, "consumer-attached")
        assert "since 1970-01-01T00:00:01" in error["message"]
        assert "from 127.0.0.1" in error["message"]


async def test_an_endpoint_has_so_many_consumers(
    side: RelaySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "MOST_CONSUMERS", 1)
    async with peer(side) as consumer:
        await consumer.begin()
        status, error = await refusal(side, consumer="another")
        assert (status, error["code"]) == (429, "too-many-consumers")
        assert error["message"] == "1 consumers are attached already"
        # One that comes back has its place.
        async with peer(side) as again:
            await again.begin()


async def test_a_name_can_be_taken_over_and_the_older_one_is_told(side: RelaySide) -> None:
    async with peer(side) as older:
        await older.begin()
        async with peer(side, instance="0b" * 8, query="&take_over=1") as newer:
            code, reason = await older.closed()
            assert code == 4409
            assert reason == "dev@laptop is attached from 127.0.0.1 now"
            await newer.begin()
            side.take_in(captured())
            assert len(await newer.parcels(1)) == 1


async def test_a_process_that_comes_back_replaces_its_own_connection(side: RelaySide) -> None:
    async with peer(side) as older:
        await older.begin()
        async with peer(side) as newer:
            assert (await older.closed())[0] == 1000
            await newer.begin()
            assert (await newer.read(RelayState)).primary
            assert len(side.desk.attached()) == 1


async def test_no_token_and_no_slug_is_logged(
    side: RelaySide, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await refusal(side, additional_headers={"Authorization": "Bearer wrong-token"})
    await refusal(side, subprotocols=None)
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.socket.send("text")
        await consumer.closed()
    ours = [record for record in caplog.records if not record.name.startswith("websockets")]
    said = "\n".join(record.getMessage() for record in ours)
    assert SLUG not in said
    assert TOKEN not in said
    assert "wrong-token" not in said


# What a broken peer costs: its connection.


@pytest.mark.parametrize(
    "frame",
    [
        "text",
        b"",
        b"\x00\x00\x00\x02{}",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x0e" + b'{"kind":"ack"}',
        encode(Ack(1)),
        encode(Parcels(())),
        encode(Start(-1)),
        encode(Start(1 << 70)),
    ],
    ids=range(9),
)
async def test_what_cannot_be_read_ends_the_connection(side: RelaySide, frame: bytes | str) -> None:
    async with peer(side) as consumer:
        await consumer.read(Hello)
        await consumer.socket.send(frame)
        assert (await consumer.closed())[0] == 4400
    await until(lambda: not side.desk.attached())


async def test_a_second_start_ends_the_connection(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.send(Start(0))
        assert (await consumer.closed())[0] == 4400


async def test_an_acknowledgement_of_what_was_not_sent_ends_the_connection(
    side: RelaySide,
) -> None:
    side.take_in(captured())
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.parcels(1)
        await consumer.send(Ack(2))
        assert (await consumer.closed())[0] == 4400
    assert side.mailboxes.cursors == {"e1/dev@laptop": 0}


async def test_a_frame_that_is_too_large_ends_the_connection(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.socket.send(bytes(MAX_FRAME + 1))
        assert (await consumer.closed())[0] == 1009


async def test_an_answer_that_nobody_asked_for_is_passed_over(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.send(Reply(7, Response(200, "OK", (), b"", 0)))
        side.take_in(captured())
        assert len(await consumer.parcels(1)) == 1


async def test_one_that_never_starts_is_parted_from(
    side: RelaySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "START_SECONDS", 0.05)
    async with peer(side) as consumer:
        assert (await consumer.closed())[0] == 4408


async def test_one_that_acknowledges_nothing_is_parted_from(
    side: RelaySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "STATE_SECONDS", 0.02)
    monkeypatch.setattr(attachments, "SLOW_SECONDS", 0.1)
    monkeypatch.setattr(window, "WINDOW", 5)
    async with peer(side) as consumer:
        await consumer.begin()
        for _ in range(6):
            side.take_in(captured())
        assert [parcel.id for parcel in await consumer.parcels(5)] == [1, 2, 3, 4, 5]
        await consumer.send(Ack(1))
        assert [parcel.id for parcel in await consumer.parcels(1)] == [6]
        side.take_in(captured())
        code, reason = await consumer.closed()
        assert code == 4408
        assert reason.startswith("nothing was acknowledged for")


async def dead(side: RelaySide) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One that shakes hands, and then nothing more comes from it, not even a pong."""
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port, limit=1)
    writer.write(
        f"GET {PATH}{SLUG}?consumer=dead&instance={'0a' * 8} HTTP/1.1\r\nHost: h\r\n"
        f"Authorization: Bearer {TOKEN}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    await until(lambda: side.desk.attached())
    return reader, writer


async def test_one_that_sends_too_much_and_reads_nothing_is_cut(
    side: RelaySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "STATE_SECONDS", 0.05)
    for _ in range(60):
        side.take_in(captured(bytes(200_000)))
    _, writer = await dead(side)
    mask = bytes(4)
    start = encode(Start(0))
    writer.write(bytes((0x82, 0x80 | len(start))) + mask + start)
    await until(lambda: side.desk.attached()[0].primary)
    # More than the sockets hold is to be sent: after a while nothing moves any more.
    seen = [0, 0]

    def stuck() -> bool:
        seen[1] = seen[1] + 1 if seen[0] == side.mailboxes.reads else 0
        seen[0] = side.mailboxes.reads
        return seen[1] > 2000

    await until(stuck)
    writer.write(b"\x82\xff" + (MAX_FRAME + 1).to_bytes(8, "big") + mask + bytes(100))
    await until(lambda: not side.desk.attached())
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_peer_that_is_dead_is_noticed(
    side: RelaySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "HEARTBEAT_SECONDS", 0.2)
    _, writer = await dead(side)
    await until(lambda: not side.desk.attached())
    writer.close()
    await writer.wait_closed()


async def test_compression_is_not_agreed_on(side: RelaySide) -> None:
    async with peer(side, compression="deflate") as consumer:
        assert consumer.socket.response is not None
        assert "Sec-WebSocket-Extensions" not in consumer.socket.response.headers
        await consumer.begin()


# What goes through.


async def test_a_large_body_comes_in_pieces(side: RelaySide) -> None:
    body = bytes(range(256)) * 4096 * 3
    middling = b"m" * (PIECE_BYTES + 1)
    async with peer(side) as consumer:
        await consumer.begin()
        for each in (body, middling, b"small"):
            side.take_in(captured(each))
        for number, each in enumerate((body, middling), 1):
            (parcel,) = await consumer.parcels(1)
            assert (parcel.id, parcel.size, parcel.body, parcel.digest) == (
                number, len(each), b"", "",
            )  # fmt: skip
            got = b""
            while len(got) < parcel.size:
                piece = await consumer.read(Piece)
                assert piece.id == number
                assert len(piece.body) <= PIECE_BYTES
                got += piece.body
            assert got == each
            assert piece.digest == digest_of(head_of(captured(each).request), each)
        assert (await consumer.parcels(1))[0].body == b"small"


async def test_a_canary_is_known_once(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        await consumer.send(Canary("n1"))
        assert await consumer.read(Canary) == Canary("n1")
        await consumer.send(Canary("x" * 200))
        await consumer.read(Canary)
        assert side.desk.takes_canary("n1")
        assert not side.desk.takes_canary("n1")
        assert not side.desk.takes_canary("never")
        assert not side.desk.takes_canary("x" * 200)


async def test_a_relay_that_stops_says_so(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        closing = asyncio.ensure_future(side.door.close())
        assert await consumer.closed() == (1001, "the relay is stopping")
        await closing
        status, _ = await refusal(side, instance="0b" * 8)
        assert status == 503


async def test_an_endpoint_that_is_gone_parts_from_all(side: RelaySide) -> None:
    async with peer(side) as consumer:
        await consumer.begin()
        side.desk.close(4401, "the token was rotated")
        assert await consumer.closed() == (4401, "the token was rotated")
    status, _ = await refusal(side)
    assert status == 401


async def test_every_message_of_a_relay_is_refused_from_a_consumer(side: RelaySide) -> None:
    messages: list[Message] = [
        RelayState(1, 0, True, 1),
        Piece(1, b""),
        Hello("", "", "", "", 1, 1, 1),
    ]
    for message in messages:
        async with peer(side) as consumer:
            await consumer.begin()
            await consumer.send(message)
            assert (await consumer.closed())[0] == 4400
