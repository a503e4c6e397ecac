"""The relay's entrance: a path names its endpoint, and what came in is stored as it came."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.facts import Captured, Probed, Refused
from inspector.domain.headers import decode_head
from inspector.server import piecewise
from inspector.server.addresses import Addresses
from inspector.server.entrance import TurnedAway
from inspector.server.space import Space
from tests.helpers.relaying import NotingDesk, Relaying, endpoint, relaying
from tests.helpers.served import post
from tests.helpers.wire import Wire
from tests.server.test_refusals import MALFORMED

TARGETS = {
    "/in/Sone/hooks?x": "/hooks?x",
    "/in/Sone": "/",
    "/in/Sone/": "/",
    "/in/Sone?x": "/?x",
    "/in/Sone?": "/?",
    "/in/Sone/?": "/?",
    "/in/Sone//a": "//a",
    "/in/Sone/a%2Fb/%7e?q=%20+&/in/Sone": "/a%2Fb/%7e?q=%20+&/in/Sone",
    "/in/Sone/in/Sone": "/in/Sone",
    "/in/Sone/_inspector/healthz": "/_inspector/healthz",
    "/in/Sone/..//.": "/..//.",
    "http://relay.example.com/in/Sone/a?b": "/a?b",
    "HTTPS://relay.example.com:8400/in/Sone": "/",
}
UNKNOWN = [
    "/", "/in", "/in/", "/in//", "/in/Sone2/hooks", "/in/son", "/in/sone", "/IN/Sone", "/in/%53one",
    "/in/Sone%2Fhooks", "//in/Sone", "/x/in/Sone", "/hooks?/in/Sone", "/in/Son", "/in/Sone;a",
    "http://h/hooks", "http://h?/in/Sone", "/_inspector", "ftp://x/in/Sone",
]  # fmt: skip


@pytest_asyncio.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relaying]:
    async with relaying(tmp_path, [endpoint("one"), endpoint("two")]) as running:
        yield running


@pytest.mark.parametrize(("sent", "kept"), TARGETS.items())
async def test_the_path_to_the_endpoint_is_cut_off(relay: Relaying, sent: str, kept: str) -> None:
    answer = await relay.ask(post(b"body", target=sent.encode()))
    assert (answer.status, answer.delivery) == (200, 1)
    (parcel,) = await relay.stored()
    assert decode_head(parcel.head)[:3] == ("POST", kept, "1.1")
    assert parcel.body == b"body"


@pytest.mark.parametrize("sent", UNKNOWN)
@pytest.mark.parametrize("length", [0, 10, 300_000])
async def test_what_names_no_endpoint_is_not_stored(
    relay: Relaying, sent: str, length: int
) -> None:
    answer = await relay.ask(post(b"x" * length, target=sent.encode()))
    assert answer.status == 404
    assert "inspector-delivery" not in answer.headers
    assert b"Sone" not in answer.body
    assert relay.addresses.unknown == 1
    assert await relay.nothing_stored()


async def test_each_endpoint_has_its_own_numbers(relay: Relaying) -> None:
    async with await relay.wire() as wire:
        for number in (1, 2, 3):
            for body in (b"one", b"two"):
                answer = await wire.ask(post(body, target=b"/in/S" + body))
                assert (answer.status, answer.delivery) == (200, number)
    for name in ("one", "two"):
        parcels = await relay.stored(name)
        assert [(parcel.id, parcel.body) for parcel in parcels] == [
            (number, name.encode()) for number in (1, 2, 3)
        ]
        told = relay.desk(name).told
        assert [number for number, _ in told] == [1, 2, 3]
        for _, fact in told:
            assert isinstance(fact, Captured)
            assert (fact.endpoint, fact.route) == (f"id-{name}", None)
        assert relay.address(name).counters.captured == 3
        assert relay.address(name).counters.bytes == 9


async def test_a_delivery_is_stored_as_it_came(relay: Relaying) -> None:
    head = (
        b"X-Dup: 1\r\nx-dup: 2\r\nX-DUP: \xe4\r\nContent-Encoding: gzip\r\n"
        b"X-Forwarded-For: 203.0.113.9\r\n"
    )
    body = b"\x1f\x8b\0 no gzip \xff"
    async with await relay.wire() as wire:
        host, port = wire.writer.get_extra_info("sockname")
        assert (await wire.ask(post(body, head, b"/in/Sone/%2f?%"))).status == 200
    (parcel,) = await relay.stored()
    _, target, _, headers = decode_head(parcel.head)
    assert target == "/%2f?%"
    assert headers == (
        ("Host", "x"),
        ("X-Dup", "1"),
        ("x-dup", "2"),
        ("X-DUP", "\xe4"),
        ("Content-Encoding", "gzip"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("Content-Length", str(len(body))),
    )
    assert parcel.body == body
    assert parcel.remote == f"{host}:{port}"


async def test_a_large_body_comes_whole(relay: Relaying) -> None:
    body = bytes(range(256)) * 12_000
    async with await relay.wire() as wire:
        asked = post(body, b"Expect: 100-continue\r\n", b"/in/Sone")
        assert (await wire.ask(asked[: -len(body)])).status == 100
        assert (await wire.ask(body)).status == 200
    ((_, fact),) = relay.desk().told
    assert isinstance(fact, Captured)
    assert sha256(b"".join(fact.pieces)).digest() == sha256(body).digest()
    assert relay.address().counters.bytes == len(body)


# What no parser accepts.

BROKEN = b"POST /in/Sone/hooks?x HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"


async def test_a_broken_request_has_a_row_without_the_path_to_the_endpoint(
    relay: Relaying,
) -> None:
    answer = await relay.ask(BROKEN)
    assert (answer.status, answer.delivery) == (400, 1)
    (parcel,) = await relay.stored()
    assert (parcel.kind, parcel.status, parcel.code) == ("refused", 400, "malformed")
    assert parcel.body == BROKEN.replace(b"/in/Sone", b"")
    ((number, fact),) = relay.desk().told
    assert number == 1
    assert isinstance(fact, Refused)
    assert fact.endpoint == "id-one"
    assert relay.address().counters.refused == {"malformed": 1}


@pytest.mark.parametrize("name", MALFORMED)
async def test_the_slug_of_a_broken_request_is_not_stored(relay: Relaying, name: str) -> None:
    sent = MALFORMED[name].replace(b" /", b" /in/Sone/", 1)
    answer = await relay.ask(sent)
    assert answer.status == 400
    assert b"Sone" not in answer.body
    if b"Sone" not in sent:
        assert await relay.nothing_stored()
        return
    (parcel,) = await relay.stored()
    assert "Sone" not in parcel.reason
    assert parcel.body == MALFORMED[name]


@pytest.mark.parametrize(
    "sent",
    [
        BROKEN.replace(b"Sone", b"Snone"),
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n",
        b"\x00" * 5000 + b"\r\n\r\n",
        b"GET /_inspector/tunnel/Sone HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ],
)
async def test_a_broken_request_to_nowhere_is_not_stored(relay: Relaying, sent: bytes) -> None:
    answer = await relay.ask(sent)
    assert answer.status == 400
    assert "inspector-delivery" not in answer.headers
    assert relay.addresses.unknown == 1
    assert await relay.nothing_stored()


async def test_a_sender_that_goes_away_in_its_head_has_a_row(relay: Relaying) -> None:
    async with await relay.wire() as wire:
        await wire.send(b"POST /in/Snone/x HTTP/1.1\r\nHost:")
        await wire.close()
    async with await relay.wire() as wire:
        await wire.send(b"POST /in/Sone/x HTTP/1.1\r\nHost:")
        await wire.close()
    # Whatever comes later is stored behind it.
    while not relay.desk().told:
        await relay.post(target=b"/in/Stwo")
    ((_, fact),) = relay.desk().told
    assert isinstance(fact, Refused)
    assert (fact.code, fact.raw) == ("cut", b"POST /x HTTP/1.1\r\nHost:")
    assert [parcel.code for parcel in await relay.stored()] == ["cut"]


async def test_a_slow_head_is_refused(relay: Relaying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "HEAD_SECONDS", 0.05)
    async with await relay.wire() as slow:
        await slow.send(b"POST /in/Sone HTTP/1.1\r\nX: 1\r\n")
        assert (await slow.answer()).status == 408
    assert [parcel.code for parcel in await relay.stored()] == ["head-timeout"]


# Who sent it.


async def test_a_trusted_proxy_says_who_sent_it(tmp_path: Path) -> None:
    told = b"X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\nx-forwarded-for: bogus, 2001:db8::7\r\n"
    async with relaying(tmp_path, proxied=True) as relay:
        await relay.post(head=told)
        await relay.post(b"x" * 300_000, head=told)
        async with await relay.wire() as wire:
            host, port = wire.writer.get_extra_info("sockname")
            await wire.ask(post(target=b"/in/Sone"))
            await wire.ask(post(b"", b"X-Forwarded-For: unknown\r\n", b"/in/Sone"))
        remotes = [parcel.remote for parcel in await relay.stored()]
        assert remotes == ["2001:db8::7"] * 2 + [f"{host}:{port}"] * 2


# Canaries.


async def test_an_expected_canary_is_no_delivery(relay: Relaying) -> None:
    relay.desk().nonces.add("n-1")
    canary = b"inspector-CANARY: n-1\r\n"
    answer = await relay.post(head=canary)
    assert (answer.status, answer.delivery) == (200, 1)
    ((number, fact),) = relay.desk().told
    assert isinstance(fact, Probed)
    assert (number, fact.endpoint, fact.nonce) == (1, "id-one", "n-1")
    assert (relay.address().counters.probed, relay.address().counters.captured) == (1, 0)
    # Not twice, and not for another endpoint.
    relay.desk().nonces.add("n-2")
    await relay.post(head=canary)
    await relay.post(head=b"Inspector-Canary: n-2\r\n", target=b"/in/Stwo")
    assert [parcel.kind for parcel in await relay.stored()] == ["probe", "captured"]
    assert [parcel.kind for parcel in await relay.stored("two")] == ["captured"]


# Laws.


class _Unused:
    def append(self, fact: object) -> None:
        raise AssertionError


def _addresses() -> Addresses:
    made = Addresses(_Unused(), NotingDesk, lambda _: 0, Space(1 << 20), lambda: 0)  # type: ignore[arg-type]
    made.replace([endpoint("one", rate=1e12, max_connections=1 << 40)])
    return made


ADDRESSES = _addresses()


@given(st.text(st.characters(max_codepoint=255, exclude_characters=" \r\n\t\x0b\x0c\x85\xa0")))
def test_whatever_follows_the_slug_is_kept(rest: str) -> None:
    begun = rest[:1]
    admitted = ADDRESSES.admit(f"/in/Sone{rest}")
    if begun in ("", "/", "?", "#"):
        assert not isinstance(admitted, TurnedAway)
        assert admitted[1] == (rest if begun == "/" else f"/{rest}")
    elif isinstance(admitted, TurnedAway):
        assert admitted.status == 404
    else:
        # Blanks end a target; no parser lets one through.
        assert begun.isspace()


@given(st.binary())
def test_no_first_bytes_are_too_strange(raw: bytes) -> None:
    ADDRESSES.place_of(raw)
    found = ADDRESSES.place_of(b"GET /in/Sone" + raw)
    assert found is None or found[1].startswith(b"GET /")


async def test_wires_are_real(relay: Relaying) -> None:
    """Pipelined requests to several endpoints are answered in order."""
    wire: Wire
    async with await relay.wire() as wire:
        await wire.send(
            post(b"1", target=b"/in/Sone") + post(b"2", target=b"/in/Stwo") + post(b"3")
        )
        assert [(await wire.answer()).status for _ in range(3)] == [200, 200, 404]
