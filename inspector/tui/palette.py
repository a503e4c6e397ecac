"""The palette: every action of the registry by its name."""

from collections.abc import Callable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from inspector.tui.actions import Action, in_palette


class ActionCommands(Provider):
    """The registry's actions, for a screen that has `action_run`."""

    async def discover(self) -> Hits:
        for action in in_palette():
            yield DiscoveryHit(action.label, self._runs(action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in in_palette():
            score = matcher.match(f"{action.label} {action.help}")
            if score > 0:
                yield Hit(
                    score, matcher.highlight(action.label), self._runs(action), help=action.help
                )

    def _runs(self, action: Action) -> Callable[[], object]:
        run: Callable[[str], None] = getattr(self.screen, "action_run")  # noqa: B009
        return partial(run, action.id)
