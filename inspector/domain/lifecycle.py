"""The state of a delivery, from what was decided and what its chosen targets did."""

from collections.abc import Iterable
from enum import StrEnum

from inspector.domain.attempt import Outcome, Response
from inspector.domain.delivery import State


class TargetStatus(StrEnum):
    """Where one chosen target of a delivery stands."""

    WAITING = "waiting"
    HELD = "held"
    ANSWERED = "answered"
    FAILED = "failed"


def after_attempt(
    status: TargetStatus | None, outcome: Outcome, *, final: bool, by_hand: bool
) -> TargetStatus | None:
    """Any response is an answer; a failure counts only when no further try follows by itself.

    None is where a target stands that was not chosen. One by hand that fails ends nothing: what
    waits or is held there does so still.
    """
    if isinstance(outcome, Response):
        return TargetStatus.ANSWERED
    if by_hand and status in (TargetStatus.WAITING, TargetStatus.HELD):
        return status
    return TargetStatus.FAILED if final else status


def state_of(statuses: Iterable[TargetStatus], *, filtered: bool) -> State:
    """The worst of the chosen targets: failed, waiting, held, forwarded; without any, why not."""
    found = set(statuses)
    if TargetStatus.FAILED in found:
        return State.FAILED
    if TargetStatus.WAITING in found:
        return State.WAITING
    if TargetStatus.HELD in found:
        return State.HELD
    if found:
        return State.FORWARDED
    return State.FILTERED if filtered else State.KEPT
