"""Over its limits an endpoint turns senders away, who read why and when to send again."""

import asyncio
from pathlib import Path

import pytest

from inspector.domain.attempt import Outcome, Response
from inspector.domain.facts import Captured
from inspector.errors import UsageError
from inspector.server import ingress
from inspector.server.limits import Bucket
from inspector.server.space import Space
from inspector.tunnel.messages import CLOSE_UNAUTHORIZED
from tests.helpers.relaying import Relaying, endpoint, relaying
from tests.helpers.served import post
from tests.helpers.wire import PATIENCE

LARGE = 2_000_000


class Seconds:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_two_seconds_worth() -> None:
    seconds = Seconds()
    bucket = Bucket(2.0, seconds)
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0, 0.5]
    seconds.now += 0.25
    assert bucket.take() == 0.25
    seconds.now += 0.25
    assert bucket.take() == 0
    seconds.now += 1000
    assert [bucket.take() == 0 for _ in range(5)] == [True] * 4 + [False]


def test_a_slow_bucket_lets_one_through() -> None:
    seconds = Seconds()
    bucket = Bucket(0.01, seconds)
    assert bucket.take() == 0
    assert bucket.take() == pytest.approx(100)
    seconds.now += 101
    assert bucket.take() == 0


async def test_more_than_the_rate_is_turned_away(tmp_path: Path) -> None:
    seconds = Seconds()
    both = [endpoint("one", rate=0.5), endpoint("two", rate=0.5)]
    async with relaying(tmp_path, both, monotonic=seconds) as relay:
        async with await relay.wire() as wire:
            assert (await wire.ask(post(target=b"/in/Sone"))).status == 200
            answer = await wire.ask(post(target=b"/in/Sone"))
            assert answer.status == 429
            assert answer.headers["retry-after"] == "2"
            assert b"0.5 requests a second" in answer.body
            assert "inspector-delivery" not in answer.headers
            # The connection goes on, and what is for another endpoint comes in.
            assert (await wire.ask(post(target=b"/in/Stwo"))).status == 200
            seconds.now += 2
            assert (await wire.ask(post(target=b"/in/Sone"))).delivery == 2
        assert len(await relay.stored()) == 2
        assert relay.address().counters.limited == {"rate-limited": 1}
        assert relay.address().counters.turned_away == 1
        assert relay.address("two").counters.turned_away == 0


@pytest.mark.parametrize("head", [b"", b"Connection: close\r\n"])
async def test_a_sender_of_a_large_body_reads_that_it_is_turned_away(
    tmp_path: Path, head: bytes
) -> None:
    async with relaying(tmp_path, [endpoint(rate=0.001)]) as relay:
        assert (await relay.post()).status == 200
        async with await relay.wire() as wire:
            # All of it is sent before anything is read.
            await wire.send(post(b"x" * LARGE, head, b"/in/Sone"))
            answer = await wire.answer()
            assert answer.status == 429
            assert answer.headers["connection"] == "close"
            assert await wire.rest() == b""


async def test_a_sender_that_asks_before_its_body_is_turned_away_at_once(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(rate=0.001)]) as relay:
        assert (await relay.post()).status == 200
        async with await relay.wire() as wire:
            asked = post(b"x" * 10, b"Expect: 100-continue\r\n", b"/in/Sone")
            answer = await wire.ask(asked[:-10])
            # What comes next would be taken for the body.
            assert (answer.status, answer.headers["connection"]) == (429, "close")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_turned_away_head_request_ends_with_its_connection(
    tmp_path: Path, version: bytes
) -> None:
    async with relaying(tmp_path, [endpoint(rate=0.001)]) as relay:
        assert (await relay.post()).status == 200
        async with await relay.wire() as wire:
            await wire.send(b"HEAD /in/Sone HTTP/%s\r\nHost: x\r\n\r\n" % version)
            answer = await wire.answer(to_head=True)
            assert (answer.status, answer.headers["connection"]) == (429, "close")
            await wire.rest()


