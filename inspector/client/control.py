"""The client of the listener's control API."""

import json
import sys
from array import array
from types import TracebackType
from typing import Any, Self

import aiohttp

from inspector.client.models import (
    AttemptDetail,
    Counts,
    DeliveryDetail,
    Item,
    Page,
    Resent,
    Status,
)
from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
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
    failure). Close it, or use it as an async context manager.
    """

    def __init__(self, base: str, token: str) -> None:
        self.base = base.rstrip("/")
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; may be called again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def status(self) -> Status:
        return Status.from_json(await self._json("GET", "status"))

    async def counts(self) -> Counts:
        """The counters by event type, state and verdict."""
        return Counts.from_json(await self._json("GET", "events"))

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
        self, query: str = "", *, before: int | None = None, limit: int = 100_000
    ) -> "array[int]":
        """The ids of every delivery that matches, newest first, `limit` at most."""
        params = _params(query=query or None, before=before, limit=limit)
        ids = array("q", await self._request("GET", "ids", params))
        if sys.byteorder == "big":
            ids.byteswap()
        return ids

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
        item = await self._json("GET", f"deliveries/{delivery_id}/attempts")
        return tuple(AttemptDetail.from_json(one) for one in item["items"])

    async def resend(
        self, delivery_id: int, *, to: str | None = None, re_sign: bool = False
    ) -> Resent:
        """Send a delivery again, to its own targets or to `to`; answers at once."""
        item = await self._json(
            "POST", f"deliveries/{delivery_id}/resend", body={"to": to, "re_sign": re_sign}
        )
        attempts = tuple(Attempt.from_json(one) for one in item.get("attempts") or ())
        return Resent(int(item["delivery_id"]), attempts)

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
    ) -> dict[str, Any]:
        data = await self._request(method, path, params, body)
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
    ) -> bytes:
        url = f"{self.base}/api/{path}"
        try:
            # yarl would leave a lone surrogate out, and so ask for something else.
            "".join((params or {}).values()).encode()
            async with self._opened().request(method, url, params=params, json=body) as response:
                data = await response.read()
                status = response.status
        except UnicodeError as error:
            raise UsageError("there are characters in it that cannot be sent") from error
        except TimeoutError as error:
            raise UnreachableError(
                f"the listener at {self.base} does not answer", "it may be busy; try again"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(
                f"no listener answers at {self.base}", "start one with `inspector serve`"
            ) from error
        if status >= 400:
            raise refusal(status, data)
        return data

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                # HTTP_PROXY is for the outer world; the listener is ours.
                trust_env=False,
            )
        return self._session


def refusal(status: int, data: bytes) -> InspectorError:
    """The error that an answer of 400 and above stands for, in the listener's own words."""
    message, hint = f"the listener answered {status}", ""
    try:
        error = json.loads(data)["error"]
        message, hint = str(error["message"]), str(error.get("hint") or "")
    except (ValueError, KeyError, TypeError):
        pass
    if status in (401, 403):
        hint = hint or "the token lies beside the database, in NAME-token"
        return ConfigurationError(message, hint)
    if status == 404:
        return NotFoundError(message, hint)
    if status in (400, 422):
        return UsageError(message, hint)
    return InspectorError(message, hint)


def _params(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}
