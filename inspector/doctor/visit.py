"""A visit to the relay: requests sent to its capture address, and what the relay got of each."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from inspector.doctor.guest import Guest, guest_of
from inspector.doctor.sender import send_exactly
from inspector.domain.attempt import Outcome, Response
from inspector.domain.fidelity import Arrived
from inspector.domain.headers import decode_head
from inspector.domain.parcel import Parcel
from inspector.domain.routes import parse_target
from inspector.domain.torture import Case
from inspector.errors import UnreachableError
from inspector.tasks import Tasks
from inspector.tunnel.connecting import Dialler, LostError
from inspector.tunnel.looking import Onlooker
from inspector.tunnel.messages import Team
from inspector.tunnel.ports import Whole

# What is captured comes as fast as the relay's consumers get it; what was turned away does not
# come at all, and its sender need not wait long to know.
_ARRIVAL_SECONDS = 20.0
_TURNED_AWAY_SECONDS = 1.0


class SeenAtRelay(NamedTuple):
    """A delivery at the relay: its place among all that came, from 1 on, and what it is; `arrived`
    is None where the relay refused it."""

    place: int
    parcel: Parcel
    arrived: Arrived | None


class Sighting(NamedTuple):
    """A request that was sent: what its sender was answered, and what the relay has of it."""

    outcome: Outcome
    seen: SeenAtRelay | None


class Visit:
    """A guest endpoint with an onlooker at it; what is sent goes where senders send."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        parts = urlsplit(guest.address.url)
        self.host = parts.netloc
        self._prefix = parts.path
        self._target = parse_target(guest.address.origin)
        self._tls = guest.dialler().tls()
        self._onlooker = Onlooker(guest.dialler("onlooker"), self._take, self._told)
        self._tasks = Tasks("visit")
        self._count = 0
        self._came: deque[SeenAtRelay] = deque()
        self._team = Team(())
        self._lost = ""
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Look on from now on; raises `InspectorError`."""
        try:
            await self._onlooker.attach()
        except LostError as error:
            raise UnreachableError(f"no connection to the relay: {error.reason}") from error
        self._tasks.start(self._look_on(), "onlooker")

    async def close(self) -> None:
        """Be gone; may be called again."""
        await self._onlooker.close()
        await self._tasks.stop()

    async def answers(self, consumer: str, seconds: float) -> None:
        """Until the app of that consumer is the one that answers; raises `UnreachableError`."""
        found = await self._until(
            lambda: any(each.primary and each.consumer == consumer for each in self._team.members),
            seconds,
        )
        if not found:
            why = self._lost or f"the relay does not say so within {seconds:g} s"
            raise UnreachableError(f"the doctor's listener is not attached: {why}")

    async def send(self, case: Case, timeout: float) -> Sighting:
        """Send a case, whose `Host` is `host`, to the capture address.

        Raises `UnreachableError` when nobody can see any more what comes to the relay.
        """
        self._came.clear()
        sent = await send_exactly(
            self._target,
            case,
            prefix=self._prefix,
            tls=self._tls,
            timeout=timeout,
        )
        good = isinstance(sent.outcome, Response) and sent.outcome.status < 300
        await self._until(
            lambda: bool(self._came), _ARRIVAL_SECONDS if good else _TURNED_AWAY_SECONDS
        )
        if self._lost and not self._came:
            raise UnreachableError(f"the relay is lost: {self._lost}", "see whether it still runs")
        return Sighting(sent.outcome, self._came.popleft() if self._came else None)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not condition() and not self._lost:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return condition()

    async def _look_on(self) -> None:
        try:
            await self._onlooker.run()
        except Exception as error:
            # Whoever waits for something is told.
            self._lost = getattr(error, "reason", "") or str(error)
            self._news.set()

    def _take(self, whole: Whole) -> None:
        parcel, pieces = whole
        if parcel.kind == "probe":
            return
        self._count += 1
        arrived = None
        if parcel.kind == "captured":
            method, target, _, headers = decode_head(parcel.head)
            body = b"".join(pieces) or parcel.body
            arrived = Arrived(method, target, headers, body, len(body))
        self._came.append(SeenAtRelay(self._count, parcel._replace(body=b""), arrived))
        self._news.set()

    def _told(self, team: Team) -> None:
        self._team = team
        self._news.set()


@asynccontextmanager
async def visiting(dialler: Dialler) -> AsyncIterator[Visit]:
    """A visit at the endpoint of this dialler, still to be opened; nothing of it stays there.

    Raises as `guest_of` does.
    """
    async with guest_of(dialler) as guest:
        visit = Visit(guest)
        try:
            yield visit
        finally:
            await visit.close()
