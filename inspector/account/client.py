"""One API over HTTP: no proxy, no redirect, no cookie taken, no answer larger than it may be."""

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from yarl import URL

from inspector import __version__
from inspector.account.credentials import Credential
from inspector.account.hiding import Hiding
from inspector.clock import wall_clock
from inspector.domain.base import Base
from inspector.domain.content import decoded
from inspector.errors import TimedOutError, UnreachableError, system_text
from inspector.providers.pacspace.management import ApiAnswer, Call, RefusalKind, refusal

_LARGEST = 1 << 20
_CONNECT_SECONDS = 10.0
# One that asks to wait and does not say how long.
_USUAL_WAIT = 5.0
_SHORTEST_WAIT = 1.0
_SAYS = ("retry-after", "date", "content-encoding")


class NoAnswerError(Exception):
    """The request has left and no whole answer came: what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: `answer` for one request, `limit` for all waiting that the API asks for."""

    answer: float = 60.0
    limit: float = 60.0


class ApiClient:
    """Asks one API as one account. Close it, or use it as an async context manager.

    `tell` gets a line where it waits, `pause` is how.
    """

    def __init__(
        self,
        base: Base,
        credential: Credential,
        hiding: Hiding,
        *,
        tell: Callable[[str], None] = lambda text: None,
        patience: Patience | None = None,
        clock: Callable[[], int] = wall_clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base = base
        self.credential = credential
        self.hiding = hiding
        self.clock = clock
        self.tell = tell
        self._patience = patience or Patience()
        self._pause = pause
        self._left = self._patience.limit
        self._session: aiohttp.ClientSession | None = None
        for secret in credential.secrets(base):
            hiding.add(secret)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; may be called again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(self, call: Call) -> ApiAnswer:
        """Whatever is answered, but for 429: that is waited for, as long as it asks for.

        No other POST is sent twice. Raises `TimedOutError` where the wait would be too long,
        `UnreachableError` where nothing was sent, and `NoAnswerError` where that is not known.
        """
        while True:
            answer = await self._once(call)
            refused = refusal(answer, self.clock()) if answer.status == 429 else None
            if refused is None or refused.kind is not RefusalKind.LIMITED:
                return answer
            await self._wait(refused.retry_after)

    async def _wait(self, asked: float | None) -> None:
        wait = max(_SHORTEST_WAIT, _USUAL_WAIT if asked is None else asked)
        if wait > self._left:
            raise TimedOutError(
                f"{self.base.host} takes no more requests for {math.ceil(wait)} s",
                "it did nothing of what was asked; try again after that",
            )
        self._left -= wait
        self.tell(f"{self.base.host} asks to wait {math.ceil(wait)} s")
        await self._pause(wait)

    async def _once(self, call: Call) -> ApiAnswer:
        url = URL(self.base.url + call.path, encoded=True)
        path = (self.base.path + call.path).partition("?")[0]
        headers = dict(call.headers) | self.credential.headers(self.base, path)
        # aiohttp repeats no POST either. A kept connection that closes just then would leave it
        # unknown what became of one, so each request has its own.
        try:
            async with self._opened().request(
                call.method, url, headers=headers, data=call.body or None, allow_redirects=False
            ) as response:
                told = {name: response.headers[name] for name in _SAYS if name in response.headers}
                return ApiAnswer(response.status, told, await _body(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise self._unreachable(error) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            # Its text may have what was sent, or what came.
            pass
        raise NoAnswerError

    def _unreachable(self, error: Exception) -> UnreachableError:
        host = self.base.host
        hint = "see that this machine is online, and that the address is right"
        match error:
            case aiohttp.ClientConnectorCertificateError():
                found = error.certificate_error
                why = getattr(found, "verify_message", "") or "it cannot be checked"
                hint = "see that this machine's clock is right; trust a root with SSL_CERT_FILE"
                return UnreachableError(f"the certificate of {host} is not accepted: {why}", hint)
            case aiohttp.ClientConnectorDNSError():
                return UnreachableError(f"the name {host} cannot be resolved", hint)
            case aiohttp.ClientConnectorSSLError():
                return UnreachableError(f"{host} does not speak TLS as it should", hint)
            case aiohttp.ClientConnectorError():
                why = system_text(error.os_error)
                return UnreachableError(f"no connection to {host}: {why}", hint)
        return UnreachableError(f"no connection to {host} within {_CONNECT_SECONDS:g} s", hint)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context() if self.base.secure else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": f"inspector/{__version__}",
                },
                timeout=aiohttp.ClientTimeout(
                    total=self._patience.answer, sock_connect=_CONNECT_SECONDS
                ),
                trust_env=False,
                auto_decompress=False,
            )
        return self._session


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Its body, at most so large; one that a refusal has and that cannot be read is left out."""
    try:
        pieces, size = [], 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > _LARGEST:
                raise NoAnswerError
            pieces.append(piece)
        coding = response.headers.get("Content-Encoding", "")
        body = decoded(b"".join(pieces), coding, _LARGEST)
        if body is None:
            raise NoAnswerError
    except (aiohttp.ClientError, TimeoutError, OSError, NoAnswerError):
        if response.status >= 300:
            return b""
        raise
    return body
