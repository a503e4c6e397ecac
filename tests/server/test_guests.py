"""Guests of an endpoint: made with its token, bounded, and gone with all that was stored."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inspector.domain.endpoint import GUEST
from inspector.errors import ConfigurationError
from inspector.relay import Relay
from inspector.server import guests as module
from inspector.settings import RelaySettings
from inspector.store.endpoints import EndpointsFile, hash_of
from inspector.store.files import StoreFiles
from inspector.tunnel.address import RelayAddress
from inspector.tunnel.connecting import Dialler
from inspector.tunnel.looking import Onlooker
from inspector.tunnel.messages import CLOSE_UNAUTHORIZED
from tests.helpers.listener import send
from tests.helpers.relay import RelayProcess
from tests.helpers.relaying import Relaying, endpoint, relaying
from tests.helpers.served import post
from tests.helpers.wire import PATIENCE, Answer, Wire

TOKEN = "itun_one"
OTHER = "itun_two"


class Steady:
    """Seconds that go on when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
async def relay(tmp_path: Path, steady: Steady) -> AsyncIterator[Relaying]:
    endpoints = [
        endpoint("one", token_sha256=hash_of(TOKEN), max_body=4096),
        endpoint("two", token_sha256=hash_of(OTHER), rate=3, max_connections=2, max_stored=99_999),
    ]
    async with relaying(tmp_path, endpoints, monotonic=steady) as relay:
        yield relay


def request(method: str, slug: str, token: str | None) -> bytes:
    entitled = "" if token is None else f"Authorization: Bearer {token}\r\n"
    head = f"{method} /_inspector/guest/{slug} HTTP/1.1\r\nHost: h\r\n{entitled}"
    return f"{head}Content-Length: 0\r\n\r\n".encode("latin-1")


async def asked(
    relay: Relaying, method: str = "POST", slug: str = "Sone", token: str | None = TOKEN
) -> Answer:
    return await relay.ask(request(method, slug, token))


async def invited(relay: Relaying, slug: str = "Sone", token: str = TOKEN) -> dict[str, Any]:
    answer = await asked(relay, slug=slug, token=token)
    assert answer.status == 201, answer
    assert answer.headers["cache-control"] == "no-store"
    guest: dict[str, Any] = json.loads(answer.body)
    return guest


def code_of(answer: Answer) -> str:
    return str(json.loads(answer.body)["error"]["code"])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def forgotten(relay: Relaying, left: int = 0) -> None:
    """Until nothing is stored for any guest, in memory or on disk; so many others are `left`."""
    relay.guests.look()
    await until(lambda: relay.guests.count == left)
    assert not relay.store.guests()
    assert rows_of_guests(relay.store.files) == 0


def rows_of_guests(files: StoreFiles) -> int:
    sought = [("fact", "mailbox"), ("numbered", "mailbox"), ("cursor", "name")]
    with closing(sqlite3.connect(f"file:{files.database}?mode=ro", uri=True)) as connection:
        return sum(
            connection.execute(
                f"SELECT count(*) FROM {table} WHERE {column} LIKE '{GUEST}%'"
            ).fetchone()[0]
            for table, column in sought
        )


# What a guest is.


async def test_a_guest_takes_deliveries_in_as_an_endpoint_does(relay: Relaying) -> None:
    guest = await invited(relay)
    assert guest["path"] == f"/in/{guest['slug']}"
    assert guest["seconds"] == 600.0
    address = relay.addresses.at(guest["slug"])
    assert address is not None
    assert address.settings.ack == "app"
    assert address.settings.token_sha256 == hash_of(guest["token"])
    answer = await relay.post(b"hello", target=f"{guest['path']}/a//b?".encode())
    # Nobody is attached whose app could answer; it is on disk all the same.
    assert answer.status in (200, 502)
    (stored,) = await relay.store.after(address.settings.id, 0, 10, 1 << 20)
    assert b"POST /a//b? HTTP/1.1" in stored.parcel.head
    assert stored.parcel.body == b"hello"
    assert await relay.stored("one") == []


async def test_it_takes_no_more_than_its_endpoint(relay: Relaying) -> None:
    guest = await invited(relay)
    assert guest["limits"]["max_body"] == 4096
    assert guest["limits"]["max_stored"] == 128 << 20
    assert (await relay.post(b"x" * 4097, target=guest["path"].encode())).status == 413
    other = await invited(relay, "Stwo", OTHER)
    assert other["limits"] == {
        "rate": 3, "max_body": 25 << 20, "max_stored": 99_999, "max_connections": 2,
    }  # fmt: skip


async def test_endpoints_are_counted_without_their_guests(relay: Relaying) -> None:
    guest = await invited(relay)
    assert [each.settings.name for each in relay.addresses] == ["one", "two"]
    assert relay.addresses.guests == 1
    # A change of the endpoints leaves it as it is.
    relay.addresses.replace([each.settings for each in relay.addresses])
    assert relay.addresses.at(guest["slug"]) is not None


# Its end.


