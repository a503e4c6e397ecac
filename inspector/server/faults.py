"""What is wrong with a request that no parser accepted, and what becomes of it."""

from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import _ErrInfo

HEAD_LIMIT = 64 << 10
HEAD_TOO_LARGE = "the request head is larger than 64 KiB"
# aiohttp counts headers before we see them; a head of 64 KiB holds no more than this by far.
MAX_HEADERS = 1000


class Faults(Protocol):
    """What becomes of a request that no parser accepted; `raw` is the first 4 KiB of it."""

    async def refuse_raw(
        self, remote: str, status: int, code: str, reason: str, raw: bytes
    ) -> web.StreamResponse:
        """Store the refusal and give the answer."""
        ...

    def cut_off(self, remote: str, raw: bytes) -> None:
        """Store that a sender went away before its request head was complete."""
        ...


class HeadFaultError(Exception):
    """A head that came too slowly or was too long; `code` names the refusal."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def fault_of(info: _ErrInfo) -> tuple[int, str, str]:
    """(status, code, reason) of what the parser, or the watch over heads, did not accept."""
    error, told = info.exc, str(info.message or "")
    if isinstance(error, HeadFaultError):
        return info.status, error.code, told
    if isinstance(error, LineTooLong):
        return 431, "head-too-large", HEAD_TOO_LARGE
    if told.startswith("Too many headers"):
        return 431, "too-many-headers", f"the request has more than {MAX_HEADERS} headers"
    # Behind a colon the parser shows the line at fault, which is in the row's raw bytes.
    first = told.splitlines()[0].rstrip(" :") if told else ""
    return info.status, "malformed", first or "not HTTP"
