"""The way through the relay: sender, proxies, relay, websocket, and then home."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from inspector.doctor.echo import ECHO_HEADER
from inspector.doctor.model import Check
from inspector.doctor.proxy import added_by_proxies
from inspector.doctor.visit import Sighting, Visit, visiting
from inspector.doctor.ways import SECONDS, Passage, answered, likely
from inspector.domain.attempt import Failure, Outcome, Response
from inspector.domain.fidelity import Arrived
from inspector.domain.headers import HOP_BY_HOP, first
from inspector.domain.plaintext import one_line
from inspector.domain.torture import Case
from inspector.runtime import Runtime
from inspector.tunnel.connecting import Dialler

RELAY = "relay"
_HOP = "fidelity"
_CONSUMER = "doctor"
_ATTACH_SECONDS = 20.0
# How a body is framed belongs to each connection; the body itself is compared.
_FRAMING = HOP_BY_HOP | {"content-length"}


class Relayed:
    """Through a relay, as a guest of the endpoint."""

    stages = (RELAY,)

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.host = visit.host
        self.unjudged = _FRAMING
        self._unanswered: dict[str, str] = {}
        self._answered = 0

    def settings(self) -> Mapping[str, Any]:
        guest = self._visit.guest
        return {"relay": guest.address.url, "relay_token": guest.token, "consumer": _CONSUMER}

    async def open(self, runtime: Runtime) -> None:
        assert runtime.tunnel is not None
        await runtime.tunnel.consumer.tried(_ATTACH_SECONDS)
        # Behind the listener: of those attached the first is whose app answers.
        await self._visit.open()
        await self._visit.answers(_CONSUMER, _ATTACH_SECONDS)

    async def send(self, case: Case) -> Passage:
        sighting = await self._visit.send(case, SECONDS)
        seen = sighting.seen
        if seen is None or seen.arrived is None:
            return Passage(None, self._why(sighting))
        self._note(case, sighting.outcome)
        self.unjudged = _FRAMING | _added(case, seen.arrived)
        # The doctor's listener numbers what comes by the same count.
        return Passage(seen.place, seen={RELAY: seen.arrived})

    def checks(self) -> list[Check]:
        """The check on whether the app's answers come back to the sender."""
        value = {"came": self._answered, "not": self._unanswered}
        if not self._unanswered:
            if not self._answered:
                return []
            told = f"all {self._answered} of the app's come back to the sender"
            return [Check(_HOP, "answers", True, told, value=value)]
        (case, why), *more = self._unanswered.items()
        also = f", and {len(more)} more" if more else ""
        told = f"the sender of {case} did not get what the app answered{also}: {why}"
        hint = "see that nothing before the relay puts pages of its own in place of answers"
        return [Check(_HOP, "answers", False, told, hint, value)]

    def _note(self, case: Case, outcome: Outcome) -> None:
        """Whether the sender has got the echo's own answer."""
        if isinstance(outcome, Response) and first(outcome.headers, ECHO_HEADER) is not None:
            self._answered += 1
        else:
            self._unanswered[case.name] = answered(outcome)

    def _why(self, sighting: Sighting) -> str:
        """Why a request did not come to the relay, or was not taken there."""
        if sighting.seen is not None:
            return refused(sighting.seen.parcel.code, sighting.seen.parcel.reason)
        outcome = sighting.outcome
        if isinstance(outcome, Failure):
            return f"it did not come to the relay: {outcome.reason}"
        return f"{answered(outcome)}, before the relay{likely(outcome)}"


def refused(code: str, reason: str) -> str:
    """What a refusal of the relay's own means."""
    told = f"the relay refused it: {one_line(reason, 100)}"
    if code == "body-too-large":
        told += "; `inspector relay endpoint set NAME --max-body SIZE` raises the limit"
    return told


def _added(case: Case, arrived: Arrived) -> frozenset[str]:
    """The headers that proxies have put to a request as proxies do."""
    sent = {name.lower() for name, _ in case.request.headers}
    came = {name.lower() for name, _ in arrived.headers}
    return frozenset(filter(added_by_proxies, came - sent))


@asynccontextmanager
async def relayed(dialler: Dialler) -> AsyncIterator[Relayed]:
    """The way through this relay; raises as `visiting` does."""
    async with visiting(dialler) as visit:
        yield Relayed(visit)
