"""Who may use the API: whoever has the token, from a page or program of this machine."""

import hmac
import json
import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from inspector.errors import (
    InspectorError,
    NotFoundError,
    StoreUnavailableError,
    TimedOutError,
    UnreachableError,
    UsageError,
)

_log = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# Names of our own: the standard library renames its phrases from version to version.
_CODES = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}
_STATUS = {
    UsageError: 400,
    NotFoundError: 404,
    StoreUnavailableError: 503,
    UnreachableError: 503,
    TimedOutError: 504,
}


def error_response(
    status: int, code: str, message: str, hint: str = "", **more: object
) -> web.Response:
    """The contract's error: `{"error": {"code", "message", "hint"}}`."""
    body = {"error": {"code": code, "message": message, "hint": hint, **more}}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


class Guard:
    """Checks every request under `/_inspector/`, in the order Host, Origin, token.

    A web page in the developer's browser can send requests to a loopback port, directly or by
    rebinding a name of its own: its `Host` or its `Origin` gives it away. With `hosts` None, for
    a port that others reach under names we do not know, every `Host` is taken. `unlocked` are the
    paths that need no token.
    """

    def __init__(
        self,
        token: str,
        hosts: Iterable[str] | None,
        unlocked: Iterable[str] = ("/_inspector/healthz",),
    ) -> None:
        self._authorization = f"Bearer {token}".encode()
        self._hosts = None if hosts is None else {host.lower() for host in (*_LOOPBACK, *hosts)}
        self._unlocked = frozenset(unlocked)

    def middleware(self) -> Middleware:
        """For aiohttp: refuse, or answer with errors in the contract's form."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            if (refused := self._refusal(request)) is not None:
                return refused
            return await _told(request, handler)

        return guarded

    def _refusal(self, request: web.Request) -> web.Response | None:
        if not self._is_ours(request.headers.get("Host", "")):
            return error_response(
                403, "foreign-host", "this Host is not the listener's", "see --allow-host"
            )
        origin = request.headers.get("Origin")
        if origin is not None and not self._is_own_origin(origin, request):
            return error_response(403, "foreign-origin", "requests of other origins are refused")
        if request.path in self._unlocked:
            return None
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return error_response(
                401, "unauthorized", "a valid token is needed", "send the token of the token file"
            )
        return None

    def _is_ours(self, host: str) -> bool:
        if self._hosts is None:
            return True
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return name.lower() in self._hosts

    def _is_own_origin(self, origin: str, request: web.Request) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("Host")


async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as the contract's JSON; faults of ours are named there, and logged whole."""
    try:
        return await handler(request)
    except InspectorError as error:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
        code = type(error).__name__.removesuffix("Error").lower()
        more = {"column": error.column} if hasattr(error, "column") else {}
        return error_response(status, code, error.message, error.hint, **more)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = _CODES.get(error.status, f"http-{error.status}")
        return error_response(error.status, code, error.text or "")
    except Exception as error:
        _log.error("%s %s failed: %r", request.method, request.path, error, exc_info=error)
        return error_response(500, "internal", f"internal error ({type(error).__name__})")
