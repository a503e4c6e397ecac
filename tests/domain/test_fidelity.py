"""What became of a request, in words: nothing of one that is the same, something of any other."""

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.delivery import Request
from inspector.domain.fidelity import Arrived, differences, unjudged_at_the_app
from inspector.domain.headers import decode_head
from inspector.domain.torture import Case, chunked, torture_set

EVENT = b'{"event":"delta.verified","data":{"n":1.0}}'
PLAIN = Request("POST", "/", "1.1", (("Content-Type", "application/json"),), EVENT)
CASES = torture_set(PLAIN, large=300_000)

_latin = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=8)
_names = st.sampled_from(["X-A", "x-a", "X-B", "x-B", "Via"])
_requests = st.builds(
    Request,
    st.sampled_from(["POST", "PUT"]),
    st.sampled_from(["/", "/a?", "//"]),
    st.just("1.1"),
    st.lists(st.tuples(_names, _latin), max_size=5).map(tuple),
    st.sampled_from([b"", b"a", b"ab", b"b", gzip.compress(b"a", mtime=0)]),
)


def case_of(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


@given(_requests)
def test_a_request_that_is_the_same_has_no_difference(request: Request) -> None:
    assert differences(request, Arrived.of(request)) == []


@given(_requests, _requests)
def test_any_other_request_has_one(sent: Request, other: Request) -> None:
    found = differences(sent, Arrived.of(other))
    assert bool(found) == (sent != other)
    assert all(line.isascii() and line.isprintable() for line in found)


@given(_requests, _requests)
def test_headers_that_do_not_count_are_the_only_ones_left_out(
    sent: Request, other: Request
) -> None:
    def others(request: Request) -> Request:
        kept = tuple(pair for pair in request.headers if pair[0].lower() != "x-a")
        return request._replace(headers=kept)

    found = differences(sent, Arrived.of(other), {"x-a"})
    assert bool(found) == (others(sent) != others(other))


SENT = Request(
    "POST",
    "/a%2Fb?x=1",
    "1.1",
    (("X-Dup", "1"), ("x-dup", "2"), ("X-Latin", "\xff"), ("under_score", "1")),
    b'{"a": 1}',
)
PACKED = gzip.compress(SENT.body)


def without(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in SENT.headers if pair[0].lower() not in names)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"method": "GET"}, "the method POST arrived as GET"),
        ({"target": "/a/b?x=1"}, "the path and query '/a%2Fb?x=1' arrived as '/a/b?x=1'"),
        ({"headers": without("under_score")}, "the header under_score did not arrive"),
        ({"headers": without("x-dup")}, "the header X-Dup (2 times) did not arrive"),
        ({"headers": (*SENT.headers, ("Via", "\xe9"))}, r"the header Via was added: '\xe9'"),
        ({"headers": (SENT.headers[0], *SENT.headers[2:])}, "of 2 headers X-Dup 1 arrived"),
        (
            {"headers": (("X-Dup", "1"), ("X-Dup", "2"), *SENT.headers[2:])},
            "the header X-Dup, x-dup arrived as X-Dup, X-Dup",
        ),
        (
            {"headers": (("X-Dup", "1, 2"), *SENT.headers[2:])},
            "the 2 headers X-Dup were joined into one",
        ),
        (
            {"headers": (("X-Dup", "2"), ("x-dup", "1"), *SENT.headers[2:])},
            "the 2 headers X-Dup arrived in another order",
        ),
        (
            {"headers": (*SENT.headers[:2], ("X-Latin", "\xc3\xbf"), SENT.headers[3])},
            r"the header X-Latin arrived as '\xc3\xbf', not '\xff'",
        ),
        (
            {"headers": (*SENT.headers[:2], SENT.headers[3], SENT.headers[2])},
            "the headers arrived in another order",
        ),
        ({"body": b""}, "the body was lost: 0 bytes in place of 8"),
        ({"body": b'{"a"'}, "the body was cut off: 4 bytes in place of 8"),
        ({"body": SENT.body + b"\n"}, "something was put behind the body: 9 bytes"),
        ({"body": b'{"a":1}'}, "the JSON was written anew: 7 bytes in place of 8"),
        ({"body": b'{"a": 2}'}, "the body differs from byte 6 on: 8 bytes"),
        ({"body": PACKED}, "the body was compressed: "),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_kind_of_change_has_its_words(changed: dict[str, object], told: str) -> None:
    arrived = Arrived.of(SENT._replace(**changed))  # type: ignore[arg-type]
    (found,) = differences(SENT, arrived)
    assert told in found


