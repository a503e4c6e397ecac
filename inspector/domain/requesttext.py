"""A request as text that a person edits, and back: what was not edited stays byte for byte.

The request line, the headers, an empty line, the body, with `\\n` at the ends of lines. Characters
that cannot be seen are spelled as everywhere on the screen (`␛`, `‹U+0085›`), and such a sign that
is typed means that character. A head cannot hold these signs itself, because it is Latin-1; where
a body does, they stand for themselves.
"""

import re
from typing import NamedTuple

from inspector.domain.delivery import Request
from inspector.domain.headers import Headers, first, replaced, values
from inspector.domain.plaintext import one_line, visible
from inspector.errors import UsageError

# Larger bodies are no work for an editor.
MAX_BODY = 1024 * 1024
# One control character in so many characters is a slip in a text; more of them are binary data.
_SHARE = 20
_BOM = b"\xef\xbb\xbf"
_BREAK = re.compile(r"\r?\n")
_BLANK = re.compile(r"[\0-\x20]")
_NEVER = re.compile("[\0\r\n]")
_NOT_LATIN_1 = re.compile("[^\0-\xff]")
_CHARSET = re.compile(r"charset\s*=\s*\"?(iso-?8859-1|latin-?1|windows-1252)(?![\w-])")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION = re.compile("[0-9]\\.[0-9]")
_SIGN = re.compile("[\u2400-\u241f\u2421]|‹U\\+([0-9A-F]{4,6})›")
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


class RequestText(NamedTuple):
    """`text` for the editor; where the body is not editable, a line in its place says why.

    `note` is one line on what happens to the body, or empty.
    """

    text: str
    body_editable: bool
    note: str


