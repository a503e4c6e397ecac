"""From a whole request to an answer: commit, then forward, then answer by the ack policy."""

from collections.abc import Callable

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.delivery import Request
from inspector.domain.facts import Answered, Captured
from inspector.errors import StoreUnavailableError
from inspector.server.answers import Answer, StoredAnswers, refusal, relayed
from inspector.server.policy import AckPolicy
from inspector.server.ports import Journal, Onward

RETRY_AFTER = 5


class Intake:
    """Takes the deliveries of an endpoint in; `status` is what `stored` answers, `timeout` bounds
    the wait for the app in seconds (None waits for ever).

    `relaying`: the app is behind `onward`, at a consumer's home, and where it is sent is decided
    there. Under `app` a sender that no app answers is then turned away, to send again.
    """

    def __init__(
        self,
        journal: Journal,
        onward: Onward,
        clock: Callable[[], int],
        *,
        policy: AckPolicy,
        status: int,
        timeout: float | None,
        endpoint: str = "default",
        relaying: bool = False,
    ) -> None:
        self._journal = journal
        self._onward = onward
        self._clock = clock
        self._policy = policy
        self._status = status
        self._timeout = timeout
        self._endpoint = endpoint
        self._relaying = relaying
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
        route = None if self._relaying else self._onward.route()
        asks_app = self._policy.asks_app and route != ()
        answered = None if asks_app else self._status
        fact = Captured(
            at,
            request,
            remote,
            self._endpoint,
            answered=answered,
            route=route,
            replay_of=replay_of,
            pieces=pieces,
        )
        try:
            _, delivery_id, number = await self._journal.append(fact)
        except StoreUnavailableError as error:
            return 0, refusal(503, error.message, retry_after=RETRY_AFTER)
        if asks_app:
            answer, turned_away = await self._ask_app(number, fact, kept)
            told = Answered(self._clock(), delivery_id, answer.status, turned_away)
            self._journal.append(told)
            self._onward.answered(number, answer.status, turned_away)
            return delivery_id, answer
        if route != ():
            self._onward.captured(number, fact)
        return delivery_id, self._stored.answer(number, kept)

    async def keep(self, at: int, request: Request, remote: str, *, replay_of: int) -> int:
        """Commit an edited delivery that is sent by hand alone; its id.

        Raises `StoreUnavailableError`.
        """
        fact = Captured(at, request, remote, self._endpoint, route=(), replay_of=replay_of)
        return (await self._journal.append(fact)).delivery_id

    async def _ask_app(self, number: int, fact: Captured, kept: bool) -> tuple[Answer, bool]:
        """The answer, and whether the sender is turned away with it."""
        once = self._policy.name == "app"
        within = self._timeout if once else self._policy.seconds
        asked = await self._onward.answered_by_app(number, fact, within=within, once=once)
        if isinstance(asked, Response):
            to_head = fact.request.method == "HEAD"
            return relayed(asked, number, to_head=to_head, kept=kept), False
        if asked is None or not once:
            return self._stored.answer(number, kept), False
        if self._relaying:
            return refusal(503, asked.reason, delivery_id=number, retry_after=RETRY_AFTER), True
        return _of_failure(asked, number), False


def _of_failure(failure: Failure, number: int) -> Answer:
    status = 504 if failure.kind is FailureKind.TIMEOUT else 502
    return refusal(status, failure.reason, delivery_id=number, retry_after=RETRY_AFTER)
