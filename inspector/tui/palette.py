"""The palette: every action of the registry by its name."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher

from inspector.domain.plaintext import visible
from inspector.providers import PROVIDERS
from inspector.tui.actions import Action, Keys, in_palette
from inspector.tui.session import Session
from inspector.tui.views import NamedViews


def _offered(name: str, run: Callable[[], object], told: str) -> DiscoveryHit:
    return DiscoveryHit(_text(name), run, help=_help(told))


def _found(score: float, matcher: Matcher, name: str, run: Callable[[], object], told: str) -> Hit:
    # The matcher's own `highlight` reads the name as markup.
    shown = _text(name)
    for at in matcher.fuzzy_search.match(matcher.query, shown.plain)[1]:
        shown = shown.stylize(matcher.match_style, at, at + 1)
    return Hit(score, shown, run, help=_help(told))


def _text(text: str) -> Content:
    """Names and queries may be anybody's: nothing in them is markup."""
    return Content(visible(text))


def _help(text: str) -> str:
    # The palette reads a `str` as markup, and takes `Content` as it is.
    return cast("str", _text(text))


class ActionCommands(Provider):
    """The registry's actions, for a screen that has `action_run` and `keys`."""

    async def discover(self) -> Hits:
        for action in in_palette():
            yield _offered(action.label, self._runs(action), self._help(action))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in in_palette():
            score = matcher.match(f"{action.label} {action.help}")
            if score > 0:
                run = self._runs(action)
                yield _found(score, matcher, action.label, run, self._help(action))

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
            yield _offered(f"View: {name}", self._shows(query), query)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, wanted in self._all():
            score = matcher.match(f"View: {visible(name)}")
            if score > 0:
                yield _found(score, matcher, f"View: {name}", self._shows(wanted), wanted)

    def _all(self) -> Iterable[tuple[str, str]]:
        views: NamedViews = getattr(self.screen, "views")  # noqa: B009
        return views.all.items()

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
                    yield _found(score, matcher, name, send, doc.summary)

    def _trigger(self, event: str, options: dict[str, object]) -> None:
        session: Session = getattr(self.screen, "session")  # noqa: B009
        session.acts.trigger(event, **options)
