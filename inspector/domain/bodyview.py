"""A body for the eye: what it is, and harmless lines that show it. Never what is sent on."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_plus

from inspector.domain.content import decoded
from inspector.domain.headers import Headers, first
from inspector.domain.jsontext import laid_out
from inspector.domain.plaintext import one_line, visible

Kind = Literal["json", "form", "multipart", "text", "binary", "empty"]
Mode = Literal["pretty", "raw", "hex"]

LIMIT = 256 * 1024
MAX_LINES = 10_000
MAX_WIDTH = 4096
_MAX_PARTS = 100
_PREVIEW_LINES = 20
_HEX_WIDTH = 16
_TAB = 4

_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*+"|[^;]*)', re.ASCII)
# Character sets only: Python also has codecs that are slow or warn on hostile input.
_CHARSET = re.compile(
    r"ascii|utf-(8|16|32)(-sig|-le|-be)?|iso8859-\d+|cp\d+|koi8-[rtu]|shift_jis.*|euc_.*|gb\w+"
    r"|big5.*|iso2022_.*|mac-\w+|tis-620|johab|hz"
)
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\r\f\v\x1b"))
_LATIN_CONTROLS = _CONTROLS + bytes(range(0x80, 0xA0))
_DOTS = bytes(code if 32 <= code < 127 else ord(".") for code in range(256))


@dataclass(frozen=True, slots=True)
class BodyView:
    """`lines` are harmless plain text, at most `MAX_LINES` of at most `MAX_WIDTH` characters.

    `truncated`: there is more than they show. `note` is one line on what is odd, or empty.
    """

    kind: Kind
    lines: tuple[str, ...]
    truncated: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Content:
    """The bytes to show, at most `limit` of them; `text` is None where they are binary."""

    media: str
    parameters: dict[str, str]
    data: bytes
    text: str | None
    cut: bool
    notes: tuple[str, ...]


def view(body: bytes, headers: Headers, mode: Mode = "pretty", limit: int = LIMIT) -> BodyView:
    """Show a body; never raises, whatever body and headers say of each other.

    `pretty` undoes content codings and lays out JSON, forms and multipart bodies; `raw` is the
    text as it came; `hex` the bytes. Only the first `limit` bytes are looked at (of a coded body:
    after decoding), so that the time is bounded. Binary bodies are shown as `hex` in every mode.
    """
    if not body:
        return BodyView("empty", (), False, "")
    content = _content(body, headers, max(limit, 1), decode=mode == "pretty")
    if mode == "pretty" and (parts := _multipart(content)):
        return parts
    if content.text is None:
        return _shown("binary", _hex(content.data), content)
    if mode == "hex":
        return _shown(_kind(content), _hex(content.data), content)
    if mode == "raw":
        return _shown(_kind(content), _split(content.text), content)
    if content.media == "application/x-www-form-urlencoded":
        return _shown("form", _form(content.text), content)
    return _json(content, content.text) or _shown("text", _split(content.text), content)


def _content(body: bytes, headers: Headers, limit: int, *, decode: bool) -> _Content:
    content_type = first(headers, "content-type") or ""
    media = content_type.partition(";")[0].strip().lower()
    parameters = {
        name.lower(): re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value.strip()
        for name, value in _PARAMETER.findall(content_type[:2000])
    }
    notes: list[str] = []
    encoding = first(headers, "content-encoding") if decode else None
    if encoding and encoding.strip().lower() != "identity":
        plain = decoded(body, encoding)
        shown = one_line(encoding, 40)
        notes.append(f"{shown} decoded" if plain is not None else f"{shown} cannot be decoded")
        body = body if plain is None else plain
    data = body[:limit]
    text, note = _text(data, parameters.get("charset", ""), len(body) > limit)
    textual = media.startswith("text/") or "json" in media or "xml" in media
    if text is not None and not textual and _share(data, _CONTROLS) > 0.05:
        text = None
    notes += [note] if note else []
    return _Content(media, parameters, data, text, len(body) > limit, tuple(notes))


def _text(data: bytes, charset: str, cut: bool) -> tuple[str | None, str]:
    """(text, note): by the declared character set, else UTF-8, else Latin-1, or None for binary."""
    for name in (charset, "utf-8"):
        if decoder := _decoder(name):
            try:
                # The last character may be cut in two.
                text = decoder.decode(data, final=not cut)
            except ValueError:
                continue
            fits = name == charset or not charset
            return text, "" if fits else f"not {one_line(charset, 40)}: shown as UTF-8"
    if b"\0" in data or _share(data, _LATIN_CONTROLS) > 0.05:
        return None, ""
    return data.decode("latin-1"), "not UTF-8: shown as Latin-1"


def _decoder(charset: str) -> codecs.IncrementalDecoder | None:
    if not charset.isascii() or not charset.isprintable() or not 0 < len(charset) <= 40:
        return None
    try:
        info = codecs.lookup(charset)
    except LookupError:
        return None
    if not _CHARSET.fullmatch(info.name) or info.incrementaldecoder is None:
        return None
    return info.incrementaldecoder("strict")


def _share(data: bytes, of: bytes) -> float:
    return 1 - len(data.translate(None, of)) / len(data) if data else 0.0


def _kind(content: _Content) -> Kind:
    if content.media == "application/x-www-form-urlencoded":
        return "form"
    if content.media.startswith("multipart/"):
        return "multipart"
    return "json" if _says_json(content) else "text"


def _says_json(content: _Content) -> bool:
    if content.media.endswith("/json") or content.media.endswith("+json"):
        return True
    unsaid = content.media in ("", "text/plain", "application/octet-stream")
    return unsaid and (content.text or "").lstrip(" \t\r\n\ufeff")[:1] in ("{", "[")


def _json(content: _Content, text: str) -> BodyView | None:
    """The body laid out, or as plain text with a note if it only claims to be JSON."""
    if not _says_json(content):
        return None
    layout = laid_out(text.removeprefix("\ufeff"), MAX_LINES + 1, cut=content.cut)
    marked = ("begins with a byte order mark",) if text.startswith("\ufeff") else ()
    stopped = content.cut or len(layout.lines) > MAX_LINES
    broken = layout.broken or ("" if layout.complete or stopped else "it ends early")
    if broken:
        claimed = (f"not valid JSON: {visible(broken)}",) if "json" in content.media else ()
        return _shown("text", _split(text), content, *claimed)
    flaw = (f"not valid JSON: {layout.flaw}",) if layout.flaw else ()
    return _shown("json", layout.lines, content, *marked, *flaw)


def _form(text: str) -> list[str]:
    out: list[str] = []
    for pair in text.split("&", MAX_LINES + 1)[: MAX_LINES + 1]:
        name, equals, value = pair.partition("=")
        out.append(unquote_plus(name) + (" = " + unquote_plus(value) if equals else ""))
    return out


def _multipart(content: _Content) -> BodyView | None:
    boundary = content.parameters.get("boundary", "")
    if not content.media.startswith("multipart/"):
        return None
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    _, *chunks = (b"\r\n" + content.data).split(mark, _MAX_PARTS + 1)
    parts = [chunk for chunk in chunks if not chunk.startswith(b"--")]
    if not boundary or not parts:
        return None
    lines: list[str] = []
    for number, chunk in enumerate(parts[:_MAX_PARTS], 1):
        lines += ["", *_part(number, chunk)] if lines else _part(number, chunk)
    more = (f"only the first {_MAX_PARTS} parts",) if len(parts) > _MAX_PARTS else ()
    return _shown("multipart", lines, content, *more)


def _part(number: int, chunk: bytes) -> list[str]:
    head, _, data = chunk.partition(b"\r\n\r\n")
    lines = [f"part {number}, {len(data)} bytes"]
    lines += [line for line in head.decode("latin-1").split("\r\n", 50)[:50] if line.strip()]
    text, _ = _text(data, "", cut=False)
    if text is None or _share(data, _CONTROLS) > 0.05:
        return [*lines, "", "(binary)"]
    preview = _split(text)
    more = ["…"] if len(preview) > _PREVIEW_LINES else []
    return [*lines, "", *preview[:_PREVIEW_LINES], *more]


def _hex(data: bytes) -> list[str]:
    out: list[str] = []
    for at in range(0, min(len(data), (MAX_LINES + 1) * _HEX_WIDTH), _HEX_WIDTH):
        row = data[at : at + _HEX_WIDTH]
        half = f"{row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}"
        out.append(f"{at:08x}  {half}  |{row.translate(_DOTS).decode('ascii')}|")
    return out


def _split(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n", MAX_LINES + 1)]


def _shown(kind: Kind, lines: Iterable[str], content: _Content, *notes: str) -> BodyView:
    """The lines made harmless and cut to what a screen takes."""
    whole = list(lines)
    out = [_harmless(line) for line in whole[:MAX_LINES]]
    wide = any(len(line) > MAX_WIDTH for line in out)
    truncated = content.cut or wide or len(whole) > MAX_LINES
    cut = tuple(line if len(line) <= MAX_WIDTH else line[: MAX_WIDTH - 1] + "…" for line in out)
    return BodyView(kind, cut, truncated, "; ".join((*content.notes, *notes)))


def _harmless(line: str) -> str:
    """Safe to print; one character more than fits shows that there was more."""
    return visible(line[: MAX_WIDTH + 1].expandtabs(_TAB))[: MAX_WIDTH + 1]
