"""The client of the listener's control API."""

import base64
import json
import sys
from array import array
from collections.abc import Callable
from typing import Any, Self

import aiohttp

from inspector.client.answers import AppAnswers
from inspector.client.models import (
    AttemptDetail,
    Counts,
    DeliveryDetail,
    Item,
    Page,
    Resent,
    Seen,
    Status,
)
from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery, Request
from inspector.domain.envelope import Check
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
    TimedOutError,
    UnreachableError,
    UsageError,
)

_CONNECT_SECONDS = 3.0
# A free-text search over a large store may scan all of it before it answers.
_ANSWER_SECONDS = 120.0


class Control:
    """Asks one listener. `base` is its control URL (`http://127.0.0.1:8400/_inspector`).

    Every method raises `ConfigurationError` (token refused), `UnreachableError` (no answer),
    `NotFoundError`, `UsageError` (bad query or argument) or `InspectorError` (the listener's own
    failure). `gone` says why no listener will answer any more, where somebody knows: that is
    raised then. Close it, or use it as an async context manager.
    """

    def __init__(
        self, base: str, token: str, gone: Callable[[], InspectorError | None] = lambda: None
    ) -> None:
        self.base = base.rstrip("/")
        self._token = token
        self._gone = gone
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; may be called again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def status(self) -> Status:
        return Status.from_json(await self._json("GET", "status"))

    async def counts(self) -> Counts:
        """The counters by event type, state and verdict, and of duplicates and marked ones.

        They are those of what is indexed, and wait for nothing.
        """
        return Counts.from_json(await self._json("GET", "events", {"fresh": "0"}))

    async def deliveries(
        self,
        query: str = "",
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> Page:
        """Summaries that match, newest first; with `after`, ascending from there."""
        params = _params(query=query or None, before=before, after=after, limit=limit)
        item = await self._json("GET", "deliveries", params)
        return Page(tuple(Delivery.from_json(one) for one in item["items"]), item.get("next"))

    async def ids(
        self,
        query: str = "",
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100_000,
    ) -> "array[int]":
        """The ids of every delivery that matches, newest first, `limit` at most.

        `before` and `after` bound them on both sides: a slow search goes window by window.
        """
        params = _params(query=query or None, before=before, after=after, limit=limit)
        return _numbers(await self._request("GET", "ids", params))

    async def duplicates(
        self,
        query: str = "",
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100_000,
    ) -> "array[int]":
        """Pairs, flat: the id of each matching redelivery, and the id of the first of its event.

        Newest first, `limit` pairs at most.
        """
        params = _params(query=query or None, before=before, after=after, limit=limit)
        return _numbers(await self._request("GET", "duplicates", params))

    async def activity(self, since: int, step: int) -> dict[int, int]:
        """How many deliveries were received in each `step` from `since` on, both microseconds.

        The keys are where the steps begin, multiples of `step`; empty steps are left out. What is
        not indexed yet is missing.
        """
        item = await self._json("GET", "activity", _params(since=since, step=step, fresh=0))
        return {int(start): int(count) for start, count in item["buckets"]}

    async def seen(self) -> Seen:
        """The JSON paths and header names of the newest deliveries, for completion."""
        return Seen.from_json(await self._json("GET", "seen"))

    async def delivery(self, delivery_id: int, *, body: bool = True) -> DeliveryDetail:
        """One delivery with its headers and, unless `body` is False, its body."""
        params = {} if body else {"body": "0"}
        return DeliveryDetail.from_json(
            await self._json("GET", f"deliveries/{delivery_id}", params)
        )

    async def body(self, delivery_id: int) -> bytes:
        """The raw body, as captured."""
        return await self._request("GET", f"deliveries/{delivery_id}/body")

    async def attempts(self, delivery_id: int) -> tuple[AttemptDetail, ...]:
        """Every attempt of a delivery, oldest first, with what the target answered."""
        return (await self.answers(delivery_id)).attempts

    async def answers(self, delivery_id: int) -> AppAnswers:
        """The attempts of a delivery, and what the apps of other consumers said to it."""
        item = await self._json("GET", f"deliveries/{delivery_id}/attempts")
        return AppAnswers.from_json(item, delivery_id)

    async def mark(
        self, delivery_id: int, *, mark: str | None = None, note: str | None = None
    ) -> None:
        """Set a delivery's mark, its note, or both; None leaves one, "" takes it away.

        The stream tells everybody of it.
        """
        body = _given(mark=mark, note=note)
        await self._json("POST", f"deliveries/{delivery_id}/mark", body=body)

    async def explain(self, delivery_id: int) -> tuple[Check, ...]:
        """What the listener checked of a signature with its secrets; may take it a second."""
        item = await self._json("GET", f"deliveries/{delivery_id}/signature")
        return tuple(Check(str(one["name"]), one["ok"], str(one["said"])) for one in item["checks"])

    async def resend(
        self,
        delivery_id: int,
        *,
        to: str | None = None,
        re_sign: bool = False,
        wait: bool = False,
        edited: Request | None = None,
        instead: bool = False,
    ) -> Resent:
        """Send a delivery again, to its own targets or to `to`; answers at once unless `wait`.

        `edited` is sent in its place, as a new delivery with `replay_of`; `instead` lets go of
        the original, which is held, in favour of it.
        """
        body: dict[str, Any] = {"to": to, "re_sign": re_sign}
        if edited is not None:
            body |= {
                "method": edited.method,
                "request_target": edited.target,
                "headers": edited.headers,
                "body_b64": base64.b64encode(edited.body).decode("ascii"),
            }
        body |= {name: True for name, on in (("wait", wait), ("instead", instead)) if on}
        item = await self._json("POST", f"deliveries/{delivery_id}/resend", body=body, patient=wait)
        attempts = tuple(Attempt.from_json(one) for one in item.get("attempts") or ())
        return Resent(int(item["delivery_id"]), attempts)

    async def hold(self, query: str) -> None:
        """Set the breakpoint: what matches is held from now on. "" takes it away.

        What is held stays so until it is released or sent by hand.
        """
        await self._json("POST", "hold", body={"query": query})

    async def release(
        self,
        delivery_id: int | None = None,
        *,
        all: bool = False,  # noqa: A002 - the API's own word
    ) -> tuple[int, ...]:
        """Let one held delivery go to its targets (None: the oldest), or all of them in order.

        The ids released; none when nothing is held.
        """
        body = {"all": True} if all else _given(id=delivery_id)
        item = await self._json("POST", "release", body=body)
        return tuple(int(one) for one in item["released"])

    async def take_primary(self) -> None:
        """Have this listener's app answer the senders at the relay; returns when the relay says
        that it does."""
        await self._json("POST", "primary", body={})

    async def trigger(self, event: str, **options: Any) -> tuple[int, ...]:
        """Send a sample of a catalogue event to the listener; the ids of the new deliveries."""
        item = await self._json("POST", "trigger", body={"event": event, **options})
        return tuple(int(one) for one in item["delivery_ids"])

    async def _json(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        body: Item | None = None,
        *,
        patient: bool = False,
    ) -> dict[str, Any]:
        data = await self._request(method, path, params, body, patient=patient)
        try:
            item = json.loads(data)
        except ValueError as error:
            raise InspectorError(f"the listener's answer to {path} is not JSON") from error
        if not isinstance(item, dict):
            raise InspectorError(f"the listener's answer to {path} is not a JSON object")
        return item

    async def _request(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        body: Item | None = None,
        *,
        patient: bool = False,
    ) -> bytes:
        url = f"{self.base}/api/{path}"
        # The app's own time-out, which may be none, ends what `patient` waits for.
        seconds = None if patient else _ANSWER_SECONDS
        timeout = aiohttp.ClientTimeout(total=seconds, connect=_CONNECT_SECONDS)
        try:
            # yarl would leave a lone surrogate out, and so ask for something else.
            "".join((params or {}).values()).encode()
            async with self._opened().request(
                method, url, params=params, json=body, timeout=timeout
            ) as response:
                data = await response.read()
                status = response.status
        except UnicodeError as error:
            raise UsageError("there are characters in it that cannot be sent") from error
        except TimeoutError as error:
            raise UnreachableError(
                f"the listener at {self.base} does not answer", "it may be busy; try again"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._gone() or UnreachableError(
                f"no listener answers at {self.base}", "start one with `inspector serve`"
            ) from error
        if status >= 400:
            raise refusal(status, data)
        return data

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"},
                # HTTP_PROXY is for the outer world; the listener is ours.
                trust_env=False,
            )
        return self._session


def refusal(status: int, data: bytes) -> InspectorError:
    """The error that an answer of 400 and above stands for, in the listener's own words."""
    message, hint, code = f"the listener answered {status}", "", ""
    try:
        error = json.loads(data)["error"]
        message, hint = str(error["message"]), str(error.get("hint") or "")
        code = str(error.get("code") or "")
    except (ValueError, KeyError, TypeError):
        pass
    if status in (401, 403):
        hint = hint or "the token lies beside the database, in NAME-token"
    if status in (401, 403) or code == "configuration":
        return ConfigurationError(message, hint)
    if status == 404:
        return NotFoundError(message, hint)
    if status in (400, 422):
        return UsageError(message, hint)
    if status == 409:
        gone = code == "not-connected"
        return UnreachableError(message, hint) if gone else ConfigurationError(message, hint)
    if status == 504:
        return TimedOutError(message, hint)
    return InspectorError(message, hint)


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _params(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in _given(**values).items()}


def _numbers(data: bytes) -> "array[int]":
    """Little-endian 64-bit numbers."""
    found = array("q", data)
    if sys.byteorder == "big":
        found.byteswap()
    return found
