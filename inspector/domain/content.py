"""Content codings of a body, undone for the eye only: what is signed and sent stays as it came."""

from typing import NamedTuple

from inspector.domain.codings import CODINGS, DAMAGED, MORE, PACKAGES
from inspector.domain.plaintext import one_line

# Bytes that one decoded body may grow to, unless the caller says otherwise.
LIMIT = 8 * 1024 * 1024
# Nearly all senders apply one. Each layer multiplies what a byte grows to by up to a thousand.
_MAX_LAYERS = 2
_SHOWN = 40


class Undone(NamedTuple):
    """`data` is as much as could be decoded, None where nothing could; `note` says which it is.

    The note is one line for people, empty where there was nothing to decode. `whole`: the data is
    all of it.
    """

    data: bytes | None
    note: str
    whole: bool


def decoded(body: bytes, encoding: str, limit: int = LIMIT) -> bytes | None:
    """The body without its content codings, or None where that cannot be done in full.

    `encoding` is the Content-Encoding header's value: codings in the order they were applied,
    separated by commas. None for an unknown coding, damaged or unfinished data, and for anything
    that would grow beyond `limit` bytes; an empty or `identity` encoding gives the body itself.
    """
    found = undone(body, encoding, limit)
    return found.data if found.whole else None


def undone(body: bytes, encoding: str, limit: int = LIMIT) -> Undone:
    """The same, or its beginning where the rest is missing, damaged or too much."""
    codings = [coding for part in encoding.split(",") if (coding := part.strip().lower())]
    layers = [coding for coding in codings if coding != "identity"]
    if not layers:
        return Undone(body, "", True)
    shown = one_line(encoding.strip(), _SHOWN)
    if len(layers) > _MAX_LAYERS:
        return Undone(None, f"{shown} cannot be decoded: too many layers", False)
    flaw = ""
    for coding in reversed(layers):
        if (undo := CODINGS.get(coding)) is None:
            return Undone(None, f"{shown} cannot be decoded", False)
        try:
            plain = undo(body, limit)
        except ImportError:
            missing = f"it takes the Python package {PACKAGES[coding]}"
            return Undone(None, f"{shown} cannot be decoded here: {missing}", False)
        body = plain.data
        # What an outer layer cut short is no fault of the inner one.
        flaw = flaw or plain.flaw
        if flaw and not body:
            why = f"{flaw}, or something else" if flaw == DAMAGED else flaw
            return Undone(None, f"{shown} cannot be decoded: {why}", False)
    if flaw == MORE:
        return Undone(body, f"{shown} decoded, its beginning alone", False)
    if flaw:
        return Undone(body, f"{shown} decoded in part: {flaw}", False)
    return Undone(body, f"{shown} decoded", True)
