"""A request as an HTTPie command."""

import re

from inspector.domain.delivery import Request
from inspector.domain.snippets.carried import Carried, carried, octets
from inspector.domain.snippets.shell import left_out, piped, quoted, remark, word

# Its own that it adds unless told not to.
_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Connection")
# HTTPie's items: `\` before one of these escapes it, and there is no way to write such a `\`.
_NO_ITEM = re.compile(r"(?<!\\)(?:\\\\)*\\[:;=@]")
# What its libraries leave alone: they drop empty parts, and decode and re-encode percent signs.
_KEPT = re.compile(
    r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-F]{2})*"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%(?!2D|2E|5F|7E|3\d|[46][1-9A-F]|[57]\d|[57]A)"
    r"[0-9A-F]{2})+)?"
)
# In a path that is not kept as it is dots are resolved and percent signs decoded.
_AS_IS = re.compile(r"[^?]*(?:/\.|%)")
_UNWRITABLE = re.compile("[#\x80-\xff]")


def httpie(request: Request, base: str) -> str:
    """The command, in lines joined by backslashes; needs HTTPie 3 and a POSIX shell."""
    what = carried(request, base)
    if not re.fullmatch("[A-Z]+", what.method):
        return remark(f"HTTPie cannot send the method {what.method}")
    items, unsendable = _items(what)
    remarks = left_out("HTTPie", [*what.unsendable, *unsendable])
    if not _KEPT.fullmatch(what.target):
        remarks.append(remark("HTTPie may send this request target in another spelling"))
    options = ["--path-as-is"] if _AS_IS.match(what.target) else []
    if not what.body:
        options.insert(0, "--ignore-stdin")
    if any(name.startswith("-") for name, _ in what.headers):
        options.append("--")
    url = _UNWRITABLE.sub(lambda match: f"%{ord(match[0]):02X}", what.url)
    words = [" ".join(["http", *options, what.method, word(octets(url))]), *items]
    before = piped(what.body) + " |\n" if what.body else ""
    return "\n".join([*remarks, before + " \\\n  ".join(words)])


def _items(what: Carried) -> tuple[list[str], list[str]]:
    """(the words of the headers, the names of those that have none)."""
    items: list[str] = []
    unsendable: list[str] = []
    sent: set[str] = set()
    for name, value in what.headers:
        text = _text(value.strip(" \t"))
        if text is None:
            unsendable.append(name)
            continue
        sent.add(name.lower())
        if not text:
            items.append(quoted(f"{name};"))
        else:
            escaped = "\\" + text if text[0] in "=@" else text
            items.append(word(f"{name}:{escaped}".encode()))
    own = [*_ADDED, "Content-Type"] if what.body else _ADDED
    return [*(f"{name}:" for name in own if name.lower() not in sent), *items], unsendable


def _text(value: str) -> str | None:
    """The value as HTTPie takes it, in UTF-8, or None where it would send another one."""
    try:
        text = octets(value).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if text != text.strip() or _NO_ITEM.search(text) else text
