"""The ledger: every delivery received is in exactly one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inspector.domain.delivery import State


@dataclass(frozen=True, slots=True)
class Ledger:
    """`received` is counted by the journal, `states` by the index; they must agree.

    Both count the rows of gaps, which are no deliveries: as JSON they stand apart.
    """

    received: int
    unindexed: int
    pruned: int
    states: Mapping[str, int]

    @property
    def balanced(self) -> bool:
        return self.received == sum(self.states.values()) + self.unindexed + self.pruned

    def to_json(self) -> dict[str, Any]:
        gaps = self.states.get(State.GAP, 0)
        return {
            "received": self.received - gaps,
            **{state: self.states.get(state, 0) for state in State if state is not State.GAP},
            "unindexed": self.unindexed,
            "pruned": self.pruned,
            "gaps": gaps,
            "balanced": self.balanced,
        }
