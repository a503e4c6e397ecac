"""One word of a query to a condition or free text: its key, its values, their units."""

import re
from collections.abc import Sequence

from inspector.domain.plaintext import one_line
from inspector.domain.query.case import lowered, uppered
from inspector.domain.query.errors import QueryError
from inspector.domain.query.keys import KEYS, KeyDoc, Kind, key_named
from inspector.domain.query.lexer import Glyph, Token, text_of
from inspector.domain.query.nodes import (
    Between,
    Comparison,
    Condition,
    Number,
    Pattern,
    Test,
    Text,
    Wild,
)

_SECOND = 1_000_000
_UNITS: dict[Kind, dict[str, int]] = {
    Kind.COUNT: {"": 1},
    Kind.STATUS: {"": 1},
    Kind.SIZE: {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3},
    Kind.AGE: {
        "s": _SECOND,
        "m": 60 * _SECOND,
        "h": 3600 * _SECOND,
        "d": 86_400 * _SECOND,
        "w": 7 * 86_400 * _SECOND,
    },
}
_EXAMPLES = {
    Kind.COUNT: "a whole number, as in",
    Kind.STATUS: "an HTTP status, as in",
    Kind.SIZE: "a size in b, kb, mb or gb, as in",
    Kind.AGE: "a time in s, m, h, d or w, as in",
}
_OPERATOR = re.compile(r"[<>]=?|=")
_QUANTITY = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?([a-z]*)")
_CLASS = re.compile(r"([0-9])xx")
_JSON_NUMBER = re.compile(r"[+-]?([0-9]{1,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
# What a column of SQLite can hold.
_MAX_INTEGER = 2**63 - 1


def term(token: Token) -> Condition | Text:
    """The meaning of a word token; raises `QueryError`."""
    glyphs = token.glyphs
    colon = _find(glyphs, ":")
    if colon is None or glyphs[0].literal:
        return Text(text_of(glyphs))
    key, path = _key(glyphs[:colon], token.column)
    doc = KEYS[key]
    tests: list[Test] = []
    written = glyphs[colon + 1 :]
    starts = [glyphs[colon], *(glyph for glyph in written if glyph.stands_for(","))]
    for start, item in zip(starts, _split(written, ","), strict=True):
        if not item:
            raise QueryError("a value is missing", start.column + 1, f"for example {doc.example}")
        tests.extend(_tests(item, doc))
    return Condition(key, path, tuple(tests))


def json_number(text: str) -> int | float | None:
    """The number that a text spells, in JSON's grammar (a leading + or 0 allowed), or None."""
    match = _JSON_NUMBER.fullmatch(text)
    if match is None:
        return None
    return float(text) if match[2] or match[3] else int(text)


def _key(glyphs: Sequence[Glyph], column: int) -> tuple[str, tuple[str, ...]]:
    head, *steps = _split(glyphs, ".")
    name = text_of(head)
    key = key_named(name, dotted=bool(steps))
    if key is None:
        raise _unknown_key(name, bool(steps), column)
    for step in steps:
        if not step:
            raise QueryError("a name is missing between the dots", column, 'write "" for none')
    path = tuple(text_of(step) for step in steps)
    # A header's name may hold dots.
    return key, ((".".join(path),) if KEYS[key].kind is Kind.HEADER else path)


def _unknown_key(name: str, dotted: bool, column: int) -> QueryError:
    shown = one_line(name, 40)
    if key_named(name, dotted=not dotted):
        example = KEYS[key_named(name, dotted=not dotted) or ""].example
        return QueryError(f'the key "{shown}" is not used like this', column, f"write {example}")
    guess = _guess(name, [key.partition(".")[0] for key in KEYS])
    return QueryError(
        f'unknown key "{shown}"',
        column,
        f'{guess}To search for the text itself, put it in "quotes"',
    )


def _guess(name: str, known: Sequence[str]) -> str:
    import difflib  # costs 5 ms, and only a mistake needs it

    close = difflib.get_close_matches(name.lower()[:40], known, n=1)
    return f"did you mean {close[0]}? " if close else ""


def _tests(item: Sequence[Glyph], doc: KeyDoc) -> list[Test]:
    if doc.kind in (Kind.CHOICE, Kind.FLAG):
        return [_choice(item, doc)]
    if doc.kind in (Kind.TEXT, Kind.PATH):
        return [_pattern(item, doc)]
    if doc.kind in (Kind.HEADER, Kind.DATA):
        return _content(item)
    return [_quantity(item, doc)]


def _choice(item: Sequence[Glyph], doc: KeyDoc) -> Pattern:
    value = text_of(item).lower()
    if value not in doc.choices:
        known = ", ".join(doc.choices)
        raise QueryError(
            f'"{one_line(value, 40)}" is not one of {known}',
            item[0].column,
            _guess(value, doc.choices).strip(),
        )
    return Pattern((value,))


def _pattern(item: Sequence[Glyph], doc: KeyDoc) -> Pattern:
    if _operator(item):
        raise QueryError(
            f"the {doc.column} is text and cannot be compared", item[0].column, "quote the value"
        )
    pattern = _glob(item)
    if doc.column not in ("method", "provider"):
        return pattern
    case = uppered if doc.column == "method" else lowered
    return Pattern(tuple(p if isinstance(p, Wild) else case(p) for p in pattern.pieces))


def _content(item: Sequence[Glyph]) -> list[Test]:
    """Text or number, as it looks: what is quoted is text, and a bare number is both."""
    text = text_of(item)
    if operator := _operator(item):
        number = _spelled_number(text[len(operator) :])
        if number is None:
            raise QueryError(
                "a number is missing after the comparison",
                item[0].column,
                "to search for the text itself, quote it",
            )
        return [Comparison(operator, number)]
    if any(glyph.literal for glyph in item):
        return [_glob(item)]
    low, dots, high = text.partition("..")
    ends = [_spelled_number(low), _spelled_number(high)]
    if dots and any(ends) and bool(low) == bool(ends[0]) and bool(high) == bool(ends[1]):
        return [Between(*ends)]
    number = _spelled_number(text)
    return [_glob(item), Comparison("=", number)] if number else [_glob(item)]


def _spelled_number(text: str) -> Number | None:
    value = json_number(text)
    return None if value is None else Number(value, text)


def _quantity(item: Sequence[Glyph], doc: KeyDoc) -> Comparison | Between:
    text = text_of(item).lower()
    column = item[0].column
    low, dots, high = text.partition("..")
    if dots and (low or high):
        first = _number(low, doc, column) if low else None
        return _between(first, _number(high, doc, column) if high else None, column)
    if doc.kind is Kind.STATUS and (match := _CLASS.fullmatch(text)):
        hundred = int(match[1]) * 100
        return Between(*(Number(end, str(end)) for end in (hundred, hundred + 99)))
    operator = _operator(item)
    number = _number(text[len(operator) :], doc, column)
    if doc.kind is Kind.AGE and not operator:
        raise QueryError("an age needs a comparison", column, f"for example {doc.example}")
    return Comparison(operator or "=", number)


def _between(low: Number | None, high: Number | None, column: int) -> Between:
    if low and high and low.value > high.value:
        raise QueryError(
            "the range ends before it begins", column, f"write {high.spelled}..{low.spelled}"
        )
    return Between(low, high)


def _number(text: str, doc: KeyDoc, column: int) -> Number:
    units = _UNITS[doc.kind]
    match = _QUANTITY.fullmatch(text)
    if match is None or match[3] not in units or (match[2] and max(units.values()) == 1):
        raise QueryError(
            f'"{one_line(text, 40)}" is not a number here',
            column,
            f"write {_EXAMPLES[doc.kind]} {doc.example}",
        )
    unit = units[match[3]]
    fraction = match[2] or ""
    value = int(match[1]) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
    if value > _MAX_INTEGER:
        raise QueryError("the number is too large", column)
    return Number(value, text)


def _glob(item: Sequence[Glyph]) -> Pattern:
    wild = {wildcard.value: wildcard for wildcard in Wild}
    return Pattern.of(g.text if g.literal else wild.get(g.text, g.text) for g in item)


def _operator(item: Sequence[Glyph]) -> str:
    """The comparison that a value begins with, or an empty text."""
    bare = "".join("x" if glyph.literal else glyph.text for glyph in item[:2])
    match = _OPERATOR.match(bare)
    return match[0] if match else ""


def _find(glyphs: Sequence[Glyph], char: str) -> int | None:
    return next((index for index, glyph in enumerate(glyphs) if glyph.stands_for(char)), None)


def _split(glyphs: Sequence[Glyph], char: str) -> list[list[Glyph]]:
    out: list[list[Glyph]] = [[]]
    for glyph in glyphs:
        if glyph.stands_for(char):
            out.append([])
        else:
            out[-1].append(glyph)
    return out
