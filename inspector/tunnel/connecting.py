"""Opening the tunnel: a websocket to the relay, and why there is none, in one line.

What will be the same at the next try is raised as a `ConfigurationError` or an
`UnreachableError`; what may pass as a `LostError`.
"""

import asyncio
import errno
import json
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from inspector import __version__
from inspector.domain.plaintext import one_line
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    UnreachableError,
    system_text,
)
from inspector.tunnel.address import RelayAddress
from inspector.tunnel.messages import (
    CLOSE_BROKEN,
    CLOSE_SET_BACK,
    CLOSE_SLOW,
    CLOSE_TAKEN_OVER,
    CLOSE_UNAUTHORIZED,
    MAX_FRAME,
    SUBPROTOCOL,
    VERSION,
    Hello,
    WireError,
)
from inspector.tunnel.wire import decode

_OPEN_SECONDS = 10.0
_HELLO_SECONDS = 10.0
# A peer that says nothing is given up 16 s after its last sign, and closed within one more.
_PING_SECONDS = 8.0
_CLOSE_SECONDS = 1.0
_QUEUED_FRAMES = 8
_LONGEST_REASON = 300

_NO_TUNNEL = "see that --relay names an inspector relay, and that a proxy passes websockets on"
SET_BACK = "bring its newer store back, or take what it has into another one with --db OTHER.db"
_ROTATED = "take the token that `inspector relay endpoint rotate NAME` printed at the relay"
# What OpenSSL says, by version, of an answer that is no TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
# OpenSSL's codes of what is wrong with a certificate (X509_V_ERR_*).
_CERTIFICATE = {
    9: ("is not yet valid", "is this machine's clock right?"),
    10: ("has expired", "renew it at the relay; or is this machine's clock right?"),
    18: ("is self-signed", "trust it with SSL_CERT_FILE=ITS.pem, or give the relay another"),
    19: ("is self-signed", "trust its root with SSL_CERT_FILE=ROOT.pem"),
    20: ("is of an unknown issuer", "trust the issuer with SSL_CERT_FILE=ROOT.pem"),
    62: ("is for another host", "use the host name that the certificate is made for"),
    64: ("is for another address", "use the host name that the certificate is made for"),
}


