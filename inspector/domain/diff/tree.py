"""JSON text as a tree of what was sent: numbers, strings and duplicate keys as they stand."""

import json
import re
from dataclasses import dataclass, field

# Beyond these a body is compared as text: the time is bounded, and paths stay readable.
MAX_VALUES = 200_000
MAX_DEPTH = 200
_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<mark>[{}\[\],:])|(?P<bare>[^ \t\r\n{}\[\],:]+)',
    re.DOTALL,
)
_LITERAL = re.compile(
    r"true|false|null|NaN|-?Infinity|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
)


@dataclass(slots=True, eq=False)
class Branch:
    """An object or an array: `text[start:end]` of the body. `keys` are an object's, in order.

    A repeated key has its number behind it (`a#2`). `digest` is equal where the content is, blanks
    and the order of keys aside.
    """

    is_object: bool
    start: int
    end: int = 0
    keys: list[str] = field(default_factory=list)
    items: list["Node"] = field(default_factory=list)
    digest: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    def add_key(self, key: str) -> None:
        count = self.seen[key] = self.seen.get(key, 0) + 1
        self.keys.append(key if count == 1 else f"{key}#{count}")

    def close(self, end: int) -> None:
        self.end = end
        self.seen = {}
        digests = map(digest, self.items)
        if self.is_object:
            self.digest = hash(("{}", frozenset(zip(self.keys, digests, strict=True))))
        else:
            self.digest = hash(("[]", tuple(digests)))


Node = Branch | str
"""A branch, or the text of a number, a string or another literal."""


def digest(node: Node) -> int:
    """Equal for equal content. Hashes of text are keyed for each process: nobody can forge one."""
    return hash(node) if isinstance(node, str) else node.digest


def read(text: str) -> Node | None:
    """The tree of JSON text; None where it is not JSON, or beyond the bounds."""
    if text.count(",") + text.count(":") > MAX_VALUES:
        return None
    root = Branch(False, 0)
    stack = [root]
    top = root
    expects = _VALUE
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "mark" and token in ",:]}":
            if token == "," and expects == _AFTER and len(stack) > 1:
                expects = _KEY if top.is_object else _VALUE
            elif token == ":" and expects == _COLON:
                expects = _VALUE
            elif token in "]}" and expects in (_AFTER, _FIRST):
                if len(stack) == 1 or top.is_object != (token == "}"):
                    return None
                top.close(match.end())
                stack.pop()
                top = stack[-1]
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
            branch = Branch(token == "{", match.start())
            top.items.append(branch)
            stack.append(branch)
            top, expects = branch, _FIRST
        elif kind == "string" or _LITERAL.fullmatch(token):
            top.items.append(token)
            expects = _AFTER
        else:
            return None
    return root.items[0] if len(stack) == 1 and expects == _AFTER else None


_VALUE, _FIRST, _KEY, _COLON, _AFTER = range(5)


def _key(token: str) -> str:
    """A key for people; one whose escapes are wrong stays as it was sent."""
    if "\\" not in token:
        return token[1:-1]
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        return token[1:-1]
