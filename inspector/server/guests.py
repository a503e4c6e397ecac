"""Guests: endpoints that live for minutes, so that the way to an endpoint can be walked.

They are in memory alone. What is sent to one is stored like any delivery and forgotten with it,
at the latest when the relay starts again.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from inspector.domain.endpoint import GUEST, Endpoint, Limits
from inspector.errors import StoreUnavailableError
from inspector.server.addresses import Address, Addresses
from inspector.store.endpoints import hash_of, new_token
from inspector.tasks import Tasks
from inspector.tunnel.door import refusal, turned_away

LIFE_SECONDS = 600.0
MOST_OF_ONE = 4
MOST = 16
MAX_STORED = 128 << 20
_RATE = 50.0
_CONNECTIONS = 16
_RETRY_AFTER = "60"
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Guest:
    """`parent` is the endpoint as it was when it invited the guest."""

    parent: Endpoint
    slug: str
    until: float


class Guests:
    """Makes and ends guests, on demand and in time.

    `erase` forgets all that is stored for an id; `monotonic` gives seconds that only grow. `look`
    is to be called every now and then.
    """

    def __init__(
        self,
        addresses: Addresses,
        erase: Callable[[str], Awaitable[None]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = addresses
        self._erase = erase
        self._monotonic = monotonic
        self._guests: dict[str, _Guest] = {}
        # Those that are over, until nothing is stored for them; None: left by an earlier process.
        self._over: dict[str, tuple[Address | None, str]] = {}
        self._erasing: dict[str, asyncio.Task[None]] = {}
        self._tasks = Tasks("guests")
        self._closed = False

    @property
    def count(self) -> int:
        """How many there are, with those that are not forgotten yet."""
        return len(self._guests) + len(self._over)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`POST` with the token of an endpoint makes a guest of it, `DELETE` with a guest's own
        ends that."""
        address = self._addresses.at(request.match_info["slug"])
        if (refused := turned_away(request, address.settings if address else None)) is not None:
            return refused
        assert address is not None
        endpoint = address.settings
        guest = self._guests.get(endpoint.id)
        if request.method == "DELETE":
            if guest is None:
                return refusal(403, "no-guest", "an endpoint is removed at the relay alone")
            self._end(endpoint.id, "the guest has left")
            return web.json_response({"ok": True})
        if guest is not None:
            return refusal(403, "no-endpoint", "a guest has no guests")
        return self._invite(address)

    def _invite(self, host: Address) -> web.Response:
        parent = host.settings
        if self._closed:
            return refusal(503, "stopping", "the relay is stopping", headers={"Retry-After": "5"})
        parents = [
            *(guest.parent.id for guest in self._guests.values()),
            *(whose for _, whose in self._over.values()),
        ]
        if len(parents) >= MOST or parents.count(parent.id) >= MOST_OF_ONE:
            return refusal(
                429,
                "too-many-guests",
                f"there are {MOST_OF_ONE} guests of an endpoint at a time, and {MOST} in all",
                f"another `inspector doctor` may be running; each ends by itself after "
                f"{LIFE_SECONDS / 60:.0f} minutes",
                headers={"Retry-After": _RETRY_AFTER},
            )
        token = new_token()
        settings = Endpoint(
            id=GUEST + secrets.token_hex(8),
            name="guest",
            slug=secrets.token_hex(16),
            token_sha256=hash_of(token),
            ack="app",
            limits=_limits(parent.limits, host.max_body),
        )
        self._addresses.invite(settings, host)
        until = self._monotonic() + LIFE_SECONDS
        self._guests[settings.id] = _Guest(parent, settings.slug, until)
        return web.json_response(
            {
                "v": 1,
                "slug": settings.slug,
                "token": token,
                "path": f"/in/{settings.slug}",
                "seconds": LIFE_SECONDS,
                "limits": settings.limits.model_dump(),
            },
            status=201,
            headers={"Cache-Control": "no-store"},
        )

    def follow(self, endpoints: Iterable[Endpoint]) -> None:
        """There are these endpoints now: guests of one that is gone, or has another token, end."""
        tokens = {each.id: each.token_sha256 for each in endpoints}
        for id_, guest in list(self._guests.items()):
            if tokens.get(guest.parent.id) != guest.parent.token_sha256:
                self._end(id_, "the token of its endpoint is no longer taken")

    def left(self, ids: Iterable[str]) -> None:
        """An earlier process left these in the store."""
        self._over |= dict.fromkeys(ids, (None, ""))
        self._sweep()

    def look(self) -> None:
        """End those whose time is over, and forget what can be forgotten now."""
        now = self._monotonic()
        for id_, guest in list(self._guests.items()):
            if now >= guest.until:
                self._end(id_, "the guest's time is over")
        self._sweep()

    def _sweep(self) -> None:
        for id_, (address, _) in self._over.items():
            # What is being taken in would be stored behind our back.
            if id_ not in self._erasing and (address is None or not address.under_way):
                self._erasing[id_] = self._tasks.start(self._forget(id_), "erase")

    def _end(self, id_: str, reason: str) -> None:
        guest = self._guests.pop(id_)
        self._over[id_] = self._addresses.dismiss(guest.slug, reason), guest.parent.id
        self._sweep()

    async def _forget(self, id_: str) -> None:
        try:
            await self._erase(id_)
            del self._over[id_]
        except StoreUnavailableError:
            pass  # the store tells of itself; the next look tries again
        finally:
            del self._erasing[id_]

    async def close(self) -> None:
        """End them all; what cannot be forgotten now is when the relay starts again."""
        self._closed = True
        for id_ in list(self._guests):
            self._end(id_, "the relay is stopping")
        self._sweep()
        if self._erasing:
            await asyncio.wait(self._erasing.values(), timeout=_CLOSE_SECONDS)
        await self._tasks.stop()


def _limits(own: Limits, max_body: int) -> Limits:
    """What a guest may take: nothing that its endpoint would not."""
    return Limits(
        rate=min(own.rate, _RATE),
        max_body=max_body,
        max_stored=min(own.max_stored, MAX_STORED),
        max_connections=min(own.max_connections, _CONNECTIONS),
    )
