"""One target over real sockets: exact bytes out, honest outcomes back."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.delivery import Request
from inspector.domain.headers import Headers
from inspector.domain.routes import parse_target
from inspector.forward import connection
from inspector.forward.message import Message
from inspector.forward.target import TargetClient
from tests.helpers.fake_target import (
    Behaviour,
    Exchange,
    FakeTarget,
    certificate,
    cut,
    held,
    ok,
    raw,
    reset,
)

MARKS = (("Inspector-Delivery", "1"), ("Inspector-Attempt", "1"))


@pytest.fixture
async def app() -> AsyncIterator[FakeTarget]:
    async with FakeTarget() as target:
        yield target


@pytest.fixture
async def client(app: FakeTarget) -> AsyncIterator[TargetClient]:
    made = TargetClient(parse_target(app.url))
    yield made
    await made.close()


def request(
    body: bytes = b"{}",
    *,
    method: str = "POST",
    target: str = "/",
    headers: Headers | None = None,
) -> Request:
    given = (("Content-Length", str(len(body))),) if headers is None else headers
    return Request(method, target, "1.1", (("Host", "hooks.example"), *given), body)


async def send(client: TargetClient, sent: Request | None = None) -> Outcome:
    return (await client.send(sent or request(), timeout=10, extra=MARKS)).outcome


async def failure(client: TargetClient, sent: Request | None = None) -> Failure:
    outcome = await send(client, sent)
    assert isinstance(outcome, Failure), outcome
    return outcome


async def response(client: TargetClient, sent: Request | None = None) -> Response:
    outcome = await send(client, sent)
    assert isinstance(outcome, Response), outcome
    return outcome


GZIPPED = gzip.compress(b'{"event":"delta.verified"}' * 40, mtime=0)


@pytest.mark.parametrize(
    ("target", "headers", "body"),
    [
        ("/", (), b""),
        ("/hook", (("Content-Length", "0"),), b""),
        ("/a//b/../%2F%7e;x", (("X-Dup", "1"), ("x-dup", "2"), ("X-DUP", "3")), b""),
        ("/?a=1&a=2", (("X-Latin", "caf\xe9 \xff\x80"), ("x-EMPTY", "")), b""),
        ("/x?", (("Content-Length", "4"),), b"\0\xff\r\n"),
        ("/\xe9\xff?\xfc", (), b""),
        ("/z", (("Content-Encoding", "gzip"), ("Content-Length", str(len(GZIPPED)))), GZIPPED),
        ("/big", (("Content-Length", "5000000"),), bytes(range(250)) * 20_000),
    ],
    ids=["silent", "empty", "path", "latin-1 value", "binary", "latin-1 path", "gzip", "5 MB"],
)
async def test_the_target_gets_exactly_what_was_captured(
    app: FakeTarget, client: TargetClient, target: str, headers: Headers, body: bytes
) -> None:
    await response(client, request(body, target=target, headers=headers))
    expected = [f"Host: 127.0.0.1:{app.port}", *(f"{name}: {value}" for name, value in headers)]
    expected += ["Inspector-Delivery: 1", "Inspector-Attempt: 1"]
    exchange = app.received[0]
    assert exchange.request_line == f"POST {target} HTTP/1.1".encode("latin-1")
    assert exchange.lines == [line.encode("latin-1") for line in expected]
    assert exchange.body == body


async def test_a_chunked_capture_leaves_with_its_length(
    app: FakeTarget, client: TargetClient
) -> None:
    await response(client, request(b"pieces", headers=(("Transfer-Encoding", "chunked"),)))
    assert b"Content-Length: 6" in app.received[0].lines
    assert app.received[0].body == b"pieces"


async def test_what_cannot_be_written_is_not_sent(app: FakeTarget, client: TargetClient) -> None:
    outcome = await failure(client, request(headers=(("X", "a\r\nY: b"),)))
    assert outcome.kind is FailureKind.MALFORMED
    assert app.connections == 0


async def test_the_response_is_kept_as_it_came(app: FakeTarget, client: TargetClient) -> None:
    app.then(
        raw(
            b"HTTP/1.1 418 I'm a t\xe9apot\r\nX-Dup: 1\r\nx-dup: \xff\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: 5\r\n\r\nnot\0z"
        )
    )
    assert await response(client) == Response(
        418,
        "I'm a t\xe9apot",
        (("X-Dup", "1"), ("x-dup", "\xff"), ("Content-Encoding", "gzip"), ("Content-Length", "5")),
        b"not\0z",
        5,
    )


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
async def test_every_status_is_a_response(
    app: FakeTarget, client: TargetClient, status: int
) -> None:
    app.then(ok(b"", status, b"Location: /elsewhere\r\n"))
    assert (await response(client)).status == status
    assert len(app.received) == 1


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
DRIP = [bytes([byte]) for byte in b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab"]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (raw(CHUNKED, b"0\r\nX: t\r\n\r\n"), b"abcde"),
        (raw(b"HTTP/1.0 200 OK\r\n\r\nuntil ", b"the end", keep=False), b"until the end"),
        (raw(INTERIM + FINAL), b"x"),
        (raw(INTERIM, FINAL), b"x"),
        (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), b""),
        (raw(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), b""),
        (raw(*DRIP), b"ab"),
    ],
)
async def test_every_framing_is_read(
    app: FakeTarget, client: TargetClient, answer: Behaviour, body: bytes
) -> None:
    app.then(answer)
    outcome = await response(client)
    assert (outcome.body, outcome.body_size) == (body, len(body))


async def test_the_answer_to_head_has_no_body(app: FakeTarget, client: TargetClient) -> None:
    app.then(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), ok(b"next"))
    assert (await response(client, request(b"", method="HEAD", headers=()))).body == b""
    assert (await response(client)).body == b"next"
    assert app.connections == 1


async def test_an_accepted_connect_ends_the_exchange(app: FakeTarget, client: TargetClient) -> None:
    app.then(raw(b"HTTP/1.1 200 OK\r\n\r\n"))
    sent = request(b"", method="CONNECT", target="h:443", headers=())
    assert (await response(client, sent)).status == 200
    await response(client)
    assert app.connections == 2


async def test_a_large_body_is_counted_and_its_start_kept(
    app: FakeTarget, client: TargetClient
) -> None:
    app.then(ok(b"x" * 3_000_000))
    outcome = await response(client)
    assert (len(outcome.body), outcome.body_size) == (1024 * 1024, 3_000_000)
    await response(client)
    assert app.connections == 1


@pytest.mark.parametrize(
    ("behaviour", "kind", "said"),
    [
        (cut(), FailureKind.CUT, "closed the connection without an answer"),
        (cut(b"HTTP/1.1 200"), FailureKind.CUT, "within the head"),
        (
            cut(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
            FailureKind.CUT,
            "after 3 bytes of its answer's body",
        ),
        (
            cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            FailureKind.CUT,
            "after 2 bytes",
        ),
        (reset(), FailureKind.CUT, "reset the connection without an answer"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), FailureKind.MALFORMED, "did not answer in HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"), FailureKind.MALFORMED, "in HTTP"),
        (raw(b"HTTP/1.1 101 Switch\r\n\r\n"), FailureKind.MALFORMED, "in HTTP"),
        (
            raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n"),
            FailureKind.MALFORMED,
            "a head of over 64 KiB",
        ),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000), FailureKind.MALFORMED, "over 64 KiB"),
        (raw(b"\x15\x03\x01\0\x02\x02\x46"), FailureKind.TLS, "use https://"),
    ],
    ids=range(11),
)
async def test_no_answer_is_a_failure_with_a_reason(
    app: FakeTarget, client: TargetClient, behaviour: Behaviour, kind: FailureKind, said: str
) -> None:
    app.then(behaviour)
    outcome = await failure(client)
    assert outcome.kind is kind
    assert said in outcome.reason
    assert outcome.reason.startswith(f"127.0.0.1:{app.port} ")
    assert (await response(client)).status == 200  # over a new connection
    assert (len(app.received), app.connections) == (2, 2)


async def test_nothing_listens(app: FakeTarget, client: TargetClient) -> None:
    await app.close()
    outcome = await failure(client)
    assert outcome.kind is FailureKind.REFUSED
    assert outcome.reason == f"nothing listens on 127.0.0.1:{app.port} (connection refused)"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "a..b"])
async def test_a_name_without_an_address(host: str) -> None:
    outcome = await failure(TargetClient(parse_target(f"{host}:1")))
    assert outcome.kind is FailureKind.UNRESOLVED
    assert host in outcome.reason


async def test_an_address_out_of_reach() -> None:
    outcome = await failure(TargetClient(parse_target("255.255.255.255:9")))
    assert outcome.kind is FailureKind.UNREACHABLE
    assert "cannot be reached" in outcome.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_localhost_is_each_of_its_addresses(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = FakeTarget(host=host)
    try:
        await app.open()
    except OSError:
        pytest.skip("no IPv6 here")

    async def both(name: str, port: int, **_: object) -> list[object]:
        pairs = [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in pairs]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    client = TargetClient(parse_target(f"localhost:{app.port}"))
    assert (await response(client)).status == 200
    assert app.received[0].lines[0] == f"Host: localhost:{app.port}".encode()
    await app.close()
    await client.close()
    assert (await failure(client)).kind is FailureKind.REFUSED


async def test_an_address_that_swallows_packets_hides_no_other(
    app: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    real = loop.sock_connect

    async def two(name: str, port: int, **_: object) -> list[object]:
        hosts = ("192.0.2.1", "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    async def sock_connect(sock: socket.socket, address: tuple[str, int]) -> None:
        if address[0] == "192.0.2.1":
            await loop.create_future()
        await real(sock, address)

    monkeypatch.setattr(loop, "getaddrinfo", two)
    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    monkeypatch.setattr(connection, "_ADDRESS_PATIENCE", 0.01)
    client = TargetClient(parse_target(f"two.example:{app.port}"))
    assert (await response(client)).status == 200
    await client.close()


async def test_no_address_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(name: str, port: int, **_: object) -> list[object]:
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", none)
    outcome = await failure(TargetClient(parse_target("empty.example")))
    assert outcome.kind is FailureKind.UNRESOLVED


async def test_the_time_out_covers_the_whole_answer(app: FakeTarget, client: TargetClient) -> None:
    gate = asyncio.Event()
    for slow in (held(gate), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")):
        app.then(slow)
        outcome = (await client.send(request(), timeout=0.05)).outcome
        assert outcome == Failure(
            FailureKind.TIMEOUT, f"127.0.0.1:{app.port} gave no answer within 0.05 s"
        )
    assert (await response(client)).status == 200
    assert app.connections == 3


@pytest.mark.parametrize("never", [None, 0, 0.0])
async def test_without_a_time_out_it_waits_for_ever(
    app: FakeTarget, client: TargetClient, never: float | None
) -> None:
    gate = asyncio.Event()
    app.then(held(gate))
    sending = asyncio.create_task(client.send(request(), timeout=never))
    await app.wait_for(1)
    assert not sending.done()
    gate.set()
    sent = await sending
    assert isinstance(sent.outcome, Response)
    assert sent.duration_ms > 0


async def test_cancelling_closes_the_connection(app: FakeTarget, client: TargetClient) -> None:
    gone = asyncio.Event()

    async def until_the_sender_goes(exchange: Exchange) -> bool:
        assert await exchange.reader.read() == b""
        gone.set()
        return False

    app.then(until_the_sender_goes)
    sending = asyncio.create_task(client.send(request(), timeout=None))
    await app.wait_for(1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with asyncio.timeout(5):
        await gone.wait()


async def test_one_connection_carries_one_request_after_the_other(
    app: FakeTarget, client: TargetClient
) -> None:
    for _ in range(5):
        await response(client)
    assert app.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        ok(headers=b"Connection: close\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 unasked\r\n\r\n"),
        raw(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(
    app: FakeTarget, client: TargetClient, answer: Behaviour
) -> None:
    app.then(answer, answer)
    assert (await response(client)).status == 200
    assert (await response(client)).status == 200
    assert app.connections == 2


async def test_bytes_between_two_requests_end_the_connection(
    app: FakeTarget, client: TargetClient
) -> None:
    app.then(ok())
    await response(client)
    (idle, _), *_ = client._idle
    app.received[0].writer.write(b"HTTP/1.1 408 Too late\r\n\r\n")
    await idle.lost
    assert (await response(client)).status == 200
    assert app.connections == 2


@pytest.mark.parametrize("last_word", [cut(), reset()])
async def test_a_kept_connection_that_ends_unanswered_is_replaced_at_once(
    app: FakeTarget, client: TargetClient, last_word: Behaviour
) -> None:
    app.then(ok(), last_word, ok(b"fresh"))
    await response(client)
    assert (await response(client)).body == b"fresh"
    assert [exchange.connection for exchange in app.received] == [1, 1, 2]
    assert app.received[1].raw == app.received[2].raw


async def test_a_kept_connection_that_answers_in_part_is_not_replaced(
    app: FakeTarget, client: TargetClient
) -> None:
    app.then(ok(), cut(b"HTTP/1.1 2"))
    await response(client)
    assert (await failure(client)).kind is FailureKind.CUT
    assert len(app.received) == 2


async def test_a_connection_closed_while_idle_is_not_used(
    app: FakeTarget, client: TargetClient
) -> None:
    await response(client)
    (idle, _), *_ = client._idle
    app.received[0].writer.close()
    await idle.lost
    await response(client)
    assert (len(app.received), app.connections) == (2, 2)


async def test_a_connection_idle_for_long_is_not_used(
    app: FakeTarget, client: TargetClient
) -> None:
    await response(client)
    client._idle = [(idle, since - 61) for idle, since in client._idle]
    await response(client)
    assert app.connections == 2


async def test_several_sendings_at_a_time_keep_as_many_connections_as_allowed(
    app: FakeTarget,
) -> None:
    client = TargetClient(parse_target(app.url), max_connections=2)
    gate = asyncio.Event()
    app.default = held(gate)
    sendings = [asyncio.create_task(send(client)) for _ in range(3)]
    await app.wait_for(3)
    gate.set()
    await asyncio.gather(*sendings)
    assert app.connections == 3
    assert len(client._idle) == 2
    await client.close()
    await client.close()
    await response(client)
    assert client._idle == []


async def test_an_early_answer_ends_a_large_request(app: FakeTarget, client: TargetClient) -> None:
    async def too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n")
        await answered.wait()  # reads nothing more until then
        writer.transport.abort()

    answered = asyncio.Event()
    server = await asyncio.start_server(too_large, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    strict = TargetClient(parse_target(f"127.0.0.1:{port}"))
    assert (await response(strict, request(bytes(25_000_000)))).status == 413
    assert strict._idle == []
    answered.set()
    server.close()


async def test_a_connection_lost_before_it_is_used(app: FakeTarget) -> None:
    opened = await connection.connect(parse_target(app.url), None)
    assert isinstance(opened, connection.Connection)
    opened.abort()
    await opened.lost
    client = TargetClient(parse_target(app.url))
    client._idle.append((opened, asyncio.get_running_loop().time()))
    opened.abort()
    assert (await response(client)).status == 200
    outcome = await opened.exchange(Message("GET", b"", b""))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.CUT
    await client.close()


async def test_tls(tmp_path: Path) -> None:
    async with FakeTarget(tls=certificate(tmp_path)) as app:
        insecure = TargetClient(parse_target(app.url), insecure=True)
        assert (await response(insecure)).body == b"ok"
        assert (await response(insecure, request(bytes(1_000_000)))).body == b"ok"
        assert app.connections == 1
        app.then(cut())
        assert (await response(insecure)).body == b"ok"
        await insecure.close()

        outcome = await failure(TargetClient(parse_target(app.url)))
        assert outcome.kind is FailureKind.TLS
        assert outcome.reason.startswith(f"the certificate of 127.0.0.1:{app.port} is not trusted")
        assert "--insecure" in outcome.reason

        plain = await failure(TargetClient(parse_target(f"127.0.0.1:{app.port}")))
        assert plain.kind in (FailureKind.TLS, FailureKind.CUT)


async def test_tls_with_a_client_certificate_asked_for(tmp_path: Path) -> None:
    context = certificate(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "target.pem")
    async with FakeTarget(tls=context) as app:
        outcome = await failure(TargetClient(parse_target(app.url), insecure=True))
        assert outcome.kind in (FailureKind.TLS, FailureKind.CUT)


async def test_https_to_a_target_without_tls(app: FakeTarget) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1) and b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await failure(TargetClient(parse_target(f"https://127.0.0.1:{port}")))
    assert outcome == Failure(FailureKind.TLS, f"127.0.0.1:{port} does not speak TLS: use http://")
    server.close()


async def test_a_tls_handshake_that_is_cut() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await failure(TargetClient(parse_target(f"https://127.0.0.1:{port}")))
    assert outcome.kind is FailureKind.CUT
    assert "during the TLS handshake" in outcome.reason
    server.close()


def test_it_works_on_uvloop_too(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def exchanges() -> None:
        body = bytes(range(256)) * 8_000
        for tls in (None, certificate(tmp_path)):
            async with FakeTarget(tls=tls) as app:
                client = TargetClient(parse_target(app.url), insecure=True)
                app.then(ok(), cut(), ok(b"fresh"), cut(b"HTTP/1.1"))
                assert (await response(client, request(body))).status == 200
                assert app.received[0].body == body
                assert (await response(client)).body == b"fresh"
                assert (await failure(client)).kind is FailureKind.CUT
                gate = asyncio.Event()
                app.then(held(gate))
                late = (await client.send(request(), timeout=0.05)).outcome
                assert isinstance(late, Failure)
                assert late.kind is FailureKind.TIMEOUT
                await client.close()
        gone = TargetClient(parse_target(app.url), insecure=True)
        assert (await failure(gone)).kind is FailureKind.REFUSED

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(exchanges())
