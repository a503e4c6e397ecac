"""A query as SQL over the table of deliveries, selecting exactly what the predicate accepts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from inspector.domain.query.keys import CONTENT_KINDS, FLAGS, KEYS, KeyDoc, Kind
from inspector.domain.query.nodes import (
    And,
    Between,
    Comparison,
    Condition,
    Node,
    Not,
    Number,
    Or,
    Pattern,
    Query,
    Test,
    Text,
    Wild,
)
from inspector.domain.query.predicate import Candidate, predicate

# SQLite takes expressions 1000 levels deep and, in older builds, 100 open brackets: chains are
# cut into groups, and what is nested deeper becomes one call.
_GROUP = 32
_MAX_DEPTH = 8
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# GLOB reads text up to a NUL, and takes these three characters for one another.
_NOT_FOR_GLOB = frozenset("\0\ufffd\ufffe\uffff")
_PATH = "substr(d.request_target, 1, instr(d.request_target || '?', '?') - 1)"

# Free texts that are looked for in SQL: each is a subquery, and a thousand would not compile.
_MAX_TEXTS = 8

Bound = str | int | bytes
_P = TypeVar("_P", And, Or)


class Contents(Protocol):
    """What SQL can say of headers and bodies, where the caller has them in a table.

    Both give a condition on `d` with its parameters, or None where SQL cannot say it.
    """

    def free_text(self, needle: str, otherwise: str) -> tuple[str, Sequence[Bound]] | None:
        """Exactly what the predicate accepts; `otherwise` is a condition that calls it."""
        ...

    def narrowed(self, condition: Condition) -> tuple[str, Sequence[Bound]] | None:
        """What holds wherever the condition on content holds, and is faster to find out."""
        ...


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition on the table alias `d`, whose columns are the fields of `Delivery`.

    `inspector_match(n, d.id)` in `where` is a function that the store registers: it calls
    `predicates[n]` with the delivery of that id. `where` can stand in any AND or OR as it is.
    """

    where: str
    params: list[Bound]
    predicates: tuple[Callable[[Candidate], bool], ...]


def to_sql(query: Query, now: int, contents: Contents | None = None) -> Sql:
    """The query at the present `now`, in microseconds since the epoch.

    Conditions that an index can serve stay bare column comparisons, and within an AND or an OR
    those that SQLite decides alone come first, so that few deliveries have to be loaded.
    """
    compiler = _Compiler(now, contents)
    part = compiler.node(query.root, 0)
    return Sql(part.where, list(part.params), tuple(compiler.predicates))


@dataclass(frozen=True, slots=True)
class _Part:
    where: str
    params: tuple[Bound, ...] = ()
    calls: bool = False


class _Compiler:
    def __init__(self, now: int, contents: Contents | None) -> None:
        self._now = now
        self._contents = contents
        self._texts = 0
        self.predicates: list[Callable[[Candidate], bool]] = []

    def node(self, node: Node, depth: int) -> _Part:
        if isinstance(node, Text):
            return self._free_text(node) or self._call(node)
        if depth > _MAX_DEPTH or self._only_called(node):
            return self._call(node)
        if isinstance(node, Not):
            part = self.node(node.part, depth + 1)
            # A missing value makes a comparison NULL, which NOT would leave NULL.
            return _Part(f"({part.where}) IS NOT TRUE", part.params, part.calls)
        if isinstance(node, And):
            return _joined("AND", self._parts(node, depth)) if node.parts else _Part("1")
        if isinstance(node, Or):
            return _joined("OR", self._parts(node, depth))
        assert isinstance(node, Condition)
        return self._condition(node)

    def _parts(self, node: _P, depth: int) -> list[_Part]:
        """Its parts, with those about content taken together: the delivery is loaded once."""
        called = [self._only_called(part) for part in node.parts]
        content = tuple(part for part, calls in zip(node.parts, called, strict=True) if calls)
        parts = [
            self.node(part, depth + 1)
            for part, calls in zip(node.parts, called, strict=True)
            if not calls
        ]
        if content:
            parts.append(self._call(type(node)(content)))
        return sorted(parts, key=lambda part: part.calls)

    def _call(self, node: Node) -> _Part:
        check, now = predicate(node), self._now
        self.predicates.append(lambda subject: check(subject, now))
        call = f"inspector_match({len(self.predicates) - 1}, d.id)"
        must = self._must(node)
        if must is None:
            return _Part(call, calls=True)
        # Of two parts of an AND, SQLite would call the function before it runs a subquery.
        where = f"(CASE WHEN {must.where} THEN {call} ELSE 0 END)"
        return _Part(where, must.params, calls=True)

    def _must(self, node: Node) -> _Part | None:
        """What holds wherever a node holds that is only called."""
        if self._contents is None or isinstance(node, Not | Text):
            return None
        if isinstance(node, Condition):
            found = self._contents.narrowed(node) if _only_content(node) else None
            return found and _Part(found[0], tuple(found[1]))
        musts = [self._must(part) for part in node.parts]
        known = [must for must in musts if must is not None]
        if isinstance(node, And):
            return _joined("AND", known) if known else None
        return _joined("OR", known) if len(known) == len(musts) else None

    def _free_text(self, node: Text) -> _Part | None:
        if self._contents is None or self._texts >= _MAX_TEXTS:
            return None
        found = self._contents.free_text(node.needle, self._call(node).where)
        if found is None:
            self.predicates.pop()
            return None
        self._texts += 1
        return _Part(found[0], tuple(found[1]), calls=True)

    def _only_called(self, node: Node) -> bool:
        """Whether SQL can decide no part of it, not even a free text."""
        return _only_content(node) and (self._contents is None or not _has_text(node))

    def _condition(self, node: Condition) -> _Part:
        doc = KEYS[node.key]
        literals = [
            t.literal for t in node.tests if isinstance(t, Pattern) and t.literal is not None
        ]
        if doc.kind in (Kind.TEXT, Kind.CHOICE) and len(literals) == len(node.tests) > 1:
            return _in(doc, literals)
        exact = [
            int(t.number.value) for t in node.tests if isinstance(t, Comparison) and t.op == "="
        ]
        if doc.kind in (Kind.COUNT, Kind.STATUS, Kind.SIZE) and len(exact) == len(node.tests) > 1:
            return _in(doc, exact)
        parts = [self._test(node, doc, test) for test in node.tests]
        return _joined("OR", sorted(parts, key=lambda part: part.calls))

    def _test(self, node: Condition, doc: KeyDoc, test: Test) -> _Part:
        if isinstance(test, Pattern):
            if doc.kind is Kind.FLAG:
                return _flag(str(test))
            return _exact(doc, test) or self._glob(node, doc, test)
        if doc.kind is Kind.AGE:
            test = _received(test, self._now)
        return _compared(f"d.{doc.column}", test)

    def _glob(self, node: Condition, doc: KeyDoc, pattern: Pattern) -> _Part:
        """GLOB where the text has no NUL, and the predicate for the rest."""
        call = self._call(Condition(node.key, node.path, (pattern,)))
        if any(isinstance(p, str) and not _NOT_FOR_GLOB.isdisjoint(p) for p in pattern.pieces):
            return call
        column = f"d.{doc.column}"
        value = _PATH if doc.kind is Kind.PATH else column
        where = f"(CASE WHEN instr({column}, char(0)) THEN {call.where} ELSE {value} GLOB ? END)"
        return _Part(where, (_glob_text(pattern),))


