"""The query as a tree of frozen nodes, and its text form, which parses back to the same tree."""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from inspector.domain.query.keys import CONTENT_KINDS, KEYS

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BARE_START = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_BARE_REST = re.compile(r"[A-Za-z0-9_./-]+")
_BARE_STEP = re.compile(r"[A-Za-z0-9_-]+")


class Wild(Enum):
    """The wildcards of a glob: any characters, or exactly one."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text to be matched as a whole. No literal piece is empty or beside another one."""

    pieces: tuple[str | Wild, ...]

    @classmethod
    def of(cls, pieces: Iterable[str | Wild]) -> "Pattern":
        """The pattern in its normal form: literals joined, repeated `*` once."""
        out: list[str | Wild] = []
        for piece in pieces:
            last = out[-1] if out else None
            if isinstance(piece, str) and isinstance(last, str):
                out[-1] = last + piece
            elif piece and not (piece is Wild.MANY and last is Wild.MANY):
                out.append(piece)
        return cls(tuple(out))

    @property
    def literal(self) -> str | None:
        """The one text that it matches, or None if it has a wildcard."""
        if not self.pieces:
            return ""
        only = self.pieces[0] if len(self.pieces) == 1 else None
        return only if isinstance(only, str) else None

    @property
    def prefix(self) -> str | None:
        """What the text must begin with, if that is all that it asks."""
        if self.pieces == (Wild.MANY,):
            return ""
        if len(self.pieces) == 2 and self.pieces[1] is Wild.MANY:
            first = self.pieces[0]
            return first if isinstance(first, str) else None
        return None

    def __str__(self) -> str:
        out: list[str] = []
        for piece in self.pieces:
            bare = _BARE_REST if out else _BARE_START
            out.append(piece.value if isinstance(piece, Wild) else _spelled(piece, bare))
        return "".join(out) or '""'


@lru_cache(maxsize=256)
def regex(pattern: Pattern, any_case: bool) -> re.Pattern[str]:
    """The pattern for `fullmatch`; `any_case` is for the letters A to Z only.

    Each `*` but the last takes the first place where the next piece fits and never another one
    (an atomic group), so that the time stays bounded for any text.
    """
    groups = [""]
    for piece in pattern.pieces:
        if piece is Wild.MANY:
            groups.append("")
        else:
            groups[-1] += "." if isinstance(piece, Wild) else re.escape(piece)
    source = groups[0]
    if len(groups) > 1:
        source += "".join(f"(?>.*?{group})" for group in groups[1:-1]) + f".*{groups[-1]}"
    return re.compile(source, re.DOTALL | (re.IGNORECASE | re.ASCII if any_case else 0))


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the unit of its column (bytes, microseconds), and as it was written."""

    value: int | float
    spelled: str


@dataclass(frozen=True, slots=True)
class Comparison:
    op: str
    number: Number

    def holds(self, value: float) -> bool:
        return OPERATORS[self.op](value, self.number.value)

    def __str__(self) -> str:
        return f"{self.op}{self.number.spelled}"


@dataclass(frozen=True, slots=True)
class Between:
    """A range with both ends included; None leaves that end open."""

    low: Number | None
    high: Number | None

    def holds(self, value: float) -> bool:
        low, high = self.low, self.high
        return (low is None or low.value <= value) and (high is None or value <= high.value)

    def __str__(self) -> str:
        return f"{self.low.spelled if self.low else ''}..{self.high.spelled if self.high else ''}"


Test = Pattern | Comparison | Between


@dataclass(frozen=True, slots=True)
class Condition:
    """A key of `KEYS`, the steps after its first name, and tests of which any one must hold."""

    key: str
    path: tuple[str, ...]
    tests: tuple[Test, ...]

    def __str__(self) -> str:
        name = ".".join((self.key.partition(".")[0], *(_spelled(s, _BARE_STEP) for s in self.path)))
        return f"{name}:{','.join(str(test) for test in self.tests)}"


@dataclass(frozen=True, slots=True)
class Text:
    """Free text: found anywhere in the request target, event, event id, headers or body."""

    needle: str

    def __str__(self) -> str:
        word = self.needle.lower() in ("and", "or", "not")
        return _quoted(self.needle) if word else _spelled(self.needle, _BARE_START)


@dataclass(frozen=True, slots=True)
class And:
    """All of its parts; without any it holds for every delivery."""

    parts: tuple["Node", ...]

    def __str__(self) -> str:
        return " ".join(f"({p})" if isinstance(p, Or) else str(p) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Node", ...]

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"

    def __str__(self) -> str:
        inner = str(self.part)
        return f"not ({inner})" if isinstance(self.part, And | Or) else f"not {inner}"


Node = And | Or | Not | Condition | Text


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; `str()` gives an equivalent text, which may be longer than `MAX_LENGTH`."""

    root: Node

    @property
    def needs_content(self) -> bool:
        """Whether it asks about headers, data or free text, which a summary does not hold."""
        return _any_content(self.root)

    def __str__(self) -> str:
        return str(self.root)


def _any_content(node: Node) -> bool:
    if isinstance(node, And | Or):
        return any(_any_content(part) for part in node.parts)
    if isinstance(node, Not):
        return _any_content(node.part)
    return isinstance(node, Text) or KEYS[node.key].kind in CONTENT_KINDS


def _spelled(text: str, bare: re.Pattern[str]) -> str:
    """As it can be written: bare where nothing in it has a meaning of its own, else quoted."""
    return text if bare.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