async def test_a_full_mailbox_turns_away(tmp_path: Path) -> None:
    sizes = {"id-one": 0, "id-two": 0}
    both = [endpoint("one", max_stored=1000), endpoint("two")]
    async with relaying(tmp_path, both, stored=sizes.__getitem__) as relay:
        sizes["id-one"] = 999
        assert (await relay.post()).status == 200
        sizes["id-one"] = 1000
        answer = await relay.post()
        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        # Nor is there room for the row of a refusal.
        answer = await relay.ask(b"POST /in/Sone HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        assert answer.status == 400
        assert (await relay.post(target=b"/in/Stwo")).status == 200
        sizes["id-one"] = 0
        assert (await relay.post()).delivery == 2
        assert len(await relay.stored()) == 2
        assert relay.address().counters.limited == {"mailbox-full": 2}


async def test_what_the_store_holds_fills_the_mailbox(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(max_stored=50_000)]) as relay:
        statuses = [(await relay.post(b"x" * 10_000)).status for _ in range(10)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        assert statuses == sorted(statuses)


async def test_only_so_many_requests_are_under_way(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(max_connections=2), endpoint("two")]) as relay:
        head = post(b"x" * 10, target=b"/in/Sone")[:-10]
        async with await relay.wire() as first, await relay.wire() as second:
            for wire in (first, second):
                await wire.send(head.replace(b"Host", b"Expect: 100-continue\r\nHost"))
                assert (await wire.answer()).status == 100
            assert relay.address().under_way == 2
            answer = await relay.post()
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) > 0
            assert (await relay.post(target=b"/in/Stwo")).status == 200
            assert (await first.ask(b"x" * 10)).status == 200
            assert (await relay.post()).status == 200
            second.cut()
            while relay.address().under_way:
                await relay.post(target=b"/in/Stwo")
        assert relay.address().counters.limited == {"too-many-connections": 1}


async def test_senders_who_wait_for_the_app_are_under_way(tmp_path: Path) -> None:
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def slow(number: int, fact: Captured) -> Outcome:
        asked.set()
        await let_go.wait()
        return Response(204, "No Content", (), b"", 0)

    async with relaying(tmp_path, [endpoint(ack="app", max_connections=1)]) as relay:
        relay.desk().answering = slow
        waiting = asyncio.ensure_future(relay.post())
        await asked.wait()
        assert (await relay.post()).status == 429
        let_go.set()
        assert (await waiting).status == 204
        assert relay.address().under_way == 0


async def test_a_body_over_the_limit_is_a_row_that_the_sender_reads(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(max_body=1000), endpoint("two")]) as relay:
        assert (await relay.post(b"x" * 1000)).status == 200
        assert (await relay.post(b"x" * 1001)).status == 413
        async with await relay.wire() as wire:
            await wire.send(post(b"x" * LARGE, target=b"/in/Sone/large"))
            answer = await wire.answer()
            assert (answer.status, answer.delivery) == (413, 3)
            assert b"1000 bytes" in answer.body
        chunked = b"POST /in/Sone HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await relay.ask(chunked, b"7d0\r\n" + b"x" * 2000 + b"\r\n")).status == 413
        assert (await relay.post(b"x" * 1001, target=b"/in/Stwo")).status == 200
        codes = [parcel.code for parcel in await relay.stored()]
        assert codes == ["", *["body-too-large"] * 3]
        assert [number for number, _ in relay.desk().told] == [1, 2, 3, 4]
        assert relay.address().counters.refused == {"body-too-large": 3}
        assert relay.address().counters.turned_away == 0


async def test_slow_bodies_of_one_endpoint_leave_room_for_others(tmp_path: Path) -> None:
    both = [endpoint("one", max_body=LARGE), endpoint("two", max_body=LARGE)]
    async with relaying(tmp_path, both, in_flight=2 * LARGE) as relay:
        async with await relay.wire() as slow:
            await slow.send(post(b"x" * LARGE, target=b"/in/Sone")[:-1])
            await _taken(relay.address().room, LARGE - 1)
            answer = await relay.post()
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert (await relay.post(b"x" * LARGE, target=b"/in/Stwo")).status == 200
            assert (await slow.ask(b"x")).status == 200
        assert (await relay.post(b"x" * LARGE)).status == 200
        assert relay.address().counters.refused == {"too-much-in-flight": 1}


async def _taken(room: Space, size: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while room.taken < size:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)


async def test_what_is_only_announced_takes_no_room(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(max_body=LARGE)], in_flight=LARGE) as relay:
        async with await relay.wire() as slow, await relay.wire() as slower:
            for wire in (slow, slower):
                large = post(b"x" * LARGE, b"Expect: 100-continue\r\n", b"/in/Sone")
                assert (await wire.ask(large[:-LARGE])).status == 100
            assert (await relay.post(b"x" * LARGE)).status == 200
            assert (await slow.ask(b"x" * LARGE)).status == 200
        async with asyncio.timeout(PATIENCE):
            while relay.address().under_way:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert relay.address().room.taken == 0


async def test_guests_share_the_room_of_their_endpoint(tmp_path: Path) -> None:
    both = [endpoint("one", max_body=LARGE), endpoint("two", max_body=LARGE)]
    async with relaying(tmp_path, both, in_flight=2 * LARGE) as relay:
        one = relay.address()
        guest = relay.addresses.invite(endpoint("guest", max_body=LARGE), one)
        assert guest.room is one.room
        async with await relay.wire() as slow:
            await slow.send(post(b"x" * LARGE, target=b"/in/Sguest")[:-1])
            await _taken(one.room, LARGE - 1)
            assert (await relay.post(b"xx")).status == 503
            assert (await relay.post(b"x" * LARGE, target=b"/in/Stwo")).status == 200
            assert (await slow.ask(b"x")).status == 200
        relay.addresses.dismiss("Sguest", "over")


