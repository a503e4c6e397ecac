"""Content codings for the eye: whole, in part, or not at all, and always within the bounds."""

import gzip
import hashlib
import importlib
import time
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain import codings
from inspector.domain.content import LIMIT, Undone, decoded, undone

# Nothing makes it shorter.
NOISE = b"".join(hashlib.sha512(b"%d" % n).digest() for n in range(8000))
PLAIN = b'{"event":"delta.verified","data":"' + bytes(range(32, 90)) * 200 + b'"}'


def library(*names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    pytest.skip(f"{names[-1]} is not installed")


def brotli(data: bytes) -> bytes:
    packed: bytes = library("brotlicffi", "brotli").compress(data, quality=5)
    return packed


def zstd(data: bytes) -> bytes:
    packed: bytes = library("compression.zstd", "backports.zstd").compress(data)
    return packed


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


Pack = Callable[[bytes], bytes]
PACKERS: dict[str, tuple[str, Pack]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-Gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw),
    "br": ("br", brotli),
    "zstd": ("zstd", zstd),
}
codec = pytest.mark.parametrize(("encoding", "pack"), PACKERS.values(), ids=PACKERS)


@codec
def test_what_is_whole_is_decoded_whole(encoding: str, pack: Pack) -> None:
    packed = pack(PLAIN)
    assert undone(packed, encoding) == Undone(PLAIN, f"{encoding} decoded", True)
    assert decoded(packed, encoding) == PLAIN
    assert decoded(packed, encoding, len(PLAIN)) == PLAIN
    assert decoded(packed, encoding, len(PLAIN) - 1) is None
    assert decoded(pack(b""), encoding) == b""


@codec
def test_of_too_much_the_beginning_is_decoded(encoding: str, pack: Pack) -> None:
    found = undone(pack(PLAIN), encoding, 100)
    assert found == Undone(PLAIN[:100], f"{encoding} decoded, its beginning alone", False)


@codec
def test_of_what_was_cut_the_beginning_is_decoded(encoding: str, pack: Pack) -> None:
    packed = pack(NOISE)
    found = undone(packed[:-20], encoding)
    assert found.data is not None
    assert len(found.data) > 300_000
    assert NOISE.startswith(found.data)
    assert found.note == f"{encoding} decoded in part: it ends early"
    assert decoded(packed[:-20], encoding) is None
    nothing = undone(packed[:1], encoding)
    assert nothing.data is None
    assert nothing.note.startswith(f"{encoding} cannot be decoded: it ")


def test_of_what_was_damaged_the_beginning_is_decoded() -> None:
    for encoding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        packed = pack(NOISE)
        spoiled = packed[:60_000] + b"\xff" * 100 + packed[60_100:]
        found = undone(spoiled, encoding)
        assert found.note == f"{encoding} decoded in part: it is damaged"
        assert found.data is not None
        # To the byte: noise is stored as it is, so that all before the damage comes out.
        assert len(found.data) > 59_000
        assert NOISE.startswith(found.data[:59_000])
    wrong = undone(gzip.compress(PLAIN)[:-8] + bytes(8), "gzip")
    assert wrong == Undone(PLAIN, "gzip decoded in part: it is damaged", False)


def test_gzip_members_padding_and_what_follows() -> None:
    member = gzip.compress(b"a")
    assert decoded(member * 3 + bytes(600), "gzip") == b"aaa"
    assert undone(member + b"junk", "gzip").data == b"a"
    assert decoded(member + b"junk", "gzip") is None
    many = undone(member * 40, "gzip")
    assert many == Undone(b"a" * 32, "gzip decoded, its beginning alone", False)


def test_zstd_frames() -> None:
    frame = zstd(b"a")
    assert decoded(frame * 32, "zstd") == b"a" * 32
    many = undone(frame * 33, "zstd")
    assert many == Undone(b"a" * 32, "zstd decoded, its beginning alone", False)
    empty = undone(zstd(b"") * 33, "zstd")
    assert empty == Undone(None, "zstd cannot be decoded: there is more of it", False)


def test_layers() -> None:
    twice = gzip.compress(zlib.compress(PLAIN))
    assert undone(twice, "deflate, gzip") == Undone(PLAIN, "deflate, gzip decoded", True)
    assert undone(twice, "identity").data == twice
    assert undone(twice, " ") == Undone(twice, "", True)
    assert undone(twice, "gzip, gzip").note == (
        "gzip, gzip cannot be decoded: it is damaged, or something else"
    )
    assert undone(PLAIN, "gzip," * 3).note.endswith("cannot be decoded: too many layers")
    cut = undone(twice[:-20], "deflate, gzip")
    assert cut.note == "deflate, gzip decoded in part: it ends early"


def test_an_unknown_coding_or_one_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert undone(PLAIN, "compress") == Undone(None, "compress cannot be decoded", False)
    assert undone(PLAIN, "\x1b[31m").note == "␛[31m cannot be decoded"

    def missing(*names: str) -> Any:
        raise ImportError(names[-1])

    monkeypatch.setattr(codings, "_imported", missing)
    for encoding, package in (("br", "brotli"), ("zstd", "backports.zstd")):
        note = f"{encoding} cannot be decoded here: it takes the Python package {package}"
        assert undone(PLAIN, encoding) == Undone(None, note, False)
        assert decoded(PLAIN, encoding) is None


@cache
def bomb(pack: Pack) -> bytes:
    return pack(bytes(32 << 20))


@codec
@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_takes_neither_time_nor_memory(encoding: str, pack: Pack, layers: int) -> None:
    packed = bomb(pack)
    for _ in range(1, layers):
        packed = pack(packed)
    tracemalloc.start()
    try:
        began = time.process_time()
        found = undone(packed, ",".join([encoding] * layers))
        took = time.process_time() - began
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.data is not None
    assert 0 < len(found.data) <= LIMIT
    assert "beginning alone" in found.note
    assert took < 1
    assert peak < 3 * LIMIT


class _OldBrotli:
    """A library as it was before 1.2, which cannot be told when to stop; its format is zlib's."""

    error = zlib.error

    class Decompressor:
        def __init__(self) -> None:
            self._stream = zlib.decompressobj()

        def process(self, data: bytes) -> bytes:
            return self._stream.decompress(data)

        def is_finished(self) -> bool:
            return self._stream.eof


def test_a_brotli_library_without_a_limit_is_fed_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codings, "_imported", lambda *names: _OldBrotli)
    packed = zlib.compress(NOISE)
    assert decoded(packed, "br") == NOISE
    assert undone(packed, "br", 100).data == NOISE[:100]
    assert undone(packed[:-1], "br").note == "br decoded in part: it ends early"
    assert undone(b"x" + packed, "br").data is None


def test_a_zstd_frame_that_asks_for_a_large_window_is_refused() -> None:
    module = library("compression.zstd", "backports.zstd")
    options = {module.CompressionParameter.window_log: 27}
    packed = module.compress(bytes(1 << 25), options=options)
    assert undone(packed, "zstd").note == "zstd cannot be decoded: it is damaged, or something else"


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=200) | st.binary(max_size=200).map(gzip.compress),
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", "identity", "x"]), max_size=5),
    st.integers(0, 300),
    st.integers(0, 20),
)
def test_it_never_raises_nor_exceeds_the_limit(
    body: bytes, layers: list[str], limit: int, cut: int
) -> None:
    found = undone(body[: len(body) - cut], ",".join(layers), limit)
    if any(layer != "identity" for layer in layers):
        assert found.data is None or len(found.data) <= limit
        assert found.note
    assert found.data is not None or not found.whole
