"""Each content coding undone as far as its data goes: a bomb, a cut or a damage ends it early."""

import importlib
import re
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

# Each member of a gzip body, or frame of a zstd one, is a chance to start anew: many tiny ones
# would cost time.
_MAX_MEMBERS = 32
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_STEP = 4096
# A few bytes of Brotli may say "16 MiB more of it", and its older library cannot be stopped.
_BROTLI_STEP = 16
# RFC 9659: what a sender may use in HTTP. A frame may ask for gigabytes.
_ZSTD_WINDOW_LOG = 23
_PADDING = re.compile(rb"\0*")

MORE = "there is more of it"
EARLY = "it ends early"
DAMAGED = "it is damaged"


class Plain(NamedTuple):
    """The beginning of what was coded, or all of it without a `flaw`."""

    data: bytes
    flaw: str = ""


def gzip(body: bytes, limit: int) -> Plain:
    """Every member; zero bytes after the last are padding, as gzip treats them."""
    out = _Out(limit)
    at = 0
    for _ in range(_MAX_MEMBERS):
        at = _inflate(body, at, _GZIP, out)
        if out.flaw:
            return out.plain()
        at = _after_padding(body, at)
        if at == len(body):
            return out.plain()
    out.flaw = MORE
    return out.plain()


def deflate(body: bytes, limit: int) -> Plain:
    """RFC 9110 means zlib's format by it; many senders leave that wrapping out."""
    out = _Out(limit)
    _inflate(body, 0, _ZLIB, out)
    if out.flaw == DAMAGED and not out.size:
        out = _Out(limit)
        _inflate(body, 0, _RAW, out)
    return out.plain()


def brotli(body: bytes, limit: int) -> Plain:
    library = _brotli()
    out, stream, at = _Out(limit), library.Decompressor(), 0
    try:
        while at < len(body) and not stream.is_finished() and not out.flaw:
            out.add(_brotli_step(stream, body[at : at + _BROTLI_STEP], out.room))
            at += _BROTLI_STEP
    except library.error:
        out.flaw = DAMAGED
        return out.plain()
    if not out.flaw and not stream.is_finished():
        out.flaw = EARLY
    return out.plain()


def zstd(body: bytes, limit: int) -> Plain:
    """Every frame, each within the window that HTTP allows."""
    library = _zstd()
    options = {library.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    out, at = _Out(limit), 0
    try:
        for _ in range(_MAX_MEMBERS):
            stream = library.ZstdDecompressor(options=options)
            while at < len(body) and not stream.eof and not out.flaw:
                piece = body[at : at + _STEP]
                out.add(stream.decompress(piece, out.room))
                at += len(piece) - len(stream.unused_data)
            if not out.flaw and not stream.eof:
                out.flaw = EARLY
            if out.flaw or at == len(body):
                return out.plain()
        out.flaw = MORE
    except library.ZstdError:
        out.flaw = DAMAGED
    return out.plain()


def _brotli() -> Any:
    return _imported("brotli", "brotlicffi")


def _zstd() -> Any:
    return _imported("compression.zstd", "backports.zstd")


def _imported(*names: str) -> Any:
    """The first of the modules that is there; raises ImportError."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module(names[-1])


CODINGS: dict[str, Callable[[bytes, int], Plain]] = {
    "gzip": gzip,
    "x-gzip": gzip,
    "deflate": deflate,
    "br": brotli,
    "zstd": zstd,
}
# The package that a coding takes where Python has nothing of its own.
PACKAGES = {"br": "brotli", "zstd": "backports.zstd"}


class _Out:
    """What has come so far, at most the limit; one byte above it tells that there is more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self.size = 0
        self.flaw = ""

    @property
    def room(self) -> int:
        return self._limit + 1 - self.size

    def add(self, piece: bytes) -> None:
        if len(piece) >= self.room:
            piece, self.flaw = piece[: self.room - 1], MORE
        self._pieces.append(piece)
        self.size += len(piece)

    def plain(self) -> Plain:
        return Plain(b"".join(self._pieces), self.flaw)


def _inflate(body: bytes, at: int, wbits: int, out: _Out) -> int:
    """Add what a stream from `at` on holds; where it ends. `out.flaw` says if it did not end."""
    stream, step = zlib.decompressobj(wbits), _STEP
    while at < len(body):
        piece = body[at : at + step]
        # A step that fails gives nothing of what it held: it is tried again in smaller ones.
        before = stream.copy() if step > 1 else None
        try:
            out.add(stream.decompress(piece, out.room))
        except zlib.error:
            if before is None:
                out.flaw = DAMAGED
                return at
            stream, step = before, step // 16
            continue
        if out.flaw:
            return at
        at += len(piece) - len(stream.unused_data)
        if stream.eof:
            return at
    out.flaw = EARLY
    return at


def _after_padding(body: bytes, at: int) -> int:
    match = _PADDING.match(body, at)
    return match.end() if match else at


def _brotli_step(stream: Any, piece: bytes, room: int) -> bytes:
    try:
        made: bytes = stream.process(piece, output_buffer_limit=room)
    except TypeError:
        made = stream.process(piece)
    return made
