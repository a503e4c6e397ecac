"""Capture: a request is read raw and bounded; whole it goes to its place, else it is refused."""

import asyncio
from collections.abc import Callable
from functools import partial

from aiohttp import ClientError, StreamReader, web
from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestPayloadError

from inspector.domain.delivery import Request
from inspector.domain.facts import Appended, Refused
from inspector.domain.forwarded import sender_of
from inspector.domain.headers import first
from inspector.errors import StoreUnavailableError
from inspector.server.answers import Answer, refusal
from inspector.server.entrance import Entrance, Place, RefusedError, TurnedAway
from inspector.server.faults import HEAD_LIMIT, HEAD_TOO_LARGE
from inspector.server.intake import RETRY_AFTER
from inspector.server.ports import Journal
from inspector.server.protocol import CaptureProtocol, remote_of
from inspector.server.space import Stay

PIECE_SECONDS = 30.0
# What came of a body keeps its room: whoever sends a byte now and then must not keep it for ever.
BODY_SECONDS = 300.0
# Bodies from this size on are journalled in pieces, so that their commit holds nobody back.
LARGE_BODY = 1 << 20
PIECE_BYTES = 512 << 10

_STOPPING = "the listener is stopping"
_CUT = "the sender went away in the middle of the body"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BROKEN = (RequestPayloadError, HttpProcessingError, ClientError, ConnectionError)


