"""One connection to a target: opened, used for one exchange after the other, aborted."""

import asyncio
import errno
import socket
import ssl
from typing import cast

from inspector.domain.attempt import Failure, FailureKind, Outcome
from inspector.domain.routes import Target
from inspector.forward.message import Message
from inspector.forward.response import ResponseReader

_PIECE = 256 * 1024
# An address that swallows packets must not hide a working one behind it.
_ADDRESS_PATIENCE = 2.0
# The exchange's own time-out ends a handshake; asyncio's must not, because a debugger in the app
# stops that too.
_HANDSHAKE_TIMEOUT = 7 * 86_400.0


class Connection(asyncio.Protocol):
    """A connection that carries one exchange at a time.

    `answered` says whether a byte came back in the latest exchange, `reusable` whether another
    may follow. `lost` is done when the socket is gone.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._outcome: asyncio.Future[Outcome | None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._written = True
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def answered(self) -> bool:
        return self._reader is not None and self._reader.started

    @property
    def closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    @property
    def reusable(self) -> bool:
        """After an exchange: whole request written, whole answer read, and nobody says close."""
        if self._transport is None or self._transport.is_closing() or not self._written:
            return False
        keep_alive = self._reader is not None and self._reader.keep_alive
        return keep_alive and self._transport.get_write_buffer_size() == 0

    async def exchange(self, message: Message, timeout: float | None = None) -> Outcome | None:
        """Send a request and read its answer; the outcome is a failure if the connection ends.

        None when that took so many seconds (None: for ever); the connection is of no use then.
        Cancelling it aborts the connection.
        """
        self._reader = ResponseReader(message.method, self._where)
        if self._transport is None or self._transport.is_closing():
            return self._reader.cut()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome | None] = loop.create_future()
        self._outcome = outcome
        # `asyncio.timeout` would take a sixth of the time of a small exchange.
        timer = None if timeout is None else loop.call_later(timeout, self._time_over)
        try:
            await self._write(self._transport, message, outcome)
            return await outcome
        except BaseException:
            self.abort()
            raise
        finally:
            self._outcome = None
            if timer is not None:
                timer.cancel()

    def _time_over(self) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(None)

    async def _write(
        self, transport: asyncio.Transport, message: Message, done: "asyncio.Future[Outcome | None]"
    ) -> None:
        """Write in pieces as the target takes them; an early answer ends it."""
        if len(message.body) <= _PIECE:
            transport.write(message.head + message.body)
            return
        self._written = False
        transport.write(message.head)
        body = memoryview(message.body)
        for start in range(0, len(body), _PIECE):
            if self._drained is not None:
                await asyncio.wait((self._drained, done), return_when="FIRST_COMPLETED")
            if done.done():
                return
            transport.write(body[start : start + _PIECE])
        self._written = True

    def abort(self) -> None:
        """Close at once, whatever is under way; may be called again."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._reader is None or self._outcome is None or self._outcome.done():
            self.abort()  # nobody asked: what follows on this connection cannot be trusted
        elif (outcome := self._reader.receive(data)) is not None:
            self._outcome.set_result(outcome)

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)

    def _ended(self, error: Exception | None) -> None:
        if self._reader is None or self._outcome is None or self._outcome.done():
            return
        if isinstance(error, ssl.SSLError):
            self._outcome.set_result(_tls_failure(self._where, error))
        elif error is not None:
            self._outcome.set_result(self._reader.cut("reset the connection"))
        else:
            self._outcome.set_result(self._reader.receive(b"") or self._reader.cut())

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None


async def connect(target: Target, tls: ssl.SSLContext | None) -> Connection | Failure:
    """A connection to the first of the target's addresses that takes one, or why there is none.

    Each address is tried: `localhost` may mean `::1`, 127.0.0.1, or both.
    """
    where = target.authority
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Failure(FailureKind.UNRESOLVED, f"no address is known for {target.host} ({why})")
    addresses = list(dict.fromkeys((family, address) for family, *_, address in found))
    problems: list[OSError] = []
    for number, (family, address) in enumerate(addresses, 1):
        patience = _ADDRESS_PATIENCE if number < len(addresses) else None
        try:
            reached = await _reach(family, address, patience)
        except OSError as error:
            problems.append(error)
        else:
            return await _open(target, reached, tls)
    return _unreached(where, problems)


async def _reach(family: int, address: tuple[object, ...], patience: float | None) -> socket.socket:
    """A connected socket. Raises `OSError`, a `TimeoutError` when the patience is over."""
    reached = socket.socket(family, socket.SOCK_STREAM)
    try:
        reached.setblocking(False)
        async with asyncio.timeout(patience):
            await asyncio.get_running_loop().sock_connect(reached, address)
    except BaseException:
        reached.close()
        raise
    return reached


async def _open(
    target: Target, reached: socket.socket, tls: ssl.SSLContext | None
) -> Connection | Failure:
    where = target.authority
    try:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(where),
            sock=reached,
            ssl=tls,
            server_hostname=target.host if tls else None,
            ssl_handshake_timeout=_HANDSHAKE_TIMEOUT if tls else None,
        )
    except ssl.SSLError as error:
        return _tls_failure(where, error)
    except OSError:
        step = "during the TLS handshake" if tls else "as soon as it was open"
        return Failure(FailureKind.CUT, f"{where} closed the connection {step}")
    return connection


def _tls_failure(where: str, error: ssl.SSLError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"is not trusted ({error.verify_message.rstrip('.')}); --insecure skips the check"
        return Failure(FailureKind.TLS, f"the certificate of {where} {why}")
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return Failure(FailureKind.TLS, f"{where} does not speak TLS: use http://")
    return Failure(FailureKind.TLS, f"no TLS with {where} ({error.reason or error})")


def _unreached(where: str, problems: list[OSError]) -> Failure:
    if any(isinstance(error, ConnectionRefusedError) for error in problems):
        reason = f"nothing listens on {where} (connection refused)"
        return Failure(FailureKind.REFUSED, reason)
    if not problems:
        return Failure(FailureKind.UNRESOLVED, f"no address is known for {where}")
    error = problems[-1]
    why = "no answer" if error.errno is None else errno.errorcode.get(error.errno, "?")
    return Failure(FailureKind.UNREACHABLE, f"{where} cannot be reached ({error.strerror or why})")