async def test_a_guest_ends_itself_and_all_of_it_is_forgotten(relay: Relaying) -> None:
    guest = await invited(relay)
    for body in (b"{}", b"x" * 4096):
        await relay.post(body, target=guest["path"].encode())
    await relay.ask(f"POST {guest['path']} HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n".encode())
    (name,) = relay.store.guests()
    relay.store.move(f"{name}/me@pc", 1)
    address = relay.addresses.at(guest["slug"])
    assert address is not None
    answer = await asked(relay, "DELETE", guest["slug"], guest["token"])
    assert answer.status == 200
    assert address.desk.closed == [(CLOSE_UNAUTHORIZED, "the guest has left")]  # type: ignore[attr-defined]
    await forgotten(relay)
    assert (await relay.post(target=guest["path"].encode())).status == 404
    assert (await asked(relay, "DELETE", guest["slug"], guest["token"])).status == 404
    # What is the endpoint's own stays.
    assert (await relay.post()).status == 200
    assert len(await relay.stored("one")) == 1


async def test_a_guest_ends_when_its_time_is_over(relay: Relaying, steady: Steady) -> None:
    guest = await invited(relay)
    await relay.post(target=guest["path"].encode())
    steady.now += module.LIFE_SECONDS - 1
    relay.guests.look()
    assert relay.addresses.at(guest["slug"]) is not None
    steady.now += 1
    relay.guests.look()
    assert relay.addresses.at(guest["slug"]) is None
    await forgotten(relay)


@pytest.mark.parametrize("what", ["rotated", "removed"])
async def test_a_guest_ends_with_the_token_it_was_made_with(relay: Relaying, what: str) -> None:
    guest = await invited(relay)
    other = await invited(relay, "Stwo", OTHER)
    await relay.post(target=guest["path"].encode())
    endpoints = [each.settings for each in relay.addresses]
    if what == "removed":
        del endpoints[0]
    else:
        endpoints[0] = endpoints[0].model_copy(update={"token_sha256": hash_of("another")})
    relay.addresses.replace(endpoints)
    relay.guests.follow(endpoints)
    assert relay.addresses.at(guest["slug"]) is None
    assert relay.addresses.at(other["slug"]) is not None
    await forgotten(relay, left=1)


async def test_what_is_still_being_taken_in_is_forgotten_too(relay: Relaying) -> None:
    guest = await invited(relay)
    async with await relay.wire() as wire:
        whole = post(b"x" * 100, target=guest["path"].encode())
        await wire.send(whole[:-50])
        await until(lambda: relay.addresses.at(guest["slug"]).under_way)  # type: ignore[union-attr]
        await asked(relay, "DELETE", guest["slug"], guest["token"])
        relay.guests.look()
        await wire.send(whole[-50:])
        await wire.answer()
    await forgotten(relay)


async def test_one_that_was_ended_still_counts_while_something_is_stored(relay: Relaying) -> None:
    guest = await invited(relay)
    async with await relay.wire() as wire:
        await wire.send(post(b"x" * 100, target=guest["path"].encode())[:-50])
        await until(lambda: relay.addresses.at(guest["slug"]).under_way)  # type: ignore[union-attr]
        await asked(relay, "DELETE", guest["slug"], guest["token"])
        for _ in range(module.MOST_OF_ONE - 1):
            await invited(relay)
        assert (await asked(relay)).status == 429
        wire.cut()
    relay.guests.look()


async def test_a_relay_that_stops_forgets_its_guests(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "relay.db")
    async with relaying(tmp_path, [endpoint(token_sha256=hash_of(TOKEN))]) as relay:
        guest = await invited(relay)
        await relay.post(target=guest["path"].encode())
        assert rows_of_guests(files)
    assert rows_of_guests(files) == 0