class EditError(UsageError):
    """The text is no request; `line` is where, from 1."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(f"line {line}: {message}", hint)
        self.line = line


class _Shown(NamedTuple):
    """A body for the editor; `breaks` are the line breaks of the original, in order.

    `signs`: the signs in it are spelled characters.
    """

    text: str
    mark: bytes
    encoding: str
    breaks: tuple[str, ...]
    signs: bool


def to_text(request: Request) -> RequestText:
    """The request for an editor. `from_text` gives back this very request from the same text."""
    head = "".join(line + "\n" for line in (_start(request), *map(_line, request.headers)))
    shown = _shown(request)
    note = _note(request)
    if isinstance(shown, str):
        return RequestText(f"{head}\n{shown}\n", False, f"{shown.strip('()')}; {note}".rstrip("; "))
    return RequestText(f"{head}\n{shown.text}", True, note)


def from_text(text: str, original: Request) -> Request:
    """The request that an edited text of `original` says. Raises `EditError`.

    A body that was not edited keeps its exact bytes, an edited one the line breaks, the byte order
    mark and the character set of the original. One line break at the very end is the editor's own
    if the original had none. `Content-Length` follows an edited body unless it was edited too.
    """
    head, _, rest = text.replace("\r\n", "\n").partition("\n\n")
    start, *lines = head.removesuffix("\n").split("\n")
    method, target, version = _request_line(start, original)
    known = {_line(pair): pair for pair in original.headers}
    headers = tuple(
        known.get(line) or _header(line, number) for number, line in enumerate(lines, 2)
    )
    body = _body(rest, original, len(lines) + 3)
    if body != original.body:
        headers = _counted(headers, original.headers, len(body))
    return Request(method, target, version, headers, body)


def _start(request: Request) -> str:
    return visible(f"{request.method} {request.target} HTTP/{request.http_version}")


def _line(pair: tuple[str, str]) -> str:
    return visible(f"{pair[0]}: {pair[1]}")


def _note(request: Request) -> str:
    if any("signature" in name.lower() for name, _ in request.headers):
        return "the signature is the original's: an edited body needs to be signed anew"
    return ""


def _shown(request: Request) -> _Shown | str:
    """The body as text, or the line that says why it cannot be edited."""
    body = request.body
    size = f"{len(body)} bytes"
    if len(body) > MAX_BODY:
        return f"(the body of {size} is too large to be edited: it is kept as it is)"
    mark = _BOM if body.startswith(_BOM) else b""
    for encoding in ("utf-8", *_declared(request)):
        try:
            plain = body[len(mark) :].decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in plain or _SHARE * len(_CONTROLS.findall(plain)) > len(plain):
            break
        text = plain.replace("\r\n", "\n")
        spelled = visible(text, keep_layout=True)
        signs = not any(_character(match) != match[0] for match in _SIGN.finditer(text))
        if spelled != text and not signs:
            break
        return _Shown(spelled, mark, encoding, tuple(_BREAK.findall(plain)), signs)
    return f"(the body of {size} is binary and cannot be edited: it is kept as it is)"


def _declared(request: Request) -> tuple[str, ...]:
    """The character set that the request names, of those that give every byte back."""
    content_type = (first(request.headers, "content-type") or "").lower()
    named = _CHARSET.search(content_type[:500])
    return () if named is None else ("cp1252" if named[1] == "windows-1252" else "latin-1",)


def _request_line(line: str, original: Request) -> tuple[str, str, str]:
    if line == _start(original):
        return original[:3]
    method, _, rest = _unspelled(line, 1).partition(" ")
    target, http, version = rest.rstrip(" ").rpartition(" HTTP/")
    if not http:
        target, version = rest.strip(" "), original.http_version
    hint = "write it as: POST /path HTTP/1.1"
    if not _TOKEN.fullmatch(method):
        raise EditError("this is not a request line", 1, hint)
    if not target:
        raise EditError("the request target is missing", 1, hint)
    if _BLANK.search(target):
        raise EditError("a request target holds no blanks", 1, f"percent-encode them; {hint}")
    if not _VERSION.fullmatch(version):
        raise EditError(f"{one_line(version, 20)} is not a version of HTTP", 1, hint)
    return method, target, version


def _header(line: str, number: int) -> tuple[str, str]:
    name, colon, value = _unspelled(line, number).partition(":")
    hint = "write it as: Name: value; an empty line ends the headers"
    if not colon:
        raise EditError("this is not a header", number, hint)
    if not _TOKEN.fullmatch(name):
        raise EditError(f"{one_line(name, 40)!r} is not a header's name", number, hint)
    return name, value.removeprefix(" ")


def _unspelled(line: str, number: int) -> str:
    """The line with its signs turned back into characters; all of it is Latin-1."""
    text = _SIGN.sub(_character, line)
    if wrong := _NOT_LATIN_1.search(text):
        sign = one_line(wrong[0], 10)
        raise EditError(f"{sign} cannot stand in a head", number, "headers are Latin-1 text")
    if _NEVER.search(text):
        raise EditError("a line break or a NUL cannot stand in a head", number)
    return text


def _character(match: re.Match[str]) -> str:
    """The character that a sign stands for; what only looks like a sign stays."""
    sign = match[0]
    if match[1]:
        code = int(match[1], 16)
        return chr(code) if code < 0x110000 and visible(chr(code)) == sign else sign
    return "\x7f" if sign == "␡" else chr(ord(sign) - 0x2400)


def _body(text: str, original: Request, line: int) -> bytes:
    shown = _shown(original)
    if isinstance(shown, str):
        if text.strip() != shown:
            raise EditError(
                "this body cannot be edited", line, f"leave the line as it was: {shown}"
            )
        return original.body
    if text.endswith("\n") and not shown.text.endswith("\n"):
        text = text[:-1]
    if text == shown.text:
        return original.body
    text = _broken(text, shown)
    if shown.signs:
        text = _SIGN.sub(_character, text)
    try:
        return shown.mark + text.encode(shown.encoding)
    except UnicodeEncodeError as error:
        line += text.count("\n", 0, error.start)
        sign = one_line(text[error.start], 10)
        raise EditError(f"{sign} cannot be written in {shown.encoding}", line) from None


def _broken(text: str, shown: _Shown) -> str:
    """The text with the breaks of the lines that were kept, and the usual one elsewhere."""
    if "\r\n" not in shown.breaks:
        return text
    crlf = shown.breaks.count("\r\n")
    usual = "\r\n" if 2 * crlf > len(shown.breaks) else "\n"
    old, new = shown.text.split("\n"), text.split("\n")
    most = min(len(old), len(new)) - 1
    top = next((at for at in range(most) if old[at] != new[at]), most)
    left = most - top
    end = next((at for at in range(left) if old[-1 - at] != new[-1 - at]), left)
    kept = len(new) - 1 - top - end
    breaks = [*shown.breaks[:top], *[usual] * kept, *shown.breaks[len(shown.breaks) - end :]]
    return new[0] + "".join(map("".join, zip(breaks, new[1:], strict=True)))


def _counted(headers: Headers, before: Headers, size: int) -> Headers:
    """The headers with the right length, where they said the original's."""
    said = values(headers, "content-length")
    if said and said == values(before, "content-length"):
        return replaced(headers, [("Content-Length", str(size))])
    return headers
