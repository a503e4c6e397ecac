"""JSON text as a tree of what was sent: numbers, strings and duplicate keys as they stand."""

import json
from dataclasses import dataclass

from inspector.domain.jsontoken import LITERAL, NEARLY, TOKEN

# Beyond these a body is compared as text: the time is bounded, and paths stay readable.
MAX_VALUES = 250_000
MAX_DEPTH = 200


@dataclass(slots=True, eq=False)
class Branch:
    """An object or an array: `text[start:end]` of the body. `keys` are an object's, in order.

    A repeated key has its number behind it (`a#2`). `digest` is equal where the content is, blanks
    and the order of keys aside.
    """

    keys: tuple[str, ...] | None
    items: tuple["Node", ...]
    start: int
    end: int
    digest: int

    @property
    def is_object(self) -> bool:
        return self.keys is not None


Node = Branch | str
"""A branch, or the text of a number, a string or another literal."""


def digest(node: Node) -> int:
    """Equal for equal content. Hashes of text are keyed for each process: nobody can forge one."""
    return hash(node) if isinstance(node, str) else node.digest


def read(text: str) -> Node | None:
    """The tree of JSON text; None where it is not JSON, or beyond the bounds."""
    if max(text.count(",") + text.count(":"), text.count("[") + text.count("{")) > MAX_VALUES:
        return None
    top = root = _Open(False, 0)
    stack = [root]
    expects = _VALUE
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "mark" and token in ",:]}":
            if token == "," and expects == _AFTER and top is not root:
                expects = _KEY if top.is_object else _VALUE
            elif token == ":" and expects == _COLON:
                expects = _VALUE
            elif token in "]}" and expects in (_AFTER, _FIRST) and top is not root:
                if top.is_object != (token == "}"):
                    return None
                closed = stack.pop().closed(match.end())
                top = stack[-1]
                top.items.append(closed)
                expects = _AFTER
            else:
                return None
        elif expects == _KEY or (expects == _FIRST and top.is_object):
            if kind != "string":
                return None
            top.add_key(_key(token))
            expects = _COLON
        elif expects not in (_VALUE, _FIRST):
            return None
        elif kind == "mark":
            if len(stack) > MAX_DEPTH:
                return None
            top, expects = _Open(token == "{", match.start()), _FIRST
            stack.append(top)
        elif kind == "string" or LITERAL.fullmatch(token) or token in NEARLY:
            top.items.append(token)
            expects = _AFTER
        else:
            return None
    return root.items[0] if top is root and expects == _AFTER else None


class _Open:
    """A branch whose end was not reached yet."""

    def __init__(self, is_object: bool, start: int) -> None:
        self.is_object = is_object
        self.start = start
        self.keys: list[str] = []
        self.items: list[Node] = []
        self._seen: dict[str, int] = {}

    def add_key(self, key: str) -> None:
        name = key
        while name in self._seen:  # more than once only where a key looks like a numbered one
            self._seen[key] += 1
            name = f"{key}#{self._seen[key]}"
        self._seen[name] = 1
        self.keys.append(name)

    def closed(self, end: int) -> Branch:
        digests = map(digest, self.items)
        if self.is_object:
            keys = tuple(self.keys)
            told = hash(("{}", frozenset(zip(keys, digests, strict=True))))
            return Branch(keys, tuple(self.items), self.start, end, told)
        return Branch(None, tuple(self.items), self.start, end, hash(("[]", tuple(digests))))


_VALUE, _FIRST, _KEY, _COLON, _AFTER = range(5)


def _key(token: str) -> str:
    """A key for people; one whose escapes are wrong stays as it was sent."""
    if "\\" not in token:
        return token[1:-1]
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return token[1:-1]
