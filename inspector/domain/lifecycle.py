"""The state of a delivery, from what was decided and what its chosen targets did."""

from collections.abc import Iterable
from enum import StrEnum

from inspector.domain.attempt import Outcome, Response
from inspector.domain.delivery import State


class TargetState(StrEnum):
    """Where one chosen target of a delivery stands."""

    WAITING = "waiting"
    HELD = "held"
    ANSWERED = "answered"
    FAILED = "failed"


def after_attempt(
    status: TargetState | None, outcome: Outcome, *, final: bool, by_hand: bool
) -> TargetState | None:
    """Any response is an answer; a failure counts only when no further try follows by itself.

    None is where a target stands that was not chosen. One by hand that fails ends nothing: what
    waits or is held there does so still.
    """
    if isinstance(outcome, Response):
        return TargetState.ANSWERED
    if by_hand and status in (TargetState.WAITING, TargetState.HELD):
        return status
    return TargetState.FAILED if final else status


def state_of(statuses: Iterable[TargetState], *, filtered: bool) -> State:
    """The worst of the chosen targets: failed, waiting, held, forwarded; without any, why not."""
    found = set(statuses)
    if TargetState.FAILED in found:
        return State.FAILED
    if TargetState.WAITING in found:
        return State.WAITING
    if TargetState.HELD in found:
        return State.HELD
    if found:
        return State.FORWARDED
    return State.FILTERED if filtered else State.KEPT
