"""A request as a curl command."""

import re

from inspector.domain.delivery import Request
from inspector.domain.snippets.carried import Carried, carried, octets
from inspector.domain.snippets.shell import LONGEST_ARGUMENT, piped, quoted, remark, text_of, word

# Targets that curl sends as they stand in a URL; others go by --request-target.
_IN_A_URL = re.compile(
    r"/[A-Za-z0-9._~!$&'()*+,;=:@/%\[\]{}-]*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]{}-]+)?"
)
_DOTS = re.compile(r"/\.\.?(?:[/?]|$)|/%2e", re.IGNORECASE)
# Above it old versions wait for a `100 Continue`.
_EXPECTED = 1024


def curl(request: Request, base: str) -> str:
    """The command, in lines joined by backslashes; needs curl 7.55 or later and a POSIX shell."""
    what = carried(request, base)
    notes = [remark(f"left out, because curl cannot send it: {name}") for name in what.unsendable]
    words = [" ".join(["curl", *_method(what), *_address(what)])]
    words += [f"-H {word(octets(line))}" for line in _headers(what)]
    before = ""
    if what.framed:
        text = text_of(what.body)
        if text is not None and len(what.body) <= LONGEST_ARGUMENT:
            words.append(f"--data-raw {quoted(text)}")
        else:
            before = piped(what.body) + " |\n"
            words.append("--data-binary @-")
    return "\n".join([*notes, before + " \\\n  ".join(words)])


def _method(what: Carried) -> list[str]:
    if what.method == "HEAD" and not what.framed:
        return ["--head"]
    if what.method == ("POST" if what.framed else "GET"):
        return []
    return ["-X", word(octets(what.method))]


def _address(what: Carried) -> list[str]:
    options = []
    url = what.url
    if url.startswith("https:"):
        options.append("--http1.1")
    path = what.target if what.target.startswith("/") else ""
    if _IN_A_URL.fullmatch(path):
        if _DOTS.search(path):
            options.append("--path-as-is")
    else:
        options += ["--request-target", word(octets(what.target))]
        url = url[: len(url) - len(path)] if path and url.endswith(path) else url
    if re.search(r"[\[\]{}]", url):
        options.append("--globoff")
    return [*options, word(octets(url))]


def _headers(what: Carried) -> list[str]:
    """The lines of -H: first those that keep curl from adding its own."""
    unsaid = ["Accept", "User-Agent"]
    if what.framed:
        unsaid.append("Content-Type")
    lines = [f"{name}:" for name in unsaid if not what.has(name.lower())]
    if len(what.body) > _EXPECTED:
        lines.append("Expect:")
    for name, value in what.headers:
        bare = value.strip(" \t")
        lines.append(f"{name}: {value}" if bare else f"{name};")
    return lines