def _only_content(node: Node) -> bool:
    """Whether SQL can decide no part of it."""
    if isinstance(node, And | Or):
        return bool(node.parts) and all(_only_content(part) for part in node.parts)
    if isinstance(node, Not):
        return _only_content(node.part)
    return isinstance(node, Text) or KEYS[node.key].kind in CONTENT_KINDS


def _has_text(node: Node) -> bool:
    if isinstance(node, And | Or):
        return any(_has_text(part) for part in node.parts)
    return _has_text(node.part) if isinstance(node, Not) else isinstance(node, Text)


def _joined(word: str, parts: Sequence[_Part]) -> _Part:
    while len(parts) > _GROUP:
        parts = [_joined(word, parts[i : i + _GROUP]) for i in range(0, len(parts), _GROUP)]
    if len(parts) == 1:
        return parts[0]
    where = "(" + f" {word} ".join(part.where for part in parts) + ")"
    params = tuple(value for part in parts for value in part.params)
    return _Part(where, params, any(part.calls for part in parts))


def _in(doc: KeyDoc, values: Sequence[Bound]) -> _Part:
    return _Part(f"d.{doc.column} IN ({', '.join('?' * len(values))})", tuple(values))


def _flag(name: str) -> _Part:
    return _Part("d.mark <> ''" if name == "marked" else f"d.{FLAGS[name]} IS NOT NULL")


def _exact(doc: KeyDoc, pattern: Pattern) -> _Part | None:
    """The pattern as comparisons that an index can serve, if it is a whole text or a prefix."""
    column = f"d.{doc.column}"
    if (text := pattern.literal) is not None:
        if doc.kind is not Kind.PATH:
            return _Part(f"{column} = ?", (text,))
        if "?" in text:
            return _Part("0")
        return _joined("OR", (_Part(f"{column} = ?", (text,)), _prefixed(column, text + "?")))
    prefix = pattern.prefix
    if prefix is None or (doc.kind is Kind.PATH and "?" in prefix):
        return None
    return _prefixed(column, prefix) if prefix else _Part(f"{column} IS NOT NULL")


def _prefixed(column: str, prefix: str) -> _Part:
    """SQLite compares text by its UTF-8 bytes, which is the order of the code points."""
    after = prefix.rstrip(chr(0x10FFFF))
    if not after:
        return _Part(f"{column} >= ?", (prefix,))
    code = ord(after[-1]) + 1
    after = after[:-1] + chr(0xE000 if code == 0xD800 else code)
    return _Part(f"({column} >= ? AND {column} < ?)", (prefix, after))


def _glob_text(pattern: Pattern) -> str:
    escape = str.maketrans({char: f"[{char}]" for char in "*?["})
    return "".join(
        piece.value if isinstance(piece, Wild) else piece.translate(escape)
        for piece in pattern.pieces
    )


def _received(test: Comparison | Between, now: int) -> Comparison | Between:
    """A condition on the age as one on the time of capture, which has an index."""
    if isinstance(test, Between):
        low, high = test.low, test.high
        return Between(high and _ago(high, now), low and _ago(low, now))
    return Comparison(_MIRRORED[test.op], _ago(test.number, now))


def _ago(age: Number, now: int) -> Number:
    return Number(now - int(age.value), "")


def _compared(column: str, test: Comparison | Between) -> _Part:
    if isinstance(test, Comparison):
        return _Part(f"{column} {test.op} ?", (int(test.number.value),))
    if test.low and test.high:
        return _Part(f"{column} BETWEEN ? AND ?", (int(test.low.value), int(test.high.value)))
    if test.low:
        return _Part(f"{column} >= ?", (int(test.low.value),))
    assert test.high
    return _Part(f"{column} <= ?", (int(test.high.value),))
