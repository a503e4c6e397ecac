"""The relay's entrance: the path of a request names its endpoint, which takes in so much."""

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator

from inspector.domain.delivery import Request
from inspector.domain.endpoint import Endpoint
from inspector.domain.facts import Probed, Refused
from inspector.errors import StoreUnavailableError
from inspector.server.answers import Answer, refusal
from inspector.server.entrance import TurnedAway
from inspector.server.intake import RETRY_AFTER, Intake
from inspector.server.limits import Bucket, Counters
from inspector.server.policy import parse_policy
from inspector.server.ports import Desk, Journal
from inspector.server.space import Space
from inspector.tunnel.messages import CANARY_HEADER, CLOSE_UNAUTHORIZED

# A full mailbox is emptied by its consumers, which takes a while.
_FULL_RETRY_AFTER = 30

# A proxy may ask with the whole URL (RFC 9112 section 3.2.2).
_WHERE = r"(?:[Hh][Tt][Tt][Pp][Ss]?://[^/?#\s]*)?/in/([^/?#\s]*)"
_TARGET = re.compile(_WHERE + r"(.*)", re.DOTALL)
_RAW = re.compile(rb"[^\s]+ +" + _WHERE.encode())

_CANARY = CANARY_HEADER.lower()
_CANARY_LENGTH = len(_CANARY)

_UNKNOWN = TurnedAway(404, "unknown", "there is no such capture address")


