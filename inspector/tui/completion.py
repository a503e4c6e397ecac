"""What may stand at the cursor of the filter bar: a pure look-up in what is known already."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from inspector.domain.plaintext import one_line, visible
from inspector.domain.query import KEYS, MAX_LENGTH, QueryError, parse, quoted
from inspector.domain.query.keys import key_named
from inspector.domain.query.lexer import Glyph, text_of, tokens
from inspector.tui.suggested import VALUES

MOST = 50
_LABEL, _DOC = 60, 120
# From here on a word is looked for inside names as well: `amo` finds `data.delta.amount`.
_WORD = 2


class Completion(NamedTuple):
    """One completion: how it is shown, a word on it, and the whole text with the new cursor."""

    label: str
    doc: str
    text: str
    cursor: int


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to complete with; `events` and `providers` by name with a word on each."""

    events: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    views: Mapping[str, str] = field(default_factory=dict)


class _Spot(NamedTuple):
    """The word at the cursor: its bare and literal characters, and what is around it."""

    before: str
    glyphs: Sequence[Glyph]
    after: str
    at: int


class _Offer(NamedTuple):
    """What would stand in the place of the text from column `at` to the cursor."""

    label: str
    doc: str
    spelled: str
    at: int


def complete(
    text: str, cursor: int, known: Known, *, asked: bool = False
) -> tuple[Completion, ...]:
    """The completions of the word that ends at the cursor, the likely ones first, 50 at most.

    None inside a word, and none where no word has begun, unless `asked`. A completed text is read
    without an error at least as far as the cursor was. Never raises.
    """
    spot = _spot(text, cursor)
    if spot is None or not (spot.glyphs or asked):
        return ()
    out: dict[str, Completion] = {}
    for offer in _offers(spot, known):
        head = text[: offer.at] + offer.spelled
        whole = head + spot.after
        if whole != text and len(whole) <= MAX_LENGTH and whole not in out:
            label, doc = one_line(offer.label, _LABEL), one_line(offer.doc, _DOC)
            out[whole] = Completion(label, doc, whole, len(head))
            if len(out) == MOST:
                break
    return tuple(out.values())


def _spot(text: str, cursor: int) -> _Spot | None:
    if not 0 <= cursor <= len(text):
        return None
    head, after = text[:cursor], text[cursor:]
    try:
        # One more letter shows which word it would belong to.
        word = tokens(f"{head}x")[-2]
        glyphs = word.glyphs[:-1]
        if word.glyphs[-1].column != cursor:
            return None
    except QueryError:
        # Within quotes: close them. What is behind the cursor would be inside, but for the end.
        try:
            word = tokens(f'{head}"')[-2]
        except QueryError:
            return None
        glyphs = word.glyphs
        if head[glyphs[-1].column] != '"' or (after.strip() and after[0] != '"'):
            return None
        after = after.removeprefix('"')
    if after and not after[0].isspace() and after[0] not in "(),":
        return None
    return _Spot(text[: word.column], glyphs, after, word.column)


def _offers(spot: _Spot, known: Known) -> Iterator[_Offer]:
    colon = next((at for at, one in enumerate(spot.glyphs) if one.stands_for(":")), None)
    if spot.glyphs and spot.glyphs[0].literal:
        return
    if colon is None:
        yield from _keys(spot, known)
        return
    head, dot, _ = text_of(spot.glyphs[:colon]).partition(".")
    key = key_named(head, dotted=bool(dot))
    if key is None:
        return
    rest = spot.glyphs[colon:]
    last = max(at for at, one in enumerate(rest) if at == 0 or one.stands_for(","))
    taken = {one.lower() for one in text_of(rest[1:last]).split(",")}
    typed = text_of(rest[last + 1 :]).lower()
    for label, doc, spelled in _values(key, typed, known):
        if label.lower() not in taken:
            yield _Offer(label, doc, spelled, rest[last].column + 1)


def _keys(spot: _Spot, known: Known) -> Iterator[_Offer]:
    """Keys, views, and what may stand for a key and a value in one."""
    typed = text_of(spot.glyphs).lower()
    head, dot, rest = typed.partition(".")
    if not dot:
        for key, about in KEYS.items():
            if key.lower().startswith(typed):
                first, dotted, _ = key.partition(".")
                text = f"{first}{'.' if dotted else ':'}"
                yield _Offer(key, f"{about.doc}, as in {about.example}", text, spot.at)
        yield from _views(spot, typed, known)
    if len(typed) >= _WORD:
        for label, doc, spelled in _values("event", typed, known):
            yield _Offer(f"event:{label}", doc, f"event:{spelled}", spot.at)
    for name, paths in (("data", known.data), ("header", known.headers)):
        wanted = rest if dot and head == name else typed
        if (dot and head == name) or len(typed) >= _WORD:
            for path in _found(wanted, paths):
                spelled = f"{name}.{_spelled_path(path)}:"
                yield _Offer(f"{name}.{path}", "", spelled, spot.at)


def _views(spot: _Spot, typed: str, known: Known) -> Iterator[_Offer]:
    alone = not spot.before.strip() and not spot.after.strip()
    for name, query in known.views.items():
        if any(word.startswith(typed) for word in (name.lower(), *name.lower().split())):
            try:
                parse(query)
            except QueryError:
                continue
            if query.strip():
                yield _Offer(name, query, query if alone else f"({query})", spot.at)


def _values(key: str, typed: str, known: Known) -> Iterator[tuple[str, str, str]]:
    """Label, a word on it, and how it is written."""
    if key == "event":
        yield from _event_types(typed, known.events)
        return
    values = known.providers if key == "provider" else VALUES.get(key, {})
    for value, doc in values.items():
        if value.lower().startswith(typed):
            # These are written bare: comparisons are no text.
            yield value, doc, value


def _event_types(typed: str, events: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    families: dict[str, int] = {}
    for name in events:
        family, dot, _ = name.partition(".")
        if dot:
            families[family] = families.get(family, 0) + 1
    for family, count in families.items():
        if count > 1 and f"{family}.*".lower().startswith(typed):
            yield f"{family}.*", f"the family of {count} types", f"{quoted(family + '.')}*"
    for name in _found(typed, events):
        yield name, events[name], quoted(name)


def _found(typed: str, names: Iterable[str]) -> Iterator[str]:
    """The names that begin with it, then those with a step that does."""
    inside = []
    for name in names:
        lowered = name.lower()
        if lowered.startswith(typed):
            if visible(name) == name:
                yield name
        elif len(typed) >= _WORD and any(
            f"{mark}{typed}" in lowered for mark in (".", "-", "_", "/")
        ):
            inside.append(name)
    yield from (name for name in inside if visible(name) == name)


def _spelled_path(path: str) -> str:
    return ".".join(
        step if all(char.isalnum() or char in "_-$@" for char in step) and step else quoted(step)
        for step in path.split(".")
    )
