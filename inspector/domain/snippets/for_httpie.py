"""A request as an HTTPie command."""

import re

from inspector.domain.delivery import Request
from inspector.domain.snippets.carried import Carried, carried, octets
from inspector.domain.snippets.shell import piped, quoted, remark, text_of, word

# Its own that it adds unless told not to.
_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Connection")
# HTTPie's items: `\` before one of these escapes it, and there is no way to write such a `\`.
_NO_ITEM = re.compile(r"(?<!\\)(?:\\\\)*\\[:;=@]")
# What its libraries leave alone: they drop an empty query, and decode and re-encode percent signs.
_KEPT = re.compile(
    r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%(?!2D|2E|5F|7E|3\d|[46][1-9A-F]|[57]\d|[57]A)"
    r"[0-9A-F]{2})+)?"
)


def httpie(request: Request, base: str) -> str:
    """The command, in lines joined by backslashes; needs HTTPie 3 and a POSIX shell."""
    what = carried(request, base)
    if not re.fullmatch("[A-Z]+", what.method):
        return remark(f"HTTPie cannot send the method {what.method}")
    items, unsendable = _items(what)
    left_out = [*what.unsendable, *unsendable]
    notes = [remark(f"left out, because HTTPie cannot send it: {name}") for name in left_out]
    if not _KEPT.fullmatch(what.target):
        notes.append(remark("HTTPie may send this request target in another spelling"))
    options = ["--path-as-is"] if "/." in what.target else []
    if not what.body:
        options.insert(0, "--ignore-stdin")
    words = [" ".join(["http", *options, what.method, word(octets(what.url))]), *items]
    before = piped(what.body) + " |\n" if what.body else ""
    return "\n".join([*notes, before + " \\\n  ".join(words)])


def _items(what: Carried) -> tuple[list[str], list[str]]:
    """(the words of the headers, the names of those that have none)."""
    added = [*_ADDED, "Content-Type"] if what.body else _ADDED
    items = [f"{name}:" for name in added if not what.has(name.lower())]
    unsendable: list[str] = []
    for name, value in what.headers:
        bare = octets(value.strip(" \t"))
        text = text_of(bare)
        if not bare:
            items.append(quoted(f"{name};"))
        elif text is None or text != text.strip() or _NO_ITEM.search(text):
            unsendable.append(name)
        else:
            escaped = "\\" + text if text[0] in "=@" else text
            items.append(quoted(f"{name}:{escaped}"))
    return items, unsendable