class Address:
    """One endpoint as a place; `settings` may be replaced while requests are under way. One that
    has a `host` is a guest of that."""

    def __init__(
        self,
        settings: Endpoint,
        desk_of: "DeskOf",
        journal: Journal,
        stored: Callable[[str], int],
        space: Space,
        clock: Callable[[], int],
        monotonic: Callable[[], float],
        host: "Address | None" = None,
    ) -> None:
        self.counters = Counters()
        self.under_way = 0
        self.removed = False
        self._desk_of = desk_of
        self._journal = journal
        self._stored = stored
        self._clock = clock
        self._bucket = Bucket(settings.limits.rate, monotonic)
        self._space = space
        # A guest has no room of its own: with some of them one endpoint would have all there is.
        self.room: Space = host.room if host is not None else Space(0, space)
        self._settle(settings)
        self.desk = desk_of(self)
        self._intake = self._make_intake()

    def _settle(self, settings: Endpoint) -> None:
        self.settings = settings
        self.endpoint = settings.id
        limits = settings.limits
        self.max_body = self._space.bounded(limits.max_body)
        self._most_under_way = limits.max_connections
        self._most_stored = limits.max_stored
        self._bucket.set(limits.rate)
        # Half of the relay's: slow senders of one endpoint leave room for those of others.
        self.room.limit = max(self._space.limit // 2, self.max_body)

    def _make_intake(self) -> Intake:
        return Intake(
            self._journal,
            self.desk,
            self._clock,
            policy=parse_policy(self.settings.ack),
            status=self.settings.status,
            timeout=self.settings.timeout,
            endpoint=self.settings.id,
            relaying=True,
        )

    def change(self, settings: Endpoint) -> None:
        """Take in and answer as these settings say from now on; another token parts from those
        who came with the old one."""
        rotated = settings.token_sha256 != self.settings.token_sha256
        self._settle(settings)
        if rotated:
            self.desk.close(CLOSE_UNAUTHORIZED, "the token was rotated")
            self.desk = self._desk_of(self)
        else:
            self.desk.endpoint = settings
        self._intake = self._make_intake()

    def remove(self, reason: str) -> None:
        """Let it be no more: what is under way to it is taken in no longer."""
        self.removed = True
        self.desk.close(CLOSE_UNAUTHORIZED, reason)

    def admit(self) -> TurnedAway | None:
        """Count a request as under way, unless a limit is reached."""
        turned = self._over()
        if turned is None:
            self.under_way += 1
        else:
            self.counters.limited[turned.code] += 1
        return turned

    def admits_broken(self) -> bool:
        """Whether there is room for the row of a request that no parser accepted."""
        turned = self._over()
        if turned is not None:
            self.counters.limited[turned.code] += 1
        return turned is None

    def _over(self) -> TurnedAway | None:
        if self.under_way >= self._most_under_way:
            told = f"more than {self._most_under_way} requests are under way"
            return TurnedAway(429, "too-many-connections", told, RETRY_AFTER)
        if self._stored(self.endpoint) >= self._most_stored:
            told = "what was sent earlier has not been fetched yet, and there is no more room"
            return TurnedAway(429, "mailbox-full", told, _FULL_RETRY_AFTER)
        if pause := self._bucket.take():
            told = f"more than {self.settings.limits.rate:g} requests a second"
            return TurnedAway(429, "rate-limited", told, math.ceil(pause))
        return None

    def leave(self) -> None:
        self.under_way -= 1

    def refused(self, number: int, fact: Refused) -> None:
        self.counters.refused[fact.code] += 1
        self.desk.refused(number, fact)

    async def take(
        self,
        at: int,
        request: Request,
        remote: str,
        *,
        pieces: tuple[bytes, ...] = (),
        kept: bool = True,
    ) -> tuple[int, Answer]:
        """As `Intake.take`; but a canary that is expected is no delivery."""
        if self.removed:
            return 0, _UNKNOWN.answer(kept=False)
        # By the length first: a lower-case copy of every name would cost 1 % of the requests.
        for name, value in request.headers:
            if len(name) == _CANARY_LENGTH and name.lower() == _CANARY:
                if self.desk.takes_canary(value):
                    return await self._probed(at, value)
                break
        delivery_id, answer = await self._intake.take(at, request, remote, pieces=pieces, kept=kept)
        if delivery_id:
            counters = self.counters
            counters.captured += 1
            counters.bytes += sum(map(len, pieces)) if pieces else len(request.body)
        else:
            self.counters.limited["store-unavailable"] += 1
        return delivery_id, answer

    async def _probed(self, at: int, nonce: str) -> tuple[int, Answer]:
        fact = Probed(at, self.endpoint, nonce)
        try:
            _, delivery_id, number = await self._journal.append(fact)
        except StoreUnavailableError as error:
            return 0, refusal(503, error.message, retry_after=RETRY_AFTER)
        self.counters.probed += 1
        self.desk.probed(number, fact)
        return delivery_id, refusal(200, "probed", delivery_id=number)


DeskOf = Callable[[Address], Desk]


class Addresses:
    """Every address of the relay, by its slug; `unknown` counts requests that named none.

    `desk_of` makes the desk of a new address, `stored` tells how many bytes an endpoint's mailbox
    holds, `space` is the room for all bodies, `clock` gives microseconds since the epoch.
    """

    def __init__(
        self,
        journal: Journal,
        desk_of: DeskOf,
        stored: Callable[[str], int],
        space: Space,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._desk_of = desk_of
        self._stored = stored
        self._space = space
        self._clock = clock
        self._monotonic = monotonic
        self._by_slug: dict[str, Address] = {}
        self._guests: dict[str, Address] = {}
        self._removed: dict[str, Address] = {}
        self.unknown = 0

    def __iter__(self) -> Iterator[Address]:
        """The endpoints, without their guests."""
        guests = self._guests
        return (each for slug, each in self._by_slug.items() if slug not in guests)

    def every(self) -> list[Address]:
        """The endpoints and their guests."""
        return [*self._by_slug.values()]

    @property
    def guests(self) -> int:
        """How many guests there are."""
        return len(self._guests)

    def at(self, slug: str) -> Address | None:
        return self._by_slug.get(slug)

    def replace(self, endpoints: Iterable[Endpoint]) -> None:
        """Let there be these endpoints from now on; those that stay go on as they are.

        Raises `UsageError` for an ack policy that is none, and has then changed nothing.
        """
        wanted = list(endpoints)
        for settings in wanted:
            parse_policy(settings.ack)
        before = {address.settings.id: address for address in self}
        now: dict[str, Address] = {}
        for settings in wanted:
            address = before.pop(settings.id, None)
            if address is None:
                address = self._make(settings)
            elif address.settings != settings:
                address.change(settings)
            now[settings.slug] = address
        self._by_slug = now | self._guests
        for gone in before.values():
            gone.remove("the endpoint was removed")
            self._removed[gone.endpoint] = gone

    def busy(self, endpoint: str) -> bool:
        """Whether requests to an endpoint that was removed are still under way, so that something
        may still be stored for it."""
        gone = self._removed.get(endpoint)
        if gone is not None and not gone.under_way:
            del self._removed[endpoint]
        return endpoint in self._removed

    def invite(self, settings: Endpoint, host: Address) -> Address:
        """Let there be this endpoint besides, as a guest of another."""
        guest = self._guests[settings.slug] = self._make(settings, host)
        self._by_slug[settings.slug] = guest
        return guest

    def dismiss(self, slug: str, reason: str) -> Address:
        """Let a guest be no more; requests to it may still be under way."""
        del self._by_slug[slug]
        guest = self._guests.pop(slug)
        guest.remove(reason)
        return guest

    def _make(self, settings: Endpoint, host: Address | None = None) -> Address:
        return Address(
            settings,
            self._desk_of,
            self._journal,
            self._stored,
            self._space,
            self._clock,
            self._monotonic,
            host,
        )

    def admit(self, target: str) -> tuple[Address, str] | TurnedAway:
        """The address that a request target names, and the target without what names it."""
        # Most go the short way: a slug and a slash (measured: 1 % of the requests a second).
        end = target.find("/", 4)
        if end > 0 and target.startswith("/in/"):
            address = self._by_slug.get(target[4:end])
            if address is not None:
                return address.admit() or (address, target[end:])
        found = _TARGET.match(target)
        address = self._by_slug.get(found[1]) if found else None
        if found is None or address is None:
            self.unknown += 1
            return _UNKNOWN
        rest = found[2]
        return address.admit() or (address, rest if rest.startswith("/") else f"/{rest}")

    def place_of(self, raw: bytes) -> tuple[Address, bytes] | None:
        """The same for the first bytes of a broken request: what names the address is cut off."""
        found = _RAW.match(raw)
        address = self._by_slug.get(found[1].decode("latin-1")) if found else None
        if found is None or address is None:
            self.unknown += 1
            return None
        if not address.admits_broken():
            return None
        method, rest = raw[: raw.index(b" ") + 1], raw[found.end() :]
        return address, method + (rest if rest.startswith(b"/") else b"/" + rest)
