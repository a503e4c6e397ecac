"""The team of an endpoint, as it is told over the tunnel and in `status`. Pure."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from inspector.domain.delivery import iso
from inspector.tunnel.messages import Attempted, Member, Team
from inspector.tunnel.wire import encode

MOST_MEMBERS = 32
# The last moment that has a text: a clock may say anything.
_LAST_MOMENT = 253_402_300_799_000_000


def team_of(members: Sequence[Member], last: int, own: str = "") -> Team:
    """At most `MOST_MEMBERS` of them in their order; `own` and whose app answers are among them."""
    first = members[:MOST_MEMBERS]
    if len(members) > MOST_MEMBERS:
        needed = {n for n, each in enumerate(members) if each.primary or each.consumer == own}
        others = (n for n in range(len(members)) if n not in needed)
        shown = sorted([*needed, *islice(others, MOST_MEMBERS - len(needed))])
        first = [members[n] for n in shown]
    return Team(tuple(first), len(members) - len(first), last)


class Roster:
    """The frames that tell each of `members` of the others: one, which all share that are in it.

    Made anew whenever somebody comes, goes or moves on.
    """

    def __init__(self, members: Sequence[Member], last: int) -> None:
        self._members = members
        self._last = last
        self._shared = b""
        self._in_it: frozenset[str] = frozenset()

    def frame(self, consumer: str) -> bytes:
        if not self._shared:
            team = team_of(self._members, self._last)
            self._shared = encode(team)
            self._in_it = frozenset(each.consumer for each in team.members)
        if consumer in self._in_it:
            return self._shared
        return encode(team_of(self._members, self._last, consumer))


def team_to_json(team: Team, own: str) -> list[dict[str, Any]]:
    """The contract's `team`; `own` is what this consumer is called."""
    return [
        {
            "consumer": each.consumer,
            "you": each.consumer == own,
            "since": _moment(each.since),
            "lag": max(0, team.last - each.acked),
            "primary": each.primary,
            "last_attempt": attempt_to_json(
                Attempted(each.attempted_at, each.status, each.failure)
            ),
        }
        for each in team.members[:MOST_MEMBERS]
    ]


def attempt_to_json(attempted: Attempted | None) -> dict[str, Any] | None:
    """How the latest attempt of a consumer ended; None before the first."""
    if attempted is None or not attempted.at:
        return None
    at, status, failure = attempted
    return {"at": _moment(at), "status": status, "failure": failure}


def _moment(at: int) -> str:
    return iso(min(max(at, 0), _LAST_MOMENT))