def test_a_body_that_was_decompressed_is_told_by_its_bytes_or_by_their_digest() -> None:
    case = case_of("gzip")
    unpacked = Arrived.of(case.request._replace(body=EVENT))
    told = [f"the body was decompressed: {len(EVENT)} bytes in place of {len(case.request.body)}"]
    assert differences(case.request, unpacked) == told
    digest = hashlib.sha256(EVENT).hexdigest()
    assert differences(case.request, unpacked._replace(body=None, sha256=digest)) == told
    other = unpacked._replace(body=None, sha256="0" * 64)
    assert differences(case.request, other)[0].startswith("the body is another one")
    again = Arrived.of(case.request._replace(body=gzip.compress(EVENT, 1, mtime=1)))
    assert differences(case.request, again)[0].startswith("the body was compressed anew")


@pytest.mark.parametrize("place", [0, 1, 131_071, 131_072, 299_998, 299_999])
def test_the_first_byte_that_differs_is_found_in_a_large_body(place: int) -> None:
    sent = CASES[-1].request
    body = bytearray(sent.body)
    body[place] ^= 1
    (told,) = differences(sent, Arrived.of(sent._replace(body=bytes(body))))
    assert told.startswith(f"the body differs from byte {place:,} on")


def test_at_the_app_what_belongs_to_its_own_connection_does_not_count() -> None:
    headers = (("Connection", "close, X-Mine"), ("X-Mine", "1"), ("Transfer-Encoding", "chunked"))
    sent = Request("POST", "/", "1.1", (("Host", "a"), *headers, ("X-A", "1")), b"ab")
    given = (("Host", "b"), ("X-A", "1"), ("Content-Length", "2"), ("Inspector-Delivery", "7"))
    app = Arrived.of(sent._replace(headers=given))
    assert differences(sent, app, unjudged_at_the_app(sent)) == []
    counted = sent._replace(headers=(*sent.headers[:1], ("Content-Length", "2")))
    other = Arrived.of(counted._replace(headers=(("Content-Length", "3"),)))
    assert differences(counted, other, unjudged_at_the_app(counted)) != []


def test_the_set_is_what_it_says() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    for case in CASES:
        method, target, version, headers = decode_head(case.head("/in/slug")[:-2])
        assert target == "/in/slug" + case.request.target
        assert (method, version, headers) == (case.request.method, "1.1", case.request.headers)
        assert case.tries
        if case.event:
            body = case.request.body
            assert json.loads(gzip.decompress(body) if body[:1] == b"\x1f" else body)["event"]
    assert len(CASES[-1].request.body) == 300_000
    assert any("\xff" in value for _, value in case_of("\\xff").request.headers)
    assert [
        name for name, _ in case_of("X-Dup, x-dup").request.headers if name[-3:].lower() == "dup"
    ]
    assert b"\0" in case_of("NUL").request.body
    targets = {case.request.target for case in CASES}
    assert {"/hooks?", "/hooks?a=1&a=2", "//a//b/", "/a/../b/./c"} <= targets


def test_the_large_body_is_25_mb_and_the_same_every_time() -> None:
    first, second = torture_set(PLAIN)[-1], torture_set(PLAIN)[-1]
    assert len(first.request.body) == 25 << 20
    assert first == second
    assert json.loads(first.request.body)["event"]


@given(st.binary(max_size=200_000))
def test_chunks_make_the_body(body: bytes) -> None:
    framed, found = chunked(body), b""
    while (size := int(framed[: framed.index(b"\r\n")], 16)) or not framed.startswith(b"0\r\n"):
        framed = framed[framed.index(b"\r\n") + 2 :]
        found, framed = found + framed[:size], framed[size + 2 :]
    assert (found, framed) == (body, b"0\r\n\r\n")
