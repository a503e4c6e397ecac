"""JSON from outside: read like Python's own parser reads it, but bounded and without raising."""

import json
import re
from typing import Any, NamedTuple

# Bodies may be 25 MiB; parsed, each small value and each container costs some 60 to 110 bytes. This
# many of them keep the parsed form at about 100 MiB beside its texts, whatever was sent.
MAX_VALUES = 1_000_000
# Deeper containers are cut: whoever walks or prints the value may recurse without fear.
MAX_DEPTH = 200
CUT = "…"
_SMALL = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Parsed(NamedTuple):
    """`ok`: there is a value (None is JSON null). `problem`: "is not JSON ..." or so, else ""."""

    value: Any
    ok: bool
    problem: str


def parse(body: bytes) -> Parsed:
    """The JSON value of a body, with what was odd about it.

    Of duplicate keys the last one wins, NaN and Infinity are floats, integers with more digits
    than Python converts stay text, containers below `MAX_DEPTH` become the text `…`. A byte order
    mark is read past and reported, and so are bytes that are not UTF-8, up to 1 MiB of body. Of a
    body with more than `MAX_VALUES` commas, colons and opening brackets nothing is read.
    """
    if not body:
        return Parsed(None, False, "is empty")
    containers = body.count(b"[") + body.count(b"{")
    if len(body) > MAX_VALUES and containers + body.count(b",") + body.count(b":") > MAX_VALUES:
        return Parsed(None, False, f"has more than {MAX_VALUES} values and is not read")
    problem = ""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}"
        if len(body) > _SMALL:
            return Parsed(None, False, problem)
        text = body.decode(errors="replace")
    if body.startswith(_BOM):
        text = text[1:]
        problem = "begins with a byte order mark"
    return _parsed(text, containers, problem)


def replace_surrogates(text: str) -> str:
    """The text with each lone surrogate (JSON may escape one) as U+FFFD, so that it is UTF-8."""
    return text if text.isprintable() else _SURROGATE.sub("\ufffd", text)


def _parsed(text: str, containers: int, problem: str) -> Parsed:
    try:
        value, long_integer = _value(text)
    except json.JSONDecodeError as error:
        # Some of its messages end in "at" themselves.
        what = error.msg.removesuffix(" at")
        reason = f"is not JSON: {what} at line {error.lineno} column {error.colno}"
        return Parsed(None, False, problem or reason)
    except RecursionError:
        return Parsed(None, False, "is nested too deeply to be read")
    if long_integer:
        problem = problem or "holds an integer too long to be read as a number"
    # Fewer brackets than levels allowed: nothing to measure. This spares nearly every body.
    if containers > MAX_DEPTH and _cut(value):
        problem = problem or f"is nested deeper than {MAX_DEPTH} levels"
    return Parsed(value, True, problem)


def _value(text: str) -> tuple[Any, bool]:
    """(value, whether an integer was too long). Raises JSONDecodeError and RecursionError."""
    try:
        return _DECODER.decode(text), False
    except json.JSONDecodeError:
        raise
    except ValueError:
        # An integer beyond sys.get_int_max_str_digits(): the parser raises no other bare one.
        return _TEXT_INT_DECODER.decode(text), True


def _int_or_text(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


def _cut(value: Any) -> bool:
    """Replace in place the containers below `MAX_DEPTH`; whether there were any."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH - 1):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    found = False
    for parent in level:
        for key, child in parent.items() if type(parent) is dict else enumerate(parent):
            if type(child) in _CONTAINERS:
                parent[key] = CUT
                found = True
    return found


_CONTAINERS = (dict, list)
_DECODER = json.JSONDecoder()
_TEXT_INT_DECODER = json.JSONDecoder(parse_int=_int_or_text)