async def test_a_body_larger_than_all_that_may_be_in_flight_is_too_large(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint(max_body=5000)], in_flight=1000) as relay:
        answer = await relay.post(b"x" * 1001)
        assert (answer.status, answer.body) == (413, b"the body is larger than 1000 bytes\n")
        assert (await relay.post(b"x" * 1000)).status == 200


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("PIECE_SECONDS", b"nothing more of the body came"),
        ("BODY_SECONDS", b"the whole body did not"),
    ],
)
async def test_a_body_that_comes_too_slowly_gives_its_place_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, told: bytes
) -> None:
    monkeypatch.setattr(ingress, limit, 0.05)
    async with relaying(tmp_path, [endpoint(max_connections=1)]) as relay:
        answer = await relay.ask(post(b"x" * 10, target=b"/in/Sone")[:-5])
        assert (answer.status, answer.delivery) == (408, 1)
        assert answer.body.startswith(told)
        assert (await relay.post()).delivery == 2


async def test_an_endpoint_that_is_removed_takes_nothing_in_that_is_under_way(
    tmp_path: Path,
) -> None:
    async with relaying(tmp_path, [endpoint("one"), endpoint("two")]) as relay:
        one = relay.address()
        async with await relay.wire() as whole, await relay.wire() as cut:
            for wire in (whole, cut):
                head = post(b"hello", b"Expect: 100-continue\r\n", b"/in/Sone")[:-5]
                assert (await wire.ask(head)).status == 100
            relay.addresses.replace([endpoint("two")])
            assert relay.addresses.busy(one.endpoint)
            answer = await whole.ask(b"hello")
            assert (answer.status, "inspector-delivery" in answer.headers) == (404, False)
            assert relay.addresses.busy(one.endpoint)
        async with asyncio.timeout(PATIENCE):
            while relay.addresses.busy(one.endpoint):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0)
        found = await relay.store.after(one.endpoint, 0, 10, 1 << 20)
        assert [each.parcel.kind for each in found] == ["refused"]  # and is forgotten now
        assert not relay.addresses.busy("never")


# Endpoints come and go.


async def test_endpoints_change_while_the_relay_runs(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint("one"), endpoint("two")]) as relay:
        assert (await relay.post()).delivery == 1
        one, desk = relay.address(), relay.desk()
        changed = endpoint("one", status=202, max_body=5, rate=7)
        relay.addresses.replace([changed, endpoint("three")])
        assert relay.address() is one
        assert relay.desk() is desk
        assert desk.endpoint == changed
        assert (await relay.post(b"12345")).status == 202
        assert (await relay.post(b"123456")).status == 413
        assert (await relay.post(target=b"/in/Stwo")).status == 404
        assert (await relay.post(target=b"/in/Sthree")).delivery == 1
        assert not desk.closed
        assert one.counters.captured == 2
        assert [each.settings.name for each in relay.addresses] == ["one", "three"]


async def test_what_is_gone_parts_from_its_consumers(tmp_path: Path) -> None:
    async with relaying(tmp_path, [endpoint("one"), endpoint("two")]) as relay:
        one, two = relay.desk("one"), relay.desk("two")
        await relay.post()
        relay.addresses.replace([endpoint("one", token_sha256="1" * 64)])
        assert [code for code, _ in one.closed] == [CLOSE_UNAUTHORIZED]
        assert [code for code, _ in two.closed] == [CLOSE_UNAUTHORIZED]
        assert relay.desk("one") is not one
        assert (await relay.post()).delivery == 2
        assert [number for number, _ in relay.desk("one").told] == [2]


async def test_a_request_under_way_survives_the_change(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, await relay.wire() as wire:
        asked = post(b"x" * 10, b"Expect: 100-continue\r\n", b"/in/Sone")
        assert (await wire.ask(asked[:-10])).status == 100
        relay.addresses.replace([endpoint(status=202, max_body=5)])
        answer = await wire.ask(b"x" * 10)
        assert (answer.status, answer.delivery) == (202, 1)


async def test_an_ack_policy_that_is_none_changes_nothing(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay:
        with pytest.raises(UsageError):
            relay.addresses.replace([endpoint("two"), endpoint("one", ack="perhaps")])
        assert (await relay.post()).status == 200
        assert (await relay.post(target=b"/in/Stwo")).status == 404


async def test_a_store_that_cannot_commit_is_told_and_counted(tmp_path: Path) -> None:
    relay: Relaying
    async with relaying(tmp_path) as relay:
        async with asyncio.timeout(PATIENCE):
            await relay.store.journal.close()
        answer = await relay.post()
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert relay.address().counters.limited == {"store-unavailable": 1}
        assert relay.address().under_way == 0
