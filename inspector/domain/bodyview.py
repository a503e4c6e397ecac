"""A body for the eye: what it is, and harmless lines that show it. Never what is sent on."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal
from urllib.parse import unquote_plus

from inspector.domain.bodylines import HexLines, TextLines
from inspector.domain.content import LIMIT as DECODED
from inspector.domain.content import undone
from inspector.domain.headers import Headers, first
from inspector.domain.jsontext import Layout, laid_out
from inspector.domain.multipart import Part, parameters, parts
from inspector.domain.plaintext import one_line, visible

Kind = Literal["json", "form", "multipart", "text", "binary", "empty"]
Mode = Literal["pretty", "raw", "hex"]

LIMIT = 256 * 1024
MAX_LINES = 10_000
MAX_WIDTH = 4096
# What a window that makes its lines when they are seen can hold.
OPEN_LIMIT = 32 * 1024 * 1024
OPEN_LINES = 1_000_000
_MAX_PARTS = 100
_PREVIEW = 16 * 1024
_PREVIEW_LINES = 20
_PREVIEW_HEX = 4
_TAB = 4

# Character sets only: Python also has codecs that are slow or warn on hostile input.
_CHARSET = re.compile(
    r"ascii|utf-(8|16|32)(-sig|-le|-be)?|iso8859-\d+|cp\d+|koi8-[rtu]|shift_jis.*|euc_.*|gb\w+"
    r"|big5.*|iso2022_.*|mac-\w+|tis-620|johab|hz"
)
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\r\f\v\x1b"))
_LATIN_CONTROLS = _CONTROLS + bytes(range(0x80, 0xA0))


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
class OpenBody:
    """A body whose `lines` are made when they are asked for: text as it came, not yet harmless.

    `truncated` and `note` as in `BodyView`. `layout` is the same lines where they are JSON laid
    out, and knows what each one stands for.
    """

    kind: Kind
    lines: Sequence[str]
    truncated: bool = False
    note: str = ""
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class _Content:
    """The bytes to show, at most `limit` of the `whole`; `text` is None where they are binary."""

    media: str
    parameters: dict[str, str]
    whole: bytes
    data: bytes
    text: str | None
    cut: bool
    notes: tuple[str, ...]
    # It is still in a content coding, whatever its type says of what is inside.
    coded: bool = False


def view(body: bytes, headers: Headers, mode: Mode = "pretty", limit: int = LIMIT) -> BodyView:
    """Show a body; never raises, whatever body and headers say of each other.

    `pretty` undoes content codings and lays out JSON, forms and multipart bodies; `raw` is the
    text as it came; `hex` the bytes. Only the first `limit` bytes are looked at (of a coded body:
    after decoding), so that the time is bounded. Binary bodies are shown as `hex` in every mode.
    """
    found = opened(body, headers, mode, limit, MAX_LINES + 1, max(limit, 1))
    out = [harmless(line, MAX_WIDTH + 1) for line in found.lines[:MAX_LINES]]
    wide = any(len(line) > MAX_WIDTH for line in out)
    cut = tuple(line if len(line) <= MAX_WIDTH else line[: MAX_WIDTH - 1] + "…" for line in out)
    truncated = found.truncated or wide or len(found.lines) > MAX_LINES
    return BodyView(found.kind, cut, truncated, found.note)


def opened(
    body: bytes,
    headers: Headers,
    mode: Mode = "pretty",
    limit: int = OPEN_LIMIT,
    max_lines: int = OPEN_LINES,
    width: int = MAX_WIDTH,
) -> OpenBody:
    """The same without making its lines; never raises, and takes seconds for tens of megabytes.

    Lines of plain text that are longer than `width` go on in the next one.
    """
    if not body:
        return OpenBody("empty", ())
    content = _content(body, headers, max(limit, 1), decode=mode == "pretty")
    if mode == "pretty" and (multipart := _multipart(content)):
        return multipart
    if content.text is None:
        return _hex("binary", content, max_lines)
    if mode == "hex":
        return _hex(_kind(content), content, max_lines)
    if mode == "raw":
        return _plain(_kind(content), content, content.text, max_lines, width)
    if content.media == "application/x-www-form-urlencoded":
        return _shown("form", _form(content.text), content)
    found = _json(content, content.text, max_lines)
    if isinstance(found, OpenBody):
        return found
    return _plain("text", content, content.text, max_lines, width, *found)


def harmless(line: str, limit: int) -> str:
    """Safe to print, tabs as blanks; cut to `limit` characters."""
    return visible(line[:limit].expandtabs(_TAB))[:limit]


def _content(body: bytes, headers: Headers, limit: int, *, decode: bool) -> _Content:
    content_type = first(headers, "content-type") or ""
    media = content_type.partition(";")[0].strip().lower()
    given = parameters(content_type)
    encoding = first(headers, "content-encoding") if decode else None
    found = undone(body, encoding or "", min(limit, DECODED))
    whole = body if found.data is None else found.data
    data = whole[:limit]
    cut = len(whole) > limit or (found.data is not None and not found.whole)
    # What cannot be undone is bytes, unless it is plainly text under a wrong name.
    text, note = _text(data, given.get("charset", ""), cut, guess=found.data is not None)
    notes = [one for one in (found.note, note) if one]
    textual = media.startswith("text/") or "json" in media or "xml" in media
    if text is not None and not textual and _share(data, _CONTROLS) > 0.05:
        text = None
    coded = found.data is None and bool(found.note)
    return _Content(media, given, whole, data, text, cut, tuple(notes), coded)


def _text(data: bytes, charset: str, cut: bool, *, guess: bool) -> tuple[str | None, str]:
    """(text, note): by the declared character set, else UTF-8, or None for binary.

    `guess`: where it is neither, Latin-1 if that makes a text.
    """
    for name in (charset, "utf-8"):
        if decoder := _decoder(name):
            try:
                # The last character may be cut in two.
                text = decoder.decode(data, final=not cut)
            except ValueError:
                continue
            fits = name == charset or not charset
            return text, "" if fits else f"not {one_line(charset, 40)}: shown as UTF-8"
    if not guess or b"\0" in data or _share(data, _LATIN_CONTROLS) > 0.05:
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
    """How much of the data is of these bytes, judged by its beginning."""
    sample = data[:LIMIT]
    return 1 - len(sample.translate(None, of)) / len(sample) if sample else 0.0


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


def _json(content: _Content, text: str, max_lines: int) -> OpenBody | tuple[str, ...]:
    """The body laid out; notes on why not if it only claims to be JSON."""
    if not _says_json(content):
        return ()
    layout = laid_out(text.removeprefix("\ufeff"), max_lines, cut=content.cut)
    stopped = content.cut or len(layout) >= max_lines
    broken = layout.broken or ("" if layout.complete or stopped else "it ends early")
    if broken:
        claims = "json" in content.media and not content.coded
        return (f"not valid JSON: {visible(broken)}",) if claims else ()
    marked = ("begins with a byte order mark",) if text.startswith("\ufeff") else ()
    flaw = (f"not valid JSON: {layout.flaw}",) if layout.flaw else ()
    note = "; ".join((*content.notes, *marked, *flaw))
    cut = content.cut or (stopped and not layout.complete)
    return OpenBody("json", layout, cut, note, layout)


def _form(text: str) -> list[str]:
    """A field a line; a value that is JSON is laid out below its name."""
    out: list[str] = []
    for pair in text.split("&", MAX_LINES + 1)[: MAX_LINES + 1]:
        name, equals, value = pair.partition("=")
        shown = unquote_plus(value)
        inside = laid_out(shown, MAX_LINES) if shown[:1] in ("{", "[") else None
        if inside is not None and inside.complete and not inside.broken:
            out += [f"{unquote_plus(name)} =", *(f"  {line}" for line in inside)]
        else:
            out.append(unquote_plus(name) + (" = " + shown if equals else ""))
        if len(out) > MAX_LINES:
            break
    return out


def _multipart(content: _Content) -> OpenBody | None:
    if not content.media.startswith("multipart/"):
        return None
    boundary = content.parameters.get("boundary", "")
    found = list(islice(parts(content.whole, boundary, _PREVIEW), _MAX_PARTS + 1))
    if not found:
        return None
    lines: list[str] = []
    for number, part in enumerate(found[:_MAX_PARTS], 1):
        lines += ["", *_part(number, part)] if lines else _part(number, part)
    more = len(found) > _MAX_PARTS
    notes = (*content.notes, f"only the first {_MAX_PARTS} parts") if more else content.notes
    cut = more or (content.cut and len(content.whole) == len(content.data))
    return OpenBody("multipart", lines, cut, "; ".join(notes))


def _part(number: int, part: Part) -> list[str]:
    """What the part is in one line, its headers as they came, and the beginning of its content."""
    named = [f'"{part.name}"'] if part.name else []
    named += [f'file "{part.filename}"'] if part.filename else []
    named += [part.content_type] if part.content_type else []
    ended = "" if part.ended else ", without an end"
    title = f"part {number}: {', '.join([*named, f'{part.size} bytes'])}{ended}"
    return [title, *part.headers, "", *_preview(part)]


def _preview(part: Part) -> list[str]:
    cut = part.size > len(part.data)
    text, _ = _text(part.data, parameters(part.content_type).get("charset", ""), cut, guess=True)
    lines: Sequence[str] = HexLines(part.data)
    most = _PREVIEW_HEX
    if text is not None and _share(part.data, _CONTROLS) <= 0.05:
        lines, most = _split(text), _PREVIEW_LINES
        if "json" in part.content_type or text[:1] in ("{", "["):
            inside = laid_out(text, _PREVIEW_LINES + 1, cut=cut)
            lines = lines if inside.broken else inside
    more = ["…"] if len(lines) > most or cut else []
    return [*lines[:most], *more]


def _hex(kind: Kind, content: _Content, max_lines: int) -> OpenBody:
    lines = HexLines(content.data[: max_lines * HexLines.WIDTH])
    cut = content.cut or len(content.data) > max_lines * HexLines.WIDTH
    return OpenBody(kind, lines, cut, "; ".join(content.notes))


def _plain(
    kind: Kind, content: _Content, text: str, max_lines: int, width: int, *notes: str
) -> OpenBody:
    lines = TextLines(text, max_lines, width)
    cut = content.cut or not lines.complete
    return OpenBody(kind, lines, cut, "; ".join((*content.notes, *notes)))


def _split(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n", _PREVIEW_LINES + 1)]


def _shown(kind: Kind, lines: Sequence[str], content: _Content, *notes: str) -> OpenBody:
    return OpenBody(kind, lines, content.cut, "; ".join((*content.notes, *notes)))
