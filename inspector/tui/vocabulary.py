"""What the filter bar completes with: the counters, the catalogues, what was seen, the views."""

from collections.abc import Mapping

from inspector.client.models import Counts, Seen
from inspector.domain.plaintext import one_line
from inspector.providers import PROVIDERS
from inspector.tui.completion import Completion, Known, complete
from inspector.tui.session import Session
from inspector.tui.views import NamedViews

# Of very many event types the most frequent are offered; longer names are nobody's to type.
_MOST, _LONGEST = 500, 200


class Vocabulary:
    """Put together anew only when one of its sources is: a key press looks things up."""

    def __init__(self, session: Session, views: NamedViews) -> None:
        self._session = session
        self._views = views
        self._sources: tuple[Counts, Seen, Mapping[str, str]] | None = None
        self._known = Known()

    def refresh(self) -> None:
        """The bar is opened: ask the listener what paths and headers there are now."""
        self._session.learn()

    def complete(self, text: str, cursor: int, *, asked: bool = False) -> tuple[Completion, ...]:
        return complete(text, cursor, self.known, asked=asked)

    @property
    def known(self) -> Known:
        sources = (self._session.counts, self._session.seen, self._views.all)
        if self._sources is None or any(
            old is not new for old, new in zip(self._sources, sources, strict=True)
        ):
            self._sources = sources
            self._known = known_of(*sources)
        return self._known


def known_of(counts: Counts, seen: Seen, views: Mapping[str, str]) -> Known:
    """Event types: those that came, the most frequent first, then those of the catalogues."""
    providers = {one.name: "" for one in PROVIDERS}
    named: dict[str, int] = {}
    for one in counts.events:
        if one.event and len(one.event) <= _LONGEST:
            named[one.event] = named.get(one.event, 0) + one.count
        if one.provider:
            providers.setdefault(one.provider, "")
    docs = {name: doc.summary for one in PROVIDERS for name, doc in one.catalogue.items()}
    most = sorted(named.items(), key=lambda pair: pair[1], reverse=True)[:_MOST]
    events = {name: f"{count:,} here  {one_line(docs.get(name, ''), 80)}" for name, count in most}
    return Known(
        events={**events, **{name: docs[name] for name in docs if name not in events}},
        providers=providers,
        data=seen.data,
        headers=seen.headers,
        views=views,
    )
