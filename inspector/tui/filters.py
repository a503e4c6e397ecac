"""The filter in force: its text as typed, and how it is decided."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inspector.domain.delivery import Delivery
from inspector.domain.headers import Headers
from inspector.domain.query import Query, matches, parse


@dataclass(frozen=True, slots=True)
class _SummaryOnly:
    """A delivery whose content is not at hand; only queries that need none are asked of it."""

    delivery: Delivery
    headers: Headers = ()
    body: bytes = b""
    data: Any = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A query, or none when `text` is empty."""

    text: str = ""
    query: Query | None = None

    @classmethod
    def of(cls, text: str) -> "Filter":
        """The filter that was typed; raises `UsageError` with what is wrong with it."""
        text = text.strip()
        return cls(text, parse(text)) if text else cls()

    @property
    def asks(self) -> bool:
        """Whether only the listener can decide, because headers or bodies are looked into."""
        return self.query is not None and self.query.needs_content

    def predicate(self, now: Callable[[], int]) -> Callable[[Delivery], bool] | None:
        """The decision on a summary, or None when there is none to make here."""
        query = self.query
        if query is None or query.needs_content:
            return None
        return lambda delivery: matches(query, _SummaryOnly(delivery), now())
