"""The palette: every action of the registry by its name."""

from collections.abc import Callable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from inspector.domain.plaintext import visible
from inspector.providers import PROVIDERS
from inspector.tui.actions import Action, Keys, in_palette
from inspector.tui.session import Session
from inspector.tui.views import Views


class ActionCommands(Provider):
    """The registry's actions, for a screen that has `action_run` and `keys`."""

    async def discover(self) -> Hits:
        for action in in_palette():
            yield DiscoveryHit(action.label, self._runs(action), help=self._help(action))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in in_palette():
            score = matcher.match(f"{action.label} {action.help}")
            if score > 0:
                shown, run = matcher.highlight(action.label), self._runs(action)
                yield Hit(score, shown, run, help=self._help(action))

    def _help(self, action: Action) -> str:
        keys: Keys = getattr(self.screen, "keys")  # noqa: B009
        text = keys.text(action)
        return f"{text}  {action.help}" if text else action.help

    def _runs(self, action: Action) -> Callable[[], object]:
        run: Callable[[str], None] = getattr(self.screen, "action_run")  # noqa: B009
        return partial(run, action.id)


class ViewCommands(Provider):
    """`View: failed deltas`, for a screen that has `views` and `show_query`."""

    async def discover(self) -> Hits:
        for name, query in self._all():
            yield DiscoveryHit(f"View: {name}", self._shows(query), help=query)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, wanted in self._all():
            score = matcher.match(f"View: {name}")
            if score > 0:
                shown = matcher.highlight(f"View: {name}")
                yield Hit(score, shown, self._shows(wanted), help=wanted)

    def _all(self) -> list[tuple[str, str]]:
        views: Views = getattr(self.screen, "views")  # noqa: B009
        return [(visible(name), visible(query)) for name, query in views.all.items()]

    def _shows(self, query: str) -> Callable[[], object]:
        show: Callable[[str], None] = getattr(self.screen, "show_query")  # noqa: B009
        return partial(show, query)


# How a sample may differ from the one that `t` sends, as the palette names it.
_VARIANTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("", {}),
    (", bad signature", {"bad_signature": True}),
    (", stale timestamp", {"stale": True}),
    (", envelope of the SDK", {"envelope": "sdk"}),
)


class SampleCommands(Provider):
    """`Trigger delta.failed`: a sample of each catalogue event, and its faulty variants."""

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for doc in (doc for one in PROVIDERS for doc in one.catalogue.values()):
            for variant, options in _VARIANTS:
                name = f"Trigger {doc.event}{variant}"
                score = matcher.match(name)
                if score > 0:
                    send = partial(self._trigger, doc.event, options)
                    yield Hit(score, matcher.highlight(name), send, help=doc.summary)

    def _trigger(self, event: str, options: dict[str, object]) -> None:
        session: Session = getattr(self.screen, "session")  # noqa: B009
        session.acts.trigger(event, **options)
