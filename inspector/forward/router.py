"""Decides where each delivery goes, journals the decision, and hands it to the dispatcher."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from inspector.domain.attempt import (
    Attempt,
    Failure,
    FailureKind,
    Outcome,
    Response,
    Trigger,
)
from inspector.domain.delivery import Request
from inspector.domain.facts import Captured, Routed
from inspector.domain.routes import Routing, parse_target
from inspector.errors import ConfigurationError, NotFoundError, UsageError
from inspector.forward.backlog import QueuedDelivery
from inspector.forward.dispatcher import Dispatcher
from inspector.forward.events import event_of, quick
from inspector.forward.holds import Holds
from inspector.forward.ports import Facts, Waiting
from inspector.forward.target import Sent
from inspector.providers import event_name, provider_for

_BY_NAME = "`--to URL`, or o in the UI"
_NO_ANSWER = Failure(FailureKind.TIMEOUT, "the app did not answer in time")


@dataclass(frozen=True, slots=True)
class Sending:
    """A re-send that has begun: its attempt as of its start, and the outcome to come."""

    attempt: Attempt
    sent: "asyncio.Task[Sent]"

    async def finished(self) -> Attempt:
        """The attempt with its outcome."""
        sent = await asyncio.shield(self.sent)
        attempt, outcome = replace(self.attempt, duration_ms=sent.duration_ms), sent.outcome
        if isinstance(outcome, Response):
            return replace(attempt, status=outcome.status, body_size=outcome.body_size)
        assert isinstance(outcome, Failure)
        return replace(attempt, failure=outcome)


class Router:
    """Routes by event where a rule asks for it, re-sends by hand, re-signs with the first secret.

    `holds` routes in its place while there is a breakpoint, and where a body takes time to be read,
    that delivery and what comes behind it. `attempts` gives the attempts made on a delivery so far.
    """

    def __init__(
        self,
        routing: Routing,
        dispatcher: Dispatcher,
        facts: Facts,
        waiting: Waiting,
        attempts: Callable[[int], Awaitable[Sequence[Attempt]]],
        secrets: Callable[[], Sequence[str]],
        clock: Callable[[], int],
    ) -> None:
        self._routing = routing
        self._unfiltered = replace(routing, events=())
        self._dispatcher = dispatcher
        self._facts = facts
        self._waiting = waiting
        self._attempts = attempts
        self._secrets = secrets
        self._clock = clock
        self.holds = Holds(routing, dispatcher, facts, waiting, secrets, clock)
        # Where no event name matters, every delivery goes the same way.
        self._same = None if routing.needs_event else routing.decide(None).targets

    async def start(self) -> None:
        """Route what was captured and not routed when the last listener stopped, then send."""
        # The lanes begin with what the store says, so it must know where these go.
        await self.holds.route_left()
        self._dispatcher.start()
        await self.holds.start()

    async def stop(self, deadline: float) -> None:
        await self.holds.stop()
        await self._dispatcher.stop(deadline)

    def route(self) -> tuple[str, ...] | None:
        """The targets of every delivery where neither a rule asks for its event nor a breakpoint
        for all of it, else None."""
        return None if self.holds.active else self._same

    def captured(self, delivery_id: int, fact: Captured) -> None:
        """Queue a committed delivery for its targets; returns at once."""
        if self._in_turn(fact):
            self.holds.offer(_item(delivery_id, fact))
        else:
            targets = self._targets_of(delivery_id, fact)
            self._dispatcher.offer(delivery_id, _whole(fact), targets)

    def overhear(self, delivery_id: int, told: Callable[[Outcome, float], None]) -> None:
        """`told` how the next attempt on this delivery ends, and after how many milliseconds."""
        self._dispatcher.overhear(delivery_id, told)

    async def answered_by_app(
        self, delivery_id: int, fact: Captured, *, within: float | None, once: bool
    ) -> Outcome | None:
        """Queue a delivery and wait for its first target.

        None without a target. Where it does not answer within the time: a failure if it is tried
        `once`, since the sender must not take the delivery for handled, else None.
        """
        if self._in_turn(fact):
            item = _item(delivery_id, fact)
            chosen, outcome = await self.holds.answered(item, within=within, once=once)
            return _NO_ANSWER if chosen and outcome is None and once else outcome
        targets = self._targets_of(delivery_id, fact)
        if not targets:
            return None
        self._dispatcher.offer(delivery_id, _whole(fact), targets, reply=True, once=once)
        outcome = await self._dispatcher.answer(delivery_id, within)
        return _NO_ANSWER if outcome is None and once else outcome

    def answered(self, delivery_id: int, status: int, turned_away: bool) -> None:
        """What a sender was answered is in the journal; nothing here depends on it."""

    async def resend(
        self, delivery_id: int, *, to: str | None = None, re_sign: bool = False
    ) -> list[Sending]:
        """Send a delivery once more, now: to one URL, or to where its event goes.

        Raises `NotFoundError` for a delivery that is not there whole, `UsageError` without any
        target, `ConfigurationError` without a secret to sign with.
        """
        request = await self._waiting.load(delivery_id)
        if request is None:
            why = await self._waiting.absent(delivery_id)
            raise NotFoundError(why, "see `inspector list not state:refused,gap` for the ids")
        made = await self._attempts(delivery_id)
        targets = (parse_target(to).url,) if to else await self._targets(request, made)
        # One of its own is that also by its name.
        own = not to or any(each.chosen and each.target == targets[0] for each in made)
        if re_sign:
            request = await self.signed(request)
        if own:
            self.holds.sent(delivery_id, targets)
        sendings: list[Sending] = []
        for target in targets:
            sending = await self._send(
                delivery_id, request, target, made, own=own, resigned=re_sign
            )
            sendings.append(sending)
            if own:
                sending.sent.add_done_callback(partial(self._ended, delivery_id, target))
        if own:
            self.holds.senders.turn(delivery_id, sendings[0].sent)
        return sendings

    def _ended(self, delivery_id: int, target: str, sent: "asyncio.Task[Sent]") -> None:
        answered = not sent.cancelled() and isinstance(sent.result().outcome, Response)
        self.holds.ended(delivery_id, target, answered=answered)

    async def signed(self, request: Request) -> Request:
        """The request with a fresh signature of the first secret."""
        secrets = self._secrets()
        if not secrets:
            raise ConfigurationError(
                "there is no secret to sign with", "give one with --secret or INSPECTOR_SECRET"
            )
        try:
            return await asyncio.to_thread(_sign, request, secrets[0], self._clock())
        except ValueError as error:
            raise UsageError(str(error), "re-send it without signing") from error

    async def _targets(self, request: Request, made: Sequence[Attempt]) -> tuple[str, ...]:
        event = await event_of(request) if self._same is None else None
        earlier = tuple(dict.fromkeys(each.target for each in made if each.chosen))
        targets = self._unfiltered.decide(event).targets or earlier
        if not targets:
            if self._routing.routes:
                raise UsageError("no target takes its event type", f"name one: {_BY_NAME}")
            raise UsageError(
                "there is no target to send to",
                f"start `inspector serve TARGET`, or name one: {_BY_NAME}",
            )
        return targets

    async def _send(
        self,
        delivery_id: int,
        request: Request,
        target: str,
        made: Sequence[Attempt],
        *,
        own: bool,
        resigned: bool,
    ) -> Sending:
        number = sum(attempt.target == target for attempt in made) + 1
        at = self._clock()
        begun = self._dispatcher.resend(
            delivery_id, request, target, number=number, chosen=own, resigned=resigned
        )
        seq = (await asyncio.shield(begun.started)).seq
        attempt = Attempt(
            id=seq,
            seq=seq,
            delivery_id=delivery_id,
            target=target,
            number=number,
            trigger=Trigger.MANUAL,
            resigned=resigned,
            started_at=at,
            duration_ms=None,
            status=None,
            failure=None,
            body_size=None,
            chosen=own,
        )
        return Sending(attempt, begun.sent)

    def _in_turn(self, fact: Captured) -> bool:
        """Whether it is routed by `holds`: behind others, or because it takes time to be read."""
        if fact.route is not None:
            return False
        slow = self._same is None and (bool(fact.pieces) or not quick(fact.request))
        return slow or self.holds.active

    def _targets_of(self, delivery_id: int, fact: Captured) -> tuple[str, ...]:
        """Where a delivery goes that is not routed in turn; the decision is journalled."""
        if fact.route is not None:
            return fact.route
        event = event_name(fact.request) if self._same is None else None
        decision = self._routing.decide(event)
        self._facts.append(
            Routed(self._clock(), delivery_id, decision.targets, decision.filtered_by)
        )
        return decision.targets


def _whole(fact: Captured) -> Request | None:
    """The body of a large one is in pieces: it is loaded when its turn comes."""
    return None if fact.pieces else fact.request


def _item(delivery_id: int, fact: Captured) -> QueuedDelivery:
    return QueuedDelivery(
        delivery_id,
        fact.at,
        request=_whole(fact),
        remote=fact.remote,
        answered=fact.answered,
        endpoint=fact.endpoint,
        origin_relay=fact.origin and fact.origin.relay,
        origin_id=fact.origin and fact.origin.id,
    )


def _sign(request: Request, secret: str, at: int) -> Request:
    return provider_for(request).sign(request, secret, at)
