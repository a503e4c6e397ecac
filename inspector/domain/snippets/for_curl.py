"""A request as a curl command."""

import re

from inspector.domain.delivery import Request
from inspector.domain.snippets.carried import Carried, carried, octets
from inspector.domain.snippets.shell import LONGEST_ARGUMENT, left_out, piped, quoted, text_of, word

# Targets that curl sends as they stand in a URL; others go by --request-target. New versions write
# the hex digits behind a % in upper case (seen with 8.23).
_ESCAPE = "%(?![0-9A-Fa-f]?[a-f])"
_PLAIN = r"A-Za-z0-9._~!$&'()*+,;=:@/\[\]{}\-"
_IN_A_URL = re.compile(rf"/(?:[{_PLAIN}]|{_ESCAPE})*(?:\?(?:[{_PLAIN}?]|{_ESCAPE})+)?")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:[/?]|\Z)", re.IGNORECASE)
_GLOBS = re.compile(r"[\[\]{}]")
# Above it old versions wait for a `100 Continue`.
_EXPECTED = 1024


def curl(request: Request, base: str) -> str:
    """The command, in lines joined by backslashes; needs curl 7.55 or later and a POSIX shell."""
    what = carried(request, base)
    words = [" ".join(["curl", *_method(what), *_address(what)])]
    lines, unsendable = _headers(what)
    words += [f"-H {word(octets(line))}" for line in lines]
    before = ""
    if what.framed:
        text = text_of(what.body)
        if text is not None and len(what.body) <= LONGEST_ARGUMENT:
            words.append(f"--data-raw {quoted(text)}")
        else:
            before = piped(what.body) + " |\n"
            words.append("--data-binary @-")
    remarks = left_out("curl", [*what.unsendable, *unsendable])
    return "\n".join([*remarks, before + " \\\n  ".join(words)])


def _method(what: Carried) -> list[str]:
    if what.method == "HEAD":
        # With a body curl would wait for one in the answer too; so it reads to the end instead.
        return ["-X HEAD", "--ignore-content-length"] if what.framed else ["--head"]
    if what.method == ("POST" if what.framed else "GET"):
        return []
    return ["-X", word(octets(what.method))]


def _address(what: Carried) -> list[str]:
    options = ["--http1.1"] if what.url.startswith("https:") else []
    url = what.url
    if not _IN_A_URL.fullmatch(what.target):
        options += ["--request-target", word(octets(what.target))]
        url = what.base
    elif _DOTS.search(what.target):
        options.append("--path-as-is")
    if _GLOBS.search(url):
        options.append("--globoff")
    return [*options, word(octets(url))]


def _headers(what: Carried) -> tuple[list[str], list[str]]:
    """(the lines of -H, the names of headers that have none).

    First come the lines that keep curl from adding its own headers.
    """
    lines: list[str] = []
    unsendable: list[str] = []
    sent: set[str] = set()
    for name, value in what.headers:
        if value.strip(" \t") and not value.strip(" \t\v\f"):
            unsendable.append(name)  # it is blank to curl, which would send no such header
            continue
        sent.add(name.lower())
        lines.append(f"{name}: {value}" if value.strip(" \t") else f"{name};")
    own = ["Accept", "User-Agent", *(["Content-Type"] if what.framed else [])]
    first = [f"{name}:" for name in own if name.lower() not in sent]
    if len(what.body) > _EXPECTED:
        first.append("Expect:")
    if what.method == "HEAD" and what.framed:
        first.append("Connection: close")
    return first + lines, unsendable