class Ingress:
    """Takes requests in by the `entrance`; `clock` gives microseconds since the epoch.

    Bodies find room piece by piece as they come, until they are committed: what is only announced
    takes none from others. `proxied`: they come through a proxy that can be trusted
    to say who sent them.
    """

    def __init__(
        self,
        journal: Journal,
        entrance: Entrance,
        clock: Callable[[], int],
        *,
        proxied: bool = False,
    ) -> None:
        self._journal = journal
        self._entrance = entrance
        self._clock = clock
        self._proxied = proxied
        self._reading: set[CaptureProtocol] = set()
        self.stopping = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The handler of every request outside `/_inspector/`."""
        at = self._clock()
        admitted = self._entrance.admit(_target_of(request._message))
        if isinstance(admitted, TurnedAway):
            # What of the body still comes is thrown away, and then nothing may follow.
            kept = request.content.is_eof() and request.keep_alive
            kept = kept and request.version == HttpVersion11 and request.method != "HEAD"
            return admitted.answer(kept=kept)
        place, target = admitted
        with Stay(place) as stay:
            head = _head_of(request._message, target)
            remote = remote_of(request)
            if self._proxied:
                remote = sender_of(head.headers, remote)
            protocol = request.protocol
            assert isinstance(protocol, CaptureProtocol)
            try:
                self._check(head)
                self._reading.add(protocol)
                body, pieces = await self._read(request, head, stay, place.max_body)
            except RefusedError as error:
                answer = await self._refuse(at, remote, error, place, request=head)
                if error.status == 400:
                    # Behind a body that broke the parser is nothing to read on from.
                    await protocol.last_words(request, answer)
                return answer
            finally:
                self._reading.discard(protocol)
            # An HTTP/1.0 sender that wants to keep its connection would have to be told so.
            kept = request.keep_alive and head.http_version == "1.1"
            whole = head if not body else head._replace(body=body)
            _, answer = await place.take(at, whole, remote, pieces=pieces, kept=kept)
            return answer

    async def take_whole(self, message: RawRequestMessage, body: bytes, remote: str) -> Answer:
        """Capture a request of which nothing is still to come."""
        at = self._clock()
        admitted = self._entrance.admit(_target_of(message))
        if isinstance(admitted, TurnedAway):
            return admitted.answer(kept=message.method != "HEAD")
        place, target = admitted
        with Stay(place) as stay:
            head = _head_of(message, target)
            if self._proxied:
                remote = sender_of(head.headers, remote)
            try:
                self._check(head)
                _bound(len(body), place.max_body)
                stay.take(len(body))
            except RefusedError as error:
                return await self._refuse(at, remote, error, place, request=head)
            whole = head if not body else head._replace(body=body)
            return (await place.take(at, whole, remote))[1]

    async def take_cut(self, message: RawRequestMessage, remote: str) -> Answer:
        """Store that a sender went away before the body of its request was complete."""
        at = self._clock()
        admitted = self._entrance.admit(_target_of(message))
        if isinstance(admitted, TurnedAway):
            return admitted.answer(kept=False)
        place, target = admitted
        with Stay(place):
            head = _head_of(message, target)
            if self._proxied:
                remote = sender_of(head.headers, remote)
            return await self._refuse(at, remote, RefusedError(0, "cut", _CUT), place, request=head)

    async def end_bodies(self) -> None:
        """Refuse the requests whose bodies are still coming; wait until they are answered."""
        reading = list(self._reading)
        for each in reading:
            each.break_body(RefusedError(503, "stopping", _STOPPING))
        await asyncio.gather(*(each.drain() for each in reading))

    def _check(self, head: Request) -> None:
        if self.stopping:
            raise RefusedError(503, "stopping", _STOPPING)
        size = len(head.target) + sum([len(name) + len(value) + 4 for name, value in head.headers])
        if size > HEAD_LIMIT:
            raise RefusedError(431, "head-too-large", HEAD_TOO_LARGE)

    async def _read(
        self, request: web.BaseRequest, head: Request, stay: Stay, most: int
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """The raw body, or instead of a large one its pieces."""
        payload = request.content
        announced = request.content_length
        if announced is not None:
            _bound(announced, most)
        if payload.is_eof() and not payload.exception() and payload.total_bytes < LARGE_BODY:
            _bound(payload.total_bytes, most)
            stay.take(payload.total_bytes)
            return payload.read_nowait(), ()
        if (first(head.headers, "expect") or "").lower() == "100-continue":
            _write(request, _CONTINUE)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._gather(payload, stay, most)
        except TimeoutError:
            raise RefusedError(
                408, "body-timeout", f"the whole body did not come within {BODY_SECONDS:.0f} s"
            ) from None

    async def _gather(
        self, payload: StreamReader, stay: Stay, most: int
    ) -> tuple[bytes, tuple[bytes, ...]]:
        pieces: list[bytes] = []
        gathered: list[bytes] = []
        size = waiting = 0
        while chunk := await self._next_chunk(payload):
            size += len(chunk)
            _bound(size, most)
            stay.take(len(chunk))
            gathered.append(chunk)
            waiting += len(chunk)
            if waiting >= PIECE_BYTES:
                pieces.append(b"".join(gathered))
                gathered, waiting = [], 0
        pieces.append(b"".join(gathered))
        return (b"".join(pieces), ()) if size < LARGE_BODY else (b"", tuple(filter(None, pieces)))

    @staticmethod
    async def _next_chunk(payload: StreamReader) -> bytes:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                return await payload.readany()
        except TimeoutError:
            seconds = round(PIECE_SECONDS)
            raise RefusedError(
                408, "body-timeout", f"nothing more of the body came for {seconds} s"
            ) from None
        except _BROKEN as error:
            if isinstance(error, ConnectionError | ClientError):
                raise RefusedError(0, "cut", _CUT) from None
            raise RefusedError(400, "malformed", str(error)) from None

    # Refusals, each a row.

    async def _refuse(
        self,
        at: int,
        remote: str,
        error: RefusedError,
        place: Place,
        *,
        request: Request | None,
        raw: bytes = b"",
    ) -> Answer:
        retry_after = RETRY_AFTER if error.status == 503 else None
        fact = Refused(
            at, error.status, error.code, error.reason, remote, request, raw, place.endpoint
        )
        try:
            number = (await self._journal.append(fact)).number
        except StoreUnavailableError as unavailable:
            return refusal(503, unavailable.message, retry_after=RETRY_AFTER)
        place.refused(number, fact)
        return refusal(error.status, error.reason, delivery_id=number, retry_after=retry_after)

    async def refuse_raw(
        self, remote: str, status: int, code: str, reason: str, raw: bytes
    ) -> Answer:
        """Store and answer a request that no parser accepted."""
        error = RefusedError(status, code, reason)
        found = self._entrance.place_of(raw)
        if found is None:
            return refusal(status, reason)
        place, raw = found
        return await self._refuse(self._clock(), remote, error, place, request=None, raw=raw)

    def cut_off(self, remote: str, raw: bytes) -> None:
        """Store that a sender went away before its request head was complete."""
        if (found := self._entrance.place_of(raw)) is not None:
            place, raw = found
            reason = "the sender went away in the middle of the request head"
            fact = Refused(self._clock(), 0, "cut", reason, remote, None, raw, place.endpoint)
            self._journal.append(fact).add_done_callback(partial(_told, place, fact))


def _told(place: Place, fact: Refused, appended: "asyncio.Future[Appended]") -> None:
    if not appended.cancelled() and appended.exception() is None:
        place.refused(appended.result().number, fact)


def _bound(size: int, most: int) -> None:
    if size > most:
        raise RefusedError(413, "body-too-large", f"the body is larger than {most} bytes")


def _target_of(message: RawRequestMessage) -> str:
    """The raw request target."""
    return message.path.encode("utf-8", "surrogateescape").decode("latin-1")


def _head_of(message: RawRequestMessage, target: str) -> Request:
    """The request line and headers as they came; aiohttp's own properties decode or fold them."""
    return Request(
        message.method,
        target,
        f"{message.version.major}.{message.version.minor}",
        tuple(
            [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.raw_headers
            ]
        ),
        b"",
    )


def _write(request: web.BaseRequest, data: bytes) -> None:
    if request.transport is not None:
        request.transport.write(data)