class LostError(Exception):
    """There is no connection now; the next try may bring one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TakenOverError(Exception):
    """Another consumer has the name now."""


@dataclass(frozen=True)
class Dialler:
    """Opens connections of one consumer; `instance` tells a store's own older one from others'."""

    address: RelayAddress
    token: str = field(repr=False)
    consumer: str
    instance: str

    def __post_init__(self) -> None:
        if not self.token:
            raise ConfigurationError(
                "the relay's token is missing",
                "set INSPECTOR_RELAY_TOKEN to what `inspector relay endpoint add` printed",
            )
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise ConfigurationError(
                "the relay's token holds what no token does",
                "set INSPECTOR_RELAY_TOKEN to what `inspector relay endpoint add` printed",
            )

    def tls(self) -> ssl.SSLContext | None:
        """What certificates are checked with; reads SSL_CERT_FILE anew."""
        return ssl.create_default_context() if self.address.secure else None

    async def dial(
        self, *, take_over: bool = False, peek: bool = False
    ) -> tuple[ClientConnection, Hello]:
        """A connection that has said hello; the caller closes it. `peek` only looks."""
        uri = self.address.tunnel(self.consumer, self.instance, take_over=take_over, peek=peek)
        try:
            connection = await _Connect(
                uri,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers={"Authorization": f"Bearer {self.token}"},
                user_agent_header=f"inspector/{__version__}",
                proxy=None,
                compression=None,
                ssl=self.tls(),
                max_size=MAX_FRAME,
                max_queue=_QUEUED_FRAMES,
                open_timeout=_OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
            )
        except InvalidStatus as error:
            raise self._refusal(error.response.status_code, error.response.body) from error
        except (OSError, InvalidHandshake, EOFError, ValueError) as error:
            raise why_not(error, self.address.origin) from error
        try:
            return connection, await self._hello(connection)
        except BaseException:
            await connection.close()
            raise

    async def _hello(self, connection: ClientConnection) -> Hello:
        if connection.subprotocol != SUBPROTOCOL:
            raise ConfigurationError(
                f"the relay does not say that it speaks tunnel version {VERSION}", _NO_TUNNEL
            )
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                message = decode(await connection.recv())
        except TimeoutError as error:
            raise LostError("the relay says nothing") from error
        except ConnectionClosed as error:
            raise self.closed(error) from error
        except WireError as error:
            raise LostError(str(error)) from error
        if not isinstance(message, Hello):
            raise LostError("the relay began with something else than hello")
        return message

    def closed(self, error: ConnectionClosed) -> Exception:
        """What to raise when a connection was closed."""
        code = error.rcvd.code if error.rcvd else 0
        reason = self.told(error.rcvd.reason if error.rcvd else "")
        match code:
            case 0:
                return LostError(_cut_by(error))
            case _ if code == CLOSE_TAKEN_OVER:
                return TakenOverError(reason or "another consumer took the name over")
            case _ if code == CLOSE_UNAUTHORIZED:
                return ConfigurationError(
                    reason or "the relay takes this token no longer: it was rotated or removed",
                    _ROTATED,
                )
            case _ if code == CLOSE_SET_BACK:
                return ConfigurationError(reason or "the relay's store was set back", SET_BACK)
            case _ if code == CLOSE_SLOW:
                return LostError("the relay gave up waiting for what is stored here")
            case _ if code == CLOSE_BROKEN:
                return LostError(f"the relay could not read what came from here: {reason}")
        return LostError(f"the relay closed the connection{f': {reason}' if reason else ''}")

    def told(self, text: str) -> str:
        """What the relay says, made harmless; it cannot give the token away either."""
        return one_line(text.replace(self.token, "[token]"), _LONGEST_REASON)

    def _refusal(self, status: int, body: bytes | bytearray) -> Exception:
        """What an answer means that is no websocket."""
        code, message, hint = self._error_of(body)
        match status:
            case 401:
                return ConfigurationError("the relay refuses the token", _ROTATED)
            case 404:
                return ConfigurationError(
                    "the relay has no such endpoint" if code else "there is no relay at this URL",
                    "take the URL that `inspector relay endpoint list` prints at the relay",
                )
            case 409:
                return ConfigurationError(
                    message or "another consumer of this name is connected",
                    hint or "choose another --consumer NAME, or take the name with --take-over",
                )
            case 426 if code:
                return ConfigurationError(
                    message or "the relay speaks another version of the tunnel",
                    hint or "use the same version of inspector on both sides",
                )
            case _ if code and 400 <= status < 500 and status != 429:
                return ConfigurationError(message or f"the relay answered {status}", hint)
            case _ if status < 429:
                # Redirects, too, are not followed: the token is for this address alone.
                return ConfigurationError(
                    f"the relay's URL answered {status} instead of opening the tunnel", _NO_TUNNEL
                )
        return LostError(message or f"the relay answered {status}")

    def _error_of(self, body: bytes | bytearray) -> tuple[str, str, str]:
        """(code, message, hint) of the contract's errors; empty for other answers."""
        try:
            error = json.loads(body)["error"]
            return str(error["code"]), self.told(error["message"]), self.told(error.get("hint", ""))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return "", "", ""


class _Connect(connect):
    """A connection to the address it was given and no other."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def why_not(error: Exception, origin: str) -> InspectorError | LostError:
    """What to raise when a connection to that address cannot be made."""
    host = urlsplit(origin).hostname or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        other = f"is not valid: {error.verify_message}", "see the relay's --tls-cert"
        what, hint = _CERTIFICATE.get(error.verify_code, other)
        return UnreachableError(f"the certificate of {host} {what}", hint)
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        plain = origin.replace("https:", "http:", 1)
        return UnreachableError(f"{host} speaks no TLS at this port", f"use {plain}/in/...")
    if isinstance(error, ssl.SSLError):
        return LostError(f"no TLS with {host}: {one_line(error.reason or str(error), 80)}")
    if isinstance(error, socket.gaierror):
        return LostError(f"the name {host} cannot be resolved")
    if isinstance(error, TimeoutError):
        return LostError(f"{host} does not answer")
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return LostError(f"{host}: {system_text(error)}")
    if isinstance(error, InvalidMessage | EOFError):
        return LostError(f"{host} answers, but not as a relay does")
    return LostError(f"{host}: {one_line(str(error), _LONGEST_REASON)}")


def _cut_by(error: ConnectionClosed) -> str:
    silent = error.sent is not None and error.sent.reason == "keepalive ping timeout"
    return "the relay answers no more" if silent else "the connection was cut"