def test_nothing_is_left_of_a_guest_after_a_crash(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    dev = relay.endpoint("add", "dev")
    slug = dev["url"].rpartition("/")[2]

    async def visited() -> str:
        port = int(relay.url.rpartition(":")[2])
        async with await Wire.to(port) as wire:
            guest = json.loads((await wire.ask(request("POST", slug, dev["token"]))).body)
            await wire.ask(post(b"x" * 2_000_000, target=guest["path"].encode()))
        async with await Wire.to(port) as wire:
            assert (await wire.ask(post(target=f"/in/{slug}".encode()))).status == 200
            return str(guest["path"])

    files = StoreFiles(relay.db)
    with relay:
        path = asyncio.run(visited())
        assert relay.status()["guests"] == 1
        assert "guest" not in send(f"{relay.health}/metrics").body.decode()
        command = [sys.executable, "-m", "inspector", "relay", "status", "--db", str(relay.db)]
        assert b"guests    1 of `inspector doctor`" in subprocess.check_output(command)
        assert [each["name"] for each in relay.status()["endpoints"]] == ["dev"]
        assert rows_of_guests(files) >= 1
        relay.kill()
    with relay:
        assert relay.status()["guests"] == 0

        async def until_forgotten() -> None:
            async with asyncio.timeout(PATIENCE):
                while rows_of_guests(files):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            async with await Wire.to(int(relay.url.rpartition(":")[2])) as wire:
                assert (await wire.ask(post(target=path.encode()))).status == 404

        asyncio.run(until_forgotten())
        assert relay.status_of("dev")["stored"] == 1


async def test_a_running_relay_keeps_its_guests_until_the_token_is_another(tmp_path: Path) -> None:
    db = tmp_path / "relay.db"
    settings = RelaySettings(db=db, host="127.0.0.1", port=0, health_port=0)
    endpoints = EndpointsFile(StoreFiles(db).endpoints)
    made, token = endpoints.add("dev", {})
    async with Relay(settings) as relay:
        address = RelayAddress(relay.url, made.slug)
        async with await Wire.to(int(relay.url.rpartition(":")[2])) as wire:
            guest = json.loads((await wire.ask(request("POST", made.slug, token))).body)
        came: list[bytes] = []
        dialler = Dialler(RelayAddress(address.origin, guest["slug"]), guest["token"], "me", "")
        onlooker = Onlooker(dialler, lambda whole: came.append(whole[0].body))
        await onlooker.attach()
        looking = asyncio.ensure_future(onlooker.run())
        # Other endpoints come, and the guest is as it was.
        endpoints.add("another", {})
        relay.reload()
        assert relay.endpoints == 2
        async with await Wire.to(int(relay.url.rpartition(":")[2])) as wire:
            answer = await wire.ask(post(b"hello", target=guest["path"].encode()))
        # It has no app, and says so.
        assert answer.status == 200
        await until(lambda: came)
        assert came == [b"hello"]
        endpoints.rotate("dev")
        relay.reload()
        with pytest.raises(ConfigurationError) as parted:
            await asyncio.wait_for(looking, PATIENCE)
        assert "the token of its endpoint" in parted.value.message
        await until(lambda: not rows_of_guests(StoreFiles(db)))


# Bounds, and who may not.


async def test_there_are_so_many_of_an_endpoint_and_so_many_in_all(
    tmp_path: Path, steady: Steady
) -> None:
    endpoints = [endpoint(f"e{n}", token_sha256=hash_of(TOKEN)) for n in range(5)]
    async with relaying(tmp_path, endpoints, monotonic=steady) as relay:
        made = [await invited(relay, f"Se{n}") for n in range(4) for _ in range(4)]
        assert len({guest["slug"] for guest in made}) == module.MOST
        for slug in ("Se0", "Se4"):
            answer = await asked(relay, slug=slug)
            assert (answer.status, code_of(answer)) == (429, "too-many-guests")
            assert int(answer.headers["retry-after"]) > 0
        await asked(relay, "DELETE", made[0]["slug"], made[0]["token"])
        await until(lambda: relay.guests.count < module.MOST)
        await invited(relay, "Se4")
        steady.now += module.LIFE_SECONDS
        await forgotten(relay)
        await invited(relay, "Se0")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("slug", "token", "status", "code"),
    [
        ("Sone", None, 401, "unauthorized"),
        ("Sone", "", 401, "unauthorized"),
        ("Sone", OTHER, 401, "unauthorized"),
        ("Sone", TOKEN + "x", 401, "unauthorized"),
        ("Sone", "\xff", 401, "unauthorized"),
        ("Snone", TOKEN, 404, "no-endpoint"),
        ("%2e%2e", TOKEN, 404, "no-endpoint"),
        ("Sone/x", TOKEN, 404, "not-found"),
        ("", TOKEN, 404, "not-found"),
    ],
)
async def test_nobody_makes_or_ends_one_without_the_token(
    relay: Relaying, method: str, slug: str, token: str | None, status: int, code: str
) -> None:
    answer = await asked(relay, method, slug, token)
    assert (answer.status, code_of(answer)) == (status, code)
    assert b"one" not in answer.body.split()
    assert relay.addresses.guests == 0


async def test_an_endpoint_is_not_removed_as_a_guest_is(relay: Relaying) -> None:
    answer = await asked(relay, "DELETE")
    assert (answer.status, code_of(answer)) == (403, "no-guest")
    assert (await relay.post()).status == 200


async def test_a_guest_has_no_guests_and_another_guests_token_is_none(relay: Relaying) -> None:
    guest, other = await invited(relay), await invited(relay)
    assert (await asked(relay, "POST", guest["slug"], guest["token"])).status == 403
    assert (await asked(relay, "DELETE", guest["slug"], other["token"])).status == 401
    assert (await asked(relay, "DELETE", guest["slug"], TOKEN)).status == 401
    assert relay.addresses.guests == 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "OPTIONS"])
async def test_other_methods_find_nothing(relay: Relaying, method: str) -> None:
    async with await relay.wire() as wire:
        await wire.send(request(method, "Sone", TOKEN))
        assert (await wire.answer(to_head=method == "HEAD")).status == 404


async def test_a_body_is_not_taken_in(relay: Relaying) -> None:
    entitled = f"Authorization: Bearer {TOKEN}\r\n".encode()
    sent = post(b"x" * 3_000_000, entitled, b"/_inspector/guest/Sone")
    assert (await relay.ask(sent)).status == 201
    assert await relay.nothing_stored()
