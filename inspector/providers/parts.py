"""What every provider reads of a request, each part made once: header index and parsed JSON."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

from inspector.domain import headers as h
from inspector.domain import jsonvalue
from inspector.domain.content import decoded
from inspector.domain.delivery import Request
from inspector.domain.envelope import Envelope, Signature

# An event name or id beyond this is cut: it is a key, a column and a line on a screen. A digest at
# its end keeps those apart that begin alike.
MAX_NAME = 255
_DIGEST = 16
# A coded body that grows beyond this is shown, but neither its event nor its fields are looked for:
# a hundred bytes may decode to this much, and deliveries behind it wait for the reading of it.
MAX_DECODED = 1024 * 1024
_REPLACED = "\ufffd"


class Parts:
    """A request with an index of its headers and its body as JSON, read at most once.

    `headers` maps each lower-case name to the first value sent under it, as the SDKs of most
    providers and aiohttp's `headers[...]` choose. The body is undone from its content codings for
    reading only; signatures are about `request.body`.
    """

    __slots__ = ("_parsed", "headers", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        # Reversed, so that the first of several lines is the one that stays.
        self.headers: Mapping[str, str] = {k.lower(): v for k, v in reversed(request.headers)}
        self._parsed: jsonvalue.Parsed | None = None

    @property
    def encoding(self) -> str:
        return self.headers.get("content-encoding", "")

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def plain_body(self) -> bytes | None:
        """The body without content codings, None where they cannot be undone in `MAX_DECODED`."""
        if not self.encoding:
            return self.request.body
        return decoded(self.request.body, self.encoding, MAX_DECODED)

    @property
    def json(self) -> jsonvalue.Parsed:
        if self._parsed is None:
            body = self.plain_body()
            if body is None:
                encoding = shown(self.encoding)
                problem = (
                    f"has the content encoding {encoding}, which cannot be undone within 1 MiB"
                )
                self._parsed = jsonvalue.Parsed(None, False, problem)
            else:
                self._parsed = jsonvalue.parse(body)
        return self._parsed

    def repeats(self, name: str) -> int:
        """How many times a header was sent; `name` in lower case."""
        if len(self.headers) == len(self.request.headers):
            return int(name in self.headers)
        return len(h.values(self.request.headers, name))

    def text(self, name: str) -> str | None:
        """A header's text, None if absent or blank: UTF-8 where it is that, else Latin-1."""
        value = self.headers.get(name)
        # Blanks alone: what Latin-1 has for a blank may be a byte of a UTF-8 character.
        if value is None or not (value := value.strip(" \t")):
            return None
        if value.isascii():
            return value
        try:
            return value.encode("latin-1").decode()
        except UnicodeError:
            return value


class PartsReader(Protocol):
    """A provider's work on parts that are already made, so that one reading serves all of it."""

    def knows(self, parts: Parts) -> bool: ...

    def event(self, parts: Parts) -> str | None: ...

    def envelope(self, parts: Parts) -> Envelope: ...

    def signature(self, parts: Parts, secrets: Sequence[str], at: int) -> Signature: ...


def tidy(text: str, what: str, notes: list[str]) -> str:
    """A text fit for a column and a screen: at most `MAX_NAME` characters, no NUL, valid UTF-8.

    Texts of more characters that differ stay different.
    What had to be changed is added to `notes`; `what` names the value in it.
    """
    if len(text) > MAX_NAME:
        notes.append(f"The {what} has {len(text)} characters and is cut to {MAX_NAME}.")
        digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
        text = text[: MAX_NAME - _DIGEST - 1] + jsonvalue.CUT + digest
    if text.isprintable():
        return text
    clean = jsonvalue.replace_surrogates(text).replace("\0", _REPLACED)
    if clean != text:
        notes.append(f"The {what} holds characters that are not text; they are replaced.")
    return clean


def scalar_text(value: Any) -> str | None:
    """A text as it is, a number as its digits; None for anything else and for blank text."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return None


def shown(text: str, limit: int = 64) -> str:
    """A text from outside inside a sentence: quoted, short, without control characters."""
    short = text if len(text) <= limit else text[: limit - 1] + jsonvalue.CUT
    return '"' + "".join(c if c.isprintable() else _REPLACED for c in short) + '"'
