"""From a whole request to an answer: commit, then forward, then answer by the ack policy."""

from collections.abc import Callable

from inspector.domain.attempt import FailureKind, Outcome, Response
from inspector.domain.delivery import Request
from inspector.domain.facts import Answered, Captured
from inspector.errors import StoreUnavailableError
from inspector.server.answers import Answer, StoredAnswers, refusal, relayed
from inspector.server.policy import AckPolicy
from inspector.server.ports import Forwarder, Journal

RETRY_AFTER = 5


class Intake:
    """Takes deliveries in; `status` is what `stored` answers, `timeout` bounds the wait for the
    app in seconds (None waits for ever)."""

    def __init__(
        self,
        journal: Journal,
        forwarder: Forwarder,
        clock: Callable[[], int],
        *,
        policy: AckPolicy,
        status: int,
        timeout: float | None,
    ) -> None:
        self._journal = journal
        self._forwarder = forwarder
        self._clock = clock
        self._policy = policy
        self._status = status
        self._timeout = timeout
        self._stored = StoredAnswers(status)

    async def take(
        self,
        at: int,
        request: Request,
        remote: str,
        *,
        pieces: tuple[bytes, ...] = (),
        replay_of: int | None = None,
        kept: bool = True,
    ) -> tuple[int, Answer]:
        """Commit a delivery and give its id and its answer; id 0 when it could not be committed.

        `pieces` stand in for the body of a large request. `kept`: the connection may stay open.
        """
        route = self._forwarder.route()
        asks_app = self._policy.asks_app and route != ()
        answered = None if asks_app else self._status
        fact = Captured(
            at,
            request,
            remote,
            answered=answered,
            route=route,
            replay_of=replay_of,
            pieces=pieces,
        )
        try:
            delivery_id = (await self._journal.append(fact)).delivery_id
        except StoreUnavailableError as error:
            return 0, refusal(503, error.message, retry_after=RETRY_AFTER)
        if asks_app:
            answer = await self._ask_app(delivery_id, fact, kept)
            self._journal.append(Answered(self._clock(), delivery_id, answer.status))
            return delivery_id, answer
        if route != ():
            self._forwarder.captured(delivery_id, fact)
        return delivery_id, self._stored.answer(delivery_id, kept)

    async def keep(self, at: int, request: Request, remote: str, *, replay_of: int) -> int:
        """Commit an edited delivery that is sent by hand alone; its id.

        Raises `StoreUnavailableError`.
        """
        fact = Captured(at, request, remote, route=(), replay_of=replay_of)
        return (await self._journal.append(fact)).delivery_id

    async def _ask_app(self, delivery_id: int, fact: Captured, kept: bool) -> Answer:
        once = self._policy.name == "app"
        within = self._timeout if once else self._policy.seconds
        asked = await self._forwarder.answered_by_app(delivery_id, fact, within=within, once=once)
        if asked is None or (not once and not isinstance(asked, Response)):
            return self._stored.answer(delivery_id, kept)
        return _of_app(asked, delivery_id, to_head=fact.request.method == "HEAD", kept=kept)


def _of_app(outcome: Outcome, delivery_id: int, *, to_head: bool, kept: bool) -> Answer:
    if isinstance(outcome, Response):
        return relayed(outcome, delivery_id, to_head=to_head, kept=kept)
    status = 504 if outcome.kind is FailureKind.TIMEOUT else 502
    return refusal(status, outcome.reason, delivery_id=delivery_id, retry_after=RETRY_AFTER)
