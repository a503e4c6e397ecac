"""Who is attached to an endpoint of the relay, and whose app answers its senders."""

import asyncio
from collections.abc import Callable

from inspector.tunnel.attachment import Attachment
from inspector.tunnel.messages import Attempted, Member
from inspector.tunnel.supply import Presence
from inspector.tunnel.team import Roster

# A change is told at once, but many in a row no more often than this: each is told to everybody.
PAUSE = 0.5
_NEVER = Attempted(0, None)


class Attendance:
    """The consumers of one endpoint, in `attached` by their names, the longest first.

    Exactly one of those that have said where they go on is `primary`: of those that took it who
    did so last, else who is attached longest. `last` gives the last id.
    """

    def __init__(self, last: Callable[[], int]) -> None:
        self.attached: dict[str, Attachment] = {}
        self.primary: Attachment | None = None
        self._last = last
        self._taker = ""
        self._takings = 0
        self._roster: Roster | None = None
        self._pausing: asyncio.TimerHandle | None = None
        self._changed = False

    def choose(self) -> None:
        """See whose app answers now; to be called when anybody comes or goes."""
        before = self.primary
        here = [each for each in self.attached.values() if each.started or each.expected]
        # Of those that are alike `max` gives the first.
        self.primary = max(here, key=lambda each: each.taken, default=None)
        if before is not self.primary:
            for changed in (before, self.primary):
                if changed is not None:
                    changed.tell_state()
        self._roster = None
        self._tell_soon()

    def started(self, attachment: Attachment) -> None:
        """It has said where it goes on, and takes what it claims: until another has taken it."""
        if attachment.claims and self._taker in ("", attachment.caller.consumer):
            self.take(attachment)
        else:
            self.choose()

    def take(self, attachment: Attachment) -> None:
        """From now on its app answers; those who wait for another's go on waiting for that."""
        self._takings += 1
        attachment.taken, self._taker = self._takings, attachment.caller.consumer
        self.choose()

    def succeed(self, older: Attachment, newer: Attachment) -> None:
        """The same process on a newer connection has the place of its older one."""
        newer.since, newer.attempted, newer.taken = older.since, older.attempted, older.taken
        newer.expected = older is self.primary
        self.attached[newer.caller.consumer] = newer

    def presences(self) -> tuple[Presence, ...]:
        return tuple(map(self.presence, self.attached.values()))

    def presence(self, attachment: Attachment) -> Presence:
        consumer, _, remote = attachment.caller
        primary = attachment is self.primary
        since, acked = attachment.since, attachment.acked
        return Presence(consumer, remote, since, acked, primary, attachment.attempted)

    def frame(self, attachment: Attachment) -> bytes:
        """What tells this one who is attached."""
        return self.seen_by(attachment.caller.consumer)

    def seen_by(self, consumer: str) -> bytes:
        """The same for whoever has, or only asks for, this name."""
        if self._roster is None:
            members = [self._member(one) for one in self.attached.values() if one.started]
            self._roster = Roster(members, self._last())
        return self._roster.frame(consumer)

    def tell(self) -> None:
        """Tell everybody who is attached and how they fare."""
        self._roster = None
        for attachment in self.attached.values():
            attachment.tell_team()

    def stop(self) -> None:
        """Nobody is attached any more; may be called again."""
        self._roster = None
        self._changed = False
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    def _tell_soon(self) -> None:
        if self._pausing is not None:
            self._changed = True
            return
        self.tell()
        self._pausing = asyncio.get_running_loop().call_later(PAUSE, self._paused)

    def _paused(self) -> None:
        self._pausing = None
        if self._changed:
            self._changed = False
            self._tell_soon()

    def _member(self, attachment: Attachment) -> Member:
        at, status, failure = attachment.attempted or _NEVER
        return Member(
            attachment.caller.consumer,
            attachment.since,
            attachment.acked,
            attachment is self.primary,
            at,
            status,
            failure,
        )
