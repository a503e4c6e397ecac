"""The mistakes that senders are known to make, each as an HMAC to compare with the value sent.

One source for the short reason of a delivery and for the whole explanation, so that the two never
say different things: `thorough` ones are further guesses of the same mistakes.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.providers import rewritten
from inspector.providers.pacspace.form import HASHES
from inspector.providers.parts import Parts, scalar_text

# Every guess costs an HMAC over the body: of larger ones, and of many secrets, none is made.
MAX_BODY = 256 * 1024
MAX_BODY_THOROUGH = 1024 * 1024
MAX_KEYS = 4
# A thousand HMACs, one for each millisecond of a second: for bodies up to this.
MAX_BODY_MILLISECONDS = 16 * 1024
# Writing JSON anew costs more than all else.
MAX_LAID_OUT = 16 * 1024
MAX_LAID_OUT_THOROUGH = 256 * 1024
_PREFIX = b"whsec_"
_QUOTES = (b'"', b"'")
_MILLISECONDS_DIGITS = 13
_ONE_SHOT = 64 * 1024

Keys = Sequence[tuple[int, bytes]]
"""Secrets by their number, from 1."""


class Mistake(NamedTuple):
    """`tried` is what the guesses of it cover, `advice` what to do where it was made."""

    name: str
    tried: str
    advice: str


_AS_SENT = "Sign the very bytes that are sent, and let nothing on the way write them anew."
SPELLING = Mistake(
    "spelling",
    "the right HMAC in upper case, in base64 or under another label",
    "Send v1= and the HMAC in lower-case hex.",
)
HASH = Mistake("hash", "SHA-1, SHA-384 or SHA-512 in place of SHA-256", "Use HMAC-SHA256.")
AROUND = Mistake(
    "blanks",
    "blanks, a line break or quotes around the secret, there or here",
    "Take them away on the side that has them.",
)
PREFIX = Mistake(
    "whsec_",
    "whsec_ left out or added, the rest decoded from base64 or from hex",
    "The whole secret as it is shown is the key, as text.",
)
COMPOSED = Mistake(
    "what is signed",
    "the body without the timestamp, without the full stop, or behind the event's id as well",
    "Sign the timestamp header's value, a full stop and the raw body.",
)
UNIT = Mistake(
    "time signed",
    "milliseconds for seconds or seconds for milliseconds, a second more or less, the body's time",
    "Sign the very text that X-PacSpace-Timestamp carries.",
)
LAST_BREAK = Mistake("last line break", "a line break or blanks at the body's end", _AS_SENT)
LINE_ENDS = Mistake("line ends", "LF for CRLF and CRLF for LF", _AS_SENT)
LAYOUT = Mistake(
    "JSON layout",
    "written anew: compact, with Python's separators, indented by 2, by 4 or by tabs, with sorted"
    " keys, with other escapes",
    _AS_SENT,
)
MARK = Mistake("byte order mark", "one added or taken away", _AS_SENT)
CODING = Mistake("compression", "the body before it was compressed or after it, base64", _AS_SENT)
CHARSET = Mistake("character set", "Latin-1, Windows-1252, UTF-16, the other normal form", _AS_SENT)
WORDS = Mistake(
    "body given", "an empty body, or a program's word for an object in place of its text", _AS_SENT
)
MISTAKES = (
    SPELLING, HASH, AROUND, PREFIX, COMPOSED, UNIT, LAST_BREAK, LINE_ENDS, LAYOUT, MARK, CODING,
    CHARSET, WORDS,
)  # fmt: skip


class Guess(NamedTuple):
    """`cause` is a clause: "by secret 2 the body was signed with CRLF for LF"."""

    mistake: Mistake
    cause: str
    key: bytes
    prefix: bytes
    body: bytes
    hash: str = "sha256"

    def digest(self) -> bytes:
        if len(self.body) <= _ONE_SHOT:
            return hmac.digest(self.key, self.prefix + self.body, self.hash)
        # This way other threads run meanwhile.
        mac = hmac.new(self.key, self.prefix, self.hash)
        mac.update(self.body)
        return mac.digest()


def found(
    parts: Parts,
    timestamp: bytes,
    keys: Keys,
    secrets: int,
    digests: Sequence[bytes],
    form: str,
    *,
    thorough: bool,
) -> Iterator[Guess]:
    """The guesses that give one of the digests sent, the likeliest mistake first.

    `secrets` is how many are known, `form` what is wrong with the header's form, or empty. Bodies
    and secrets beyond the bounds above are not tried.
    """
    if len(parts.request.body) > (MAX_BODY_THOROUGH if thorough else MAX_BODY) or not digests:
        return
    named = [(key, "the secret" if secrets == 1 else f"secret {n}") for n, key in keys[:MAX_KEYS]]
    for guess in _guesses(parts, timestamp, named, digests, form, thorough):
        made = guess.digest()
        if any(hmac.compare_digest(made, digest) for digest in digests):
            yield guess


_Named = Sequence[tuple[bytes, str]]


def _guesses(
    parts: Parts,
    timestamp: bytes,
    named: _Named,
    digests: Sequence[bytes],
    form: str,
    thorough: bool,
) -> Iterator[Guess]:
    body = parts.request.body
    signed = timestamp + b"."
    for key, which in named:
        cause = f"the HMAC is right by {which}, but written as {form or 'no v1= value'}"
        yield Guess(SPELLING, cause, key, signed, body)
        for size in {len(digest) for digest in digests} - {32}:
            name = HASHES[size]
            cause = f"by {which} the HMAC was made with SHA-{name[3:]}"
            yield Guess(HASH, cause, key, signed, body, name)
        for mistake, cause, other in _other_keys(key, which, thorough):
            yield Guess(mistake, cause, other, signed, body)
        for cause, prefix in _other_prefixes(parts, timestamp, thorough):
            yield Guess(COMPOSED, f"by {which} {cause}", key, prefix, body)
        for cause, stamp in _other_stamps(parts, timestamp, thorough):
            yield Guess(UNIT, f"by {which} {cause}", key, stamp + b".", body)
    for mistake, how, other in _other_bodies(parts, thorough):
        if other != body:
            since = ", and re-formatted after that" if mistake is LAYOUT else ""
            for key, which in named:
                cause = f"by {which} the body was signed {how}{since}"
                yield Guess(mistake, cause, key, signed, other)


def _other_keys(key: bytes, which: str, thorough: bool) -> Iterator[tuple[Mistake, str, bytes]]:
    if key != key.strip():
        yield AROUND, f"{which} has blanks around it, which must go", key.strip()
    if key[:1] in _QUOTES and key[:1] == key[-1:]:
        yield AROUND, f"{which} has quotes around it, which must go", key[1:-1]
    if thorough:
        yield AROUND, f"{which} was used with a line break at its end", key + b"\n"
        for quote in _QUOTES:
            yield AROUND, f"{which} was used with the quotes around it", quote + key + quote
    if not key.startswith(_PREFIX):
        yield PREFIX, f"{which} lacks the whsec_ in front", _PREFIX + key
    bare = key.removeprefix(_PREFIX)
    if bare != key:
        yield PREFIX, f"{which} was used without its whsec_, which is part of it", bare
    for name, decode in (("base64", _from_base64), ("hex", _from_hex)):
        if plain := decode(bare):
            cause = f"{which} was decoded from {name}, but the text itself is the key"
            yield PREFIX, cause, plain


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _from_hex(text: bytes) -> bytes:
    try:
        return binascii.unhexlify(text)
    except binascii.Error:
        return b""


def _other_prefixes(parts: Parts, timestamp: bytes, thorough: bool) -> Iterator[tuple[str, bytes]]:
    yield "the body alone was signed, without the timestamp", b""
    if not thorough:
        return
    yield "timestamp and body were signed without the full stop between them", timestamp
    if (event_id := parts.headers.get("x-event-id")) is not None:
        # The scheme of Standard Webhooks.
        prefix = event_id.encode("latin-1", "replace") + b"." + timestamp + b"."
        yield "the event's id was signed in front of the timestamp", prefix


def _other_stamps(parts: Parts, timestamp: bytes, thorough: bool) -> Iterator[tuple[str, bytes]]:
    if timestamp.isdigit():
        yield "milliseconds were signed, not the header as sent", timestamp + b"000"
        yield "seconds were signed, not the header as sent", timestamp[:-3]
    if not thorough:
        return
    value = parts.json.value
    if isinstance(value, dict) and (time := scalar_text(value.get("timestamp"))):
        stamp = time.encode("utf-8", "surrogatepass")
        yield "the body's own timestamp was signed, not the header's", stamp
    if timestamp.isdigit() and len(timestamp) <= _MILLISECONDS_DIGITS:
        number = int(timestamp)
        for step in (-1, 1):
            cause = f"a timestamp {'before' if step < 0 else 'after'} the header's was signed"
            yield f"{cause}, by one", b"%d" % (number + step)
        if len(parts.request.body) <= MAX_BODY_MILLISECONDS:
            for rest in range(1, 1000):
                stamp = timestamp + b"%03d" % rest
                yield "milliseconds were signed, not the header as sent", stamp


def _other_bodies(parts: Parts, thorough: bool) -> Iterator[tuple[Mistake, str, bytes]]:
    body = parts.request.body
    value = parts.json.value if readable(parts) else None
    most = MAX_BODY_THOROUGH if thorough else MAX_BODY
    layable = MAX_LAID_OUT_THOROUGH if thorough else MAX_LAID_OUT
    laid_out = readable(parts) and len(body) <= layable
    sources: list[tuple[Mistake, rewritten.Rewritten]] = [
        (LAST_BREAK, rewritten.last_breaks(body, thorough=thorough)),
        (LINE_ENDS, rewritten.line_ends(body)),
        (LAYOUT, rewritten.layouts(body, value, thorough=thorough) if laid_out else iter(())),
        (MARK, rewritten.marks(body, thorough=thorough)),
        (CODING, rewritten.codings(body, parts.encoding, most, thorough=thorough)),
        (CHARSET, rewritten.charsets(body) if thorough else iter(())),
        (WORDS, rewritten.words(body, value, thorough=thorough)),
    ]
    for mistake, source in sources:
        for how, other in source:
            yield mistake, how, other


def readable(parts: Parts) -> bool:
    """Whether the body is JSON whose value is known whole, so that it can be written again."""
    return parts.json.ok and not parts.json.problem and not parts.encoding
