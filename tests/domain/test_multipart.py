"""The parts of a multipart body, as browsers, mail programs and hostile senders make them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.multipart import parameters, parts

BODY = (
    b"preamble\r\n--b\r\n"
    b'Content-Disposition: form-data; name="photo"; filename="a \\"b\\".png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n"
    b"--b\r\n\r\nbare\r\n"
    b"--b--\r\nafter"
)


def test_names_sizes_and_contents() -> None:
    first, second = parts(BODY, "b", 4)
    assert (first.name, first.filename, first.content_type) == ("photo", 'a "b".png', "image/png")
    assert (first.data, first.size, first.ended) == (b"\x89PNG", 6, True)
    assert first.headers[1] == "Content-Type: image/png"
    assert (second.name, second.headers, second.data, second.size) == ("", (), b"bare", 4)


def test_line_feeds_alone() -> None:
    (one,) = parts(b"--b\nA: 1\n\nx\ny\n--b--", "b", 100)
    assert (one.headers, one.data) == (("A: 1",), b"x\ny")


def test_what_does_not_end() -> None:
    (one,) = parts(b"--b\r\n\r\nx\r\n--bonus\r\ny", "b", 100)
    assert (one.data, one.ended) == (b"x\r\n--bonus\r\ny", False)
    (head,) = parts(b"--b\r\nA: 1", "b", 100)
    assert (head.headers, head.data, head.size) == ((), b"A: 1", 4)


def test_a_boundary_is_a_line() -> None:
    (one,) = parts(b"--b \t\r\n\r\n1 --b\r\n\r\n--b--", "b", 100)
    assert one.data == b"1 --b\r\n"
    assert not list(parts(b"x--b\r\n\r\n", "b", 100))
    assert not list(parts(BODY, "", 100))
    assert [part.size for part in parts(b"--b\r\n--b\r\n--b--", "b", 9)] == [0, 0]


@pytest.mark.parametrize(
    ("given_", "filename"),
    [
        ("filename*=UTF-8''na%C3%AFve.txt; filename=x", "naïve.txt"),
        ("filename*=iso-8859-1'en'%e9", "é"),
        ("filename*=utf-7''x; filename=plain", "plain"),
        ("filename*=nonsense", ""),
        ('filename="é"', "é"),
    ],
)
def test_file_names(given_: str, filename: str) -> None:
    head = f"Content-Disposition: attachment; {given_}"
    (one,) = parts(b"--b\r\n" + head.encode() + b"\r\n\r\n\r\n--b--", "b", 9)
    assert one.filename == filename


def test_parameters() -> None:
    assert parameters('x; A="1;\\"2"; b = 3 ;c=') == {"a": '1;"2', "b": "3", "c": ""}


@given(
    st.lists(
        st.sampled_from([b"--b", b"--", b"\r\n", b"\n", b"b", b"A: 1", b"\r", b" ", b"\0"]),
        max_size=30,
    ).map(b"".join),
    st.sampled_from(["b", "", "é", "\u202e"]),
)
def test_it_never_raises_and_sizes_fit(body: bytes, boundary: str) -> None:
    found = list(parts(body, boundary, 3))
    assert sum(part.size for part in found) <= len(body)
    for part in found:
        assert 0 <= len(part.data) <= part.size


@pytest.mark.parametrize("piece", [b"--b", b"\n--b", b"\n--bb", b"\n--b\n", b"\n", b"--b\r\n:"])
def test_hostile_bodies_are_taken_apart_at_once(piece: bytes) -> None:
    body = piece * (10_000_000 // len(piece))
    began = time.process_time()
    for _, _part in zip(range(101), parts(body, "b", 100), strict=False):
        pass
    assert time.process_time() - began < 1
