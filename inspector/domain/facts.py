"""The facts that the journal holds: what happened, in the past tense, never changed afterwards.

Everything else that is known (envelopes, verdicts, duplicates, states, counters) is derived from
them and can be thrown away. `at` is microseconds since the epoch, UTC. What is made for every
capture is a named tuple, which is made five times as fast as a frozen dataclass.
"""

from dataclasses import dataclass
from typing import NamedTuple

from inspector.domain.attempt import Outcome, Trigger
from inspector.domain.delivery import Request


class Origin(NamedTuple):
    """Where a mirrored delivery was captured: the relay's URL, and its `id` at its endpoint there.

    `mailbox` names that endpoint of that relay's store for ever: ids in it begin with 1 and have
    no holes, so the greatest one that was mirrored says where to go on.
    """

    relay: str
    id: int
    mailbox: str


class Captured(NamedTuple):
    """A request was taken in.

    `route` is the routing decision where it needs no event name (an empty tuple: kept), else
    None and a `Routed` follows. `answered` is the status that the sender gets, or None and an
    `Answered` follows. Large bodies come as `pieces` and `request.body` is empty then. `origin`
    is there for what a relay captured; `at` and `remote` are the relay's then.
    """

    at: int
    request: Request
    remote: str
    endpoint: str = "default"
    answered: int | None = None
    route: tuple[str, ...] | None = None
    replay_of: int | None = None
    pieces: tuple[bytes, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was turned away with `status`; `reason` says why in one line.

    Either its head was understood (`request`, without a body) or only `raw` is there: its first
    bytes, at most 4 KiB.
    """

    at: int
    status: int
    code: str
    reason: str
    remote: str
    request: Request | None = None
    raw: bytes = b""
    endpoint: str = "default"
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Deliveries of a relay will never be mirrored: `count` of them, ids `first` to `origin.id`.

    `reason` says why in one line: they expired there, or were not wanted.
    """

    at: int
    endpoint: str
    first: int
    count: int
    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Passed:
    """Deliveries of a relay are not mirrored, because this listener's filter there leaves them
    out: `count` of them, ids `first` to `origin.id`. It has no row in the list."""

    at: int
    endpoint: str
    first: int
    count: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Probed:
    """A canary came through the capture address; it is no delivery, but has its place among them.

    `nonce` is what its sender called it. At a relay `origin` is None.
    """

    at: int
    endpoint: str
    nonce: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """It was decided where a delivery goes: its targets, none (kept), or the rule against it.

    With `held_by`, the query of a breakpoint, nothing is sent to the targets before a `Released`.
    """

    at: int
    delivery_id: int
    targets: tuple[str, ...]
    filtered_by: str = ""
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """A delivery that was held goes to its targets now."""

    at: int
    delivery_id: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The sender was given this status, by an ack policy that waits for the app.

    `turned_away`: it was told to send again, because no app answered.
    """

    at: int
    delivery_id: int
    status: int
    turned_away: bool = False


class AttemptStarted(NamedTuple):
    """A sending began. `chosen`: the target is one of the delivery's own, so its state follows."""

    at: int
    delivery_id: int
    target: str
    number: int
    trigger: Trigger
    resigned: bool = False
    chosen: bool = True


class AttemptFinished(NamedTuple):
    """A sending ended. `final`: no further try follows by itself; one by hand says so of itself
    alone, whatever waits beside it."""

    at: int
    delivery_id: int
    attempt_id: int
    duration_ms: float
    outcome: Outcome
    final: bool


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The app of a consumer that does not answer the sender said this to a delivery all the same.

    `at` is when that had ended; of its body `domain.shadow.BODY_BYTES` are kept at most. In a
    relay's journal `mailbox` and `number` tell whose delivery it is.
    """

    at: int
    delivery_id: int
    consumer: str
    duration_ms: float
    outcome: Outcome
    mailbox: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """Someone set a delivery's mark and note."""

    at: int
    delivery_id: int
    mark: str
    note: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """Deliveries were removed by retention: `ranges` of ids, both ends included."""

    at: int
    count: int
    ranges: tuple[tuple[int, int], ...]


Fact = (
    Captured
    | Refused
    | Gap
    | Passed
    | Probed
    | Routed
    | Released
    | Answered
    | AttemptStarted
    | AttemptFinished
    | Shadowed
    | Marked
    | Pruned
)


class Appended(NamedTuple):
    """Where a fact stands in the journal, and the delivery it is about (0 for a prune).

    `number` is what others call the delivery: at a relay its number at its endpoint, which begins
    with 1 and has no holes; elsewhere its id.
    """

    seq: int
    delivery_id: int
    number: int = 0
