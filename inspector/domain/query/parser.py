"""Tokens to a tree: `not` binds tightest, then `and` (a space), then `or`."""

from collections.abc import Callable

from inspector.domain.query.errors import QueryError
from inspector.domain.query.lexer import Token, tokens
from inspector.domain.query.nodes import And, Node, Not, Or, Query
from inspector.domain.query.terms import term

MAX_DEPTH = 50


def parse(text: str) -> Query:
    """Read a query; the empty one matches every delivery.

    Raises `QueryError`, and nothing else for any text: longer than 4096 characters, brackets
    nested deeper than 50, an unknown key, a value that its key cannot take.
    """
    return Query(_Parser(tokens(text)).query())


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0

    def query(self) -> Node:
        if self._next.kind == "end":
            return And(())
        node = self._any_of()
        if self._next.kind != "end":
            raise QueryError("this bracket closes nothing", self._next.column)
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _taken(self, *kinds: str) -> bool:
        if self._next.kind not in kinds:
            return False
        self._at += 1
        return True

    def _any_of(self) -> Node:
        parts = [self._all_of()]
        while self._taken("or"):
            parts.append(self._all_of())
        return _joined(Or, parts)

    def _all_of(self) -> Node:
        parts = [self._negation()]
        while self._taken("and") or self._next.kind in ("(", "not", "word"):
            parts.append(self._negation())
        return _joined(And, parts)

    def _negation(self) -> Node:
        negative = False
        while self._taken("not"):
            negative = not negative
        node = self._primary()
        if not negative:
            return node
        return node.part if isinstance(node, Not) else Not(node)

    def _primary(self) -> Node:
        token = self._next
        if self._taken("word"):
            return term(token)
        if not self._taken("("):
            where = "at the end" if token.kind == "end" else f'before "{token.kind}"'
            raise QueryError(f"a condition is missing {where}", token.column)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryError(f"brackets are nested deeper than {MAX_DEPTH}", token.column)
        node = self._any_of()
        if not self._taken(")"):
            raise QueryError("this bracket is not closed", token.column, "add a ) at the end")
        self._depth -= 1
        return node


def _joined(kind: Callable[[tuple[Node, ...]], And | Or], parts: list[Node]) -> Node:
    """One node of that kind, with nested ones of the same kind taken in."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, And | Or) and part.__class__ is kind else [part])
    return flat[0] if len(flat) == 1 else kind(tuple(flat))
