"""Shadows at home: what the app here says beside the one that answers, and what others' say."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from inspector.domain.attempt import Outcome
from inspector.domain.facts import Shadowed
from inspector.domain.shadow import CONSUMER_LENGTH, capped
from inspector.server.ports import Journal
from inspector.tunnel.messages import Reply, ShadowReply
from inspector.tunnel.ports import Replies

# A relay takes what is said to the last so many that senders waited for.
_REMEMBERED = 4096
# What is said while there is no connection, and goes out with the next one.
_UNSAID = 256
# How far a relay's clock is believed to be ahead, in microseconds.
_AHEAD = 86_400 * 1_000_000


Known = tuple[int, frozenset[str]]
"""A delivery of a relay: its id here, and the consumers whose apps' words are beside it."""

Find = Callable[[str, int], Awaitable[Known | None]]


class Overheard(Protocol):
    """The forwarder, whose attempts can be listened to."""

    def overhear(self, delivery_id: int, told: Callable[[Outcome, float], None], /) -> None:
        """`told` how the next attempt on it ended, and after how many milliseconds; once."""
        ...


class Shadowing:
    """`find` looks a delivery up in the store, by its mailbox and its id there."""

    def __init__(
        self, journal: Journal, forwarder: Overheard, find: Find, clock: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._forwarder = forwarder
        self._find = find
        self._clock = clock
        self._replies: dict[str, Replies] = {}
        self._unsaid: dict[str, deque[Reply]] = {}
        self._known: dict[tuple[str, int], Known] = {}

    # What is said here.

    def speak(self, mailbox: str, reply: Replies | None) -> None:
        """Where it goes out from now on; None: nowhere, so that it waits."""
        if reply is None:
            self._replies.pop(mailbox, None)
            return
        self._replies[mailbox] = reply
        for unsaid in self._unsaid.pop(mailbox, ()):
            reply(unsaid)

    def say(self, mailbox: str, said: Reply) -> None:
        if (reply := self._replies.get(mailbox)) is not None:
            reply(said)
        else:
            self._unsaid.setdefault(mailbox, deque(maxlen=_UNSAID)).append(said)

    def expect(self, mailbox: str, number: int, here: int) -> None:
        """The delivery is about to be forwarded: how that ends is said to the relay."""

        def told(outcome: Outcome, ms: float) -> None:
            self.say(mailbox, Reply(number, capped(outcome), ms))

        self._forwarder.overhear(here, told)

    # What others say.

    def remember(self, mailbox: str, number: int, here: int) -> None:
        """A delivery has just come, to which something may be said."""
        self._know((mailbox, number), (here, frozenset()))

    async def heard(self, mailbox: str, said: ShadowReply) -> None:
        """Journal it, once; what is said to a delivery that is not here is passed over."""
        key = mailbox, said.id
        known = self._known.get(key) or await self._find(*key)
        if known is None:
            return
        here, consumers = known
        consumer = said.consumer[:CONSUMER_LENGTH]
        self._know(key, (here, consumers | {consumer}))
        if consumer not in consumers:
            at = min(said.at, self._clock() + _AHEAD)
            outcome = capped(said.outcome)
            self._journal.append(Shadowed(at, here, consumer, said.ms, outcome))

    def _know(self, key: tuple[str, int], known: Known) -> None:
        self._known[key] = known
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
