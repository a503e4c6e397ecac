"""A local app that records the exact bytes it gets and misbehaves as told."""

import asyncio
import datetime
import ipaddress
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

Behaviour = Callable[["Exchange"], Awaitable[bool]]


@dataclass
class Exchange:
    """One request as it came, and the connection to answer it on."""

    head: bytes
    body: bytes
    connection: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def request_line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def lines(self) -> list[bytes]:
        """The header lines, as sent."""
        return self.head.split(b"\r\n")[1:-2]


@dataclass
class FakeTarget:
    """A TCP server on a free port; `answers` are used one a request, then `default`.

    A behaviour returns whether the connection is kept. With `tls` it speaks TLS.
    """

    answers: deque[Behaviour] = field(default_factory=deque)
    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    received: list[Exchange] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.default: Behaviour = ok()
        self.arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def then(self, *behaviours: Behaviour) -> "FakeTarget":
        self.answers.extend(behaviours)
        return self

    async def open(self) -> None:
        """Listen: on the first free port, later on the same one again."""
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, ssl=self.tls, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def __aenter__(self) -> "FakeTarget":
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def wait_for(self, count: int) -> None:
        """Until that many requests have come."""
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: len(self.received) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self.connections += 1
        number = self.connections
        try:
            while await self._one(number, reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender went away, or the test is over
        finally:
            self._running.discard(task)
            writer.transport.abort()

    async def _one(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        exchange = Exchange(head, body, number, reader, writer)
        self.received.append(exchange)
        async with self.arrived:
            self.arrived.notify_all()
        behaviour = self.answers.popleft() if self.answers else self.default
        return await behaviour(exchange)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def raw(*pieces: bytes, keep: bool = True) -> Behaviour:
    """Answer with these bytes, each flushed by itself; then keep or close the connection."""

    async def answer(exchange: Exchange) -> bool:
        for piece in pieces:
            exchange.writer.write(piece)
            await exchange.writer.drain()
        if not keep:
            exchange.writer.close()
            await exchange.writer.wait_closed()
        return keep

    return answer


def ok(body: bytes = b"ok", status: int = 200, headers: bytes = b"") -> Behaviour:
    """A plain answer with its length."""
    head = b"HTTP/1.1 %d Fine\r\n%sContent-Length: %d\r\n\r\n" % (status, headers, len(body))
    return raw(head + body)


def cut(sent: bytes = b"") -> Behaviour:
    """Close the connection after these bytes."""
    return raw(sent, keep=False)


def reset(sent: bytes = b"") -> Behaviour:
    """Reset the connection after these bytes."""

    async def answer(exchange: Exchange) -> bool:
        exchange.writer.write(sent)
        await exchange.writer.drain()
        sock = exchange.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER, on with 0 s
        exchange.writer.transport.abort()
        return False

    return answer


def held(gate: asyncio.Event, then: Behaviour | None = None) -> Behaviour:
    """Answer only when the gate opens."""

    async def answer(exchange: Exchange) -> bool:
        await gate.wait()
        return await (then or ok())(exchange)

    return answer


def certificate(folder: Path) -> ssl.SSLContext:
    """A server context with a self-signed certificate for 127.0.0.1, made now."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "target.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
