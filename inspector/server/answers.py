"""Answers to senders: written as ready bytes, because a capture is answered thousands of times."""

import re
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web

from inspector.domain.attempt import Response
from inspector.domain.headers import HOP_BY_HOP
from inspector.server.protocol import CaptureProtocol

# These, and 1xx, have no body and no length (RFC 9112 section 6.3).
_WITHOUT_BODY = (204, 304)
# RFC 9110 sections 5.1 and 5.5: what a header's name is, and what a blank takes the place of.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BREAK = re.compile(r"[\r\n\0]")


class Answer(web.StreamResponse):
    """A whole response as bytes; `connection_kept` is whether another request may follow."""

    def __init__(self, data: bytes, status: int, *, connection_kept: bool = True) -> None:
        # The base class is not initialised: nothing of it is used, and building its headers costs
        # as much as the rest of a capture's answer (measured: 9 % of the requests a second).
        self.data = data
        self._answer_status = status
        self.connection_kept = connection_kept
        self._request: web.BaseRequest | None = None

    @property
    def status(self) -> int:
        return self._answer_status

    @property
    def keep_alive(self) -> bool | None:
        return self.connection_kept and self._request is not None and self._request.keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write the answer, the first time it is called."""
        if self._request is not None:
            return
        self._request = request
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the sender went away")
        transport.write(self.data)

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`; a sender that does not read is waited for."""
        protocol = self._request.protocol if self._request is not None else None
        if isinstance(protocol, CaptureProtocol) and protocol.writing_paused:
            await protocol.written()

    def __bool__(self) -> bool:
        return True


def reason_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


def head(status: int, reason: str, headers: Iterable[tuple[str, str]], size: int | None) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers]
    if size is not None:
        lines.append(f"Content-Length: {size}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


def _date() -> tuple[str, str]:
    return "Date", formatdate(usegmt=True)


class StoredAnswers:
    """The answer of the `stored` policy, put together once: only the delivery's id differs."""

    def __init__(self, status: int) -> None:
        self._status = status
        length = "" if status in _WITHOUT_BODY else "Content-Length: 0\r\n"
        self._prefix = f"HTTP/1.1 {status} {reason_of(status)}\r\n{length}Inspector-Delivery: "

    def answer(self, delivery_id: int, kept: bool) -> Answer:
        close = "" if kept else "Connection: close\r\n"
        text = f"{self._prefix}{delivery_id}\r\n{close}\r\n"
        return Answer(text.encode("latin-1"), self._status, connection_kept=kept)


def refusal(
    status: int,
    message: str,
    *,
    delivery_id: int | None = None,
    retry_after: int | None = None,
    kept: bool = False,
) -> Answer:
    """A short text answer after which the connection closes, unless it is `kept`."""
    body = f"{message}\n".encode(errors="replace")
    headers = [_date(), ("Content-Type", "text/plain; charset=utf-8")]
    if not kept:
        headers.append(("Connection", "close"))
    if delivery_id:
        headers.append(("Inspector-Delivery", str(delivery_id)))
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    data = head(status, reason_of(status), headers, len(body)) + body
    return Answer(data, status, connection_kept=kept)


def relayed(response: Response, delivery_id: int, *, to_head: bool, kept: bool) -> Answer:
    """The app's own response, passed on to the sender; framing and connection are ours.

    The length of an answer to HEAD is the app's own word, because its body is not there to count.
    Where the app is behind a consumer, nothing that this one says of it ends the answer before or
    behind its end: the bytes that follow would be another request's answer.
    """
    if not 200 <= response.status <= 999:
        told = f"the app's response has the status {response.status}"
        return refusal(502, told, delivery_id=delivery_id)
    dropped = HOP_BY_HOP | {"inspector-delivery"} | (set() if to_head else {"content-length"})
    passed = [
        (name, _BREAK.sub(" ", value))
        for name, value in response.headers
        if name.lower() not in dropped and _NAME.fullmatch(name)
    ]
    passed.append(("Inspector-Delivery", str(delivery_id)))
    if not kept:
        passed.append(("Connection", "close"))
    bare = to_head or response.status in _WITHOUT_BODY
    size = None if bare else len(response.body)
    data = head(response.status, _BREAK.sub(" ", response.reason), passed, size)
    return Answer(data if bare else data + response.body, response.status, connection_kept=kept)
