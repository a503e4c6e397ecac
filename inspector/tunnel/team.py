"""The team of an endpoint, as it is told over the tunnel and in `status`. Pure."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from inspector.domain.delivery import iso
from inspector.tunnel.messages import LAST_MOMENT, Attempted, Member, Team
from inspector.tunnel.wire import encode

MOST_MEMBERS = 32
# Of more than that, so many hear of each other: two hundred cost 13 frames, and not 200.
GROUP = 16
# Of how an attempt failed, in characters.
_LONGEST_FAILURE = 200


def passed_on(attempted: Attempted) -> Attempted:
    """What others are told of it, whatever a consumer says."""
    at, status, failure = attempted
    known = status is not None and 100 <= status <= 999
    at = min(max(at, 0), LAST_MOMENT)
    return Attempted(at, status if known else None, failure[:_LONGEST_FAILURE])


def team_of(members: Sequence[Member], last: int, group: int = 0) -> Team:
    """At most `MOST_MEMBERS` of them in their order: whose app answers, the `GROUP` of that
    number, and then the first ones."""
    shown = members
    if len(members) > MOST_MEMBERS:
        needed = set(range(len(members))[group * GROUP : (group + 1) * GROUP])
        needed.update(n for n, each in enumerate(members) if each.primary)
        others = (n for n in range(len(members)) if n not in needed)
        places = sorted([*needed, *islice(others, MOST_MEMBERS - len(needed))])
        shown = [members[n] for n in places]
    return Team(tuple(shown), len(members) - len(shown), last)


class Roster:
    """The frames that tell each of `members` of itself and others; those of a group share one.

    Made anew whenever somebody comes, goes or moves on.
    """

    def __init__(self, members: Sequence[Member], last: int) -> None:
        self._members = members
        self._last = last
        self._groups = {each.consumer: n // GROUP for n, each in enumerate(members)}
        self._frames: dict[int, bytes] = {}

    def frame(self, consumer: str) -> bytes:
        group = self._groups.get(consumer, 0) if len(self._members) > MOST_MEMBERS else 0
        if group not in self._frames:
            self._frames[group] = encode(team_of(self._members, self._last, group))
        return self._frames[group]


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
    # A clock may say anything.
    return iso(min(max(at, 0), LAST_MOMENT))
