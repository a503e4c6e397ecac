"""`inspector serve --relay`: when it is ready, what it prints, and what it says when it cannot."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.child import listening
from inspector.errors import InspectorError
from inspector.settings import Settings
from tests.helpers.fake_target import FakeTarget, ok
from tests.helpers.fake_tunnel import SLUG, TOKEN, FakeRelay, error, fake_relay
from tests.helpers.listener import ListenerProcess, environment


def listener(folder: Path, relay: FakeRelay, *arguments: str) -> ListenerProcess:
    return ListenerProcess(
        folder / "home.db",
        *arguments,
        "--relay",
        relay.url,
        "--consumer",
        "alice@laptop",
        extra_environment={"INSPECTOR_RELAY_TOKEN": TOKEN},
    )


async def failing(
    folder: Path, *arguments: str, token: str = TOKEN, **more: str
) -> tuple[int, str]:
    """The exit code and what it says of a listener that cannot begin."""
    told = {"INSPECTOR_RELAY_TOKEN": token, **more} if token else more
    command = [sys.executable, "-m", "inspector", "serve", "--headless", "--port", "0"]
    command += ["--db", str(folder / "home.db"), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(folder, told),
        cwd=folder,
    )
    async with asyncio.timeout(60):
        out, complaint = await process.communicate()
    assert not out
    text = complaint.decode()
    assert "Traceback" not in text
    assert TOKEN not in text
    assert process.returncode is not None
    return process.returncode, text


async def wait(listening: ListenerProcess, count: int, kind: str, **where: Any) -> list[Any]:
    def met(item: dict[str, Any]) -> bool:
        return all(item.get(name) == value for name, value in where.items())

    return await asyncio.to_thread(listening.wait_for, count, kind=kind, where=met)


async def test_ready_comes_when_the_canary_is_home_and_tells_of_the_relay(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        relay.add(b"{}", b"{}")
        async with FakeTarget() as app, listener(tmp_path, relay, app.url) as here:
            assert relay.canaries == 1
            told = here.ready["relay"]
            assert (told["state"], told["endpoint"], told["position"]) == ("connected", "shop", 3)
            assert {name: hop["ok"] for name, hop in told["hops"].items()} == {
                "capture": True,
                "tunnel": True,
                "journal": True,
            }
            first, second = await wait(here, 2, "delivery")
            assert first["origin"] == {"relay": relay.origin, "id": 1}
            assert (second["endpoint"], second["answered"]) == ("shop", 200)
            await app.wait_for(2)
            relay.add(b'{"live":1}')
            await app.wait_for(3)
            assert app.received[2].body == b'{"live":1}'
            assert here.lines[0]["kind"] == "ready"


async def test_connections_and_gaps_are_objects(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        async with listener(tmp_path, relay) as here:
            await wait(here, 1, "connection", state="connected")
            await relay.stop()
            await wait(here, 1, "connection", state="connecting")
            relay.add(*[b"x"] * 39)
            relay.expire(3)
            await relay.start()
            (told,) = await wait(here, 1, "connection", state="caught-up")
            assert (told["arrived"], told["expired"]) == (37, 2)
            (gap,) = await wait(here, 1, "gap")
            assert (gap["from"], gap["to"], gap["count"]) == (2, 3, 2)
            await wait(here, 37, "delivery")
        assert TOKEN not in here.stderr + str(here.lines)


async def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        relay.add(*[b"x"] * 30)
        here = listener(tmp_path, relay)
        async with here:
            await wait(here, 30, "delivery")
            instance = relay.handshakes[0].query["instance"]
            await asyncio.to_thread(here.kill)
        relay.add(*[b"y"] * 30)
        async with here:
            await wait(here, 30, "delivery")
            assert relay.starts[1].after == 31
            assert relay.handshakes[1].query["instance"] == instance
            status = await asyncio.to_thread(here.request, "GET", "status")
            assert status["relay"]["lag"] == 0
            assert status["ledger"]["balanced"] is True


async def test_the_apps_own_answer_goes_back(tmp_path: Path) -> None:
    async with fake_relay(FakeRelay(ack="app")) as relay, FakeTarget() as app:
        app.default = ok(b"from the app", 418, b"X-App: yes\r\n")
        async with listener(tmp_path, relay, app.url) as here:
            (number,) = relay.add(b"?", ask=True, within=10.0, once=True)
            await relay.until(lambda: bool(relay.replies))
            (reply,) = relay.replies
            assert reply.id == number
            assert reply.outcome is not None
            assert getattr(reply.outcome, "status", 0) == 418
            await relay.answered((number, 418, False))
            # The note is on its way: it is looked for until it is there.
            answered: list[int] = []
            async with asyncio.timeout(20):
                while 418 not in answered:
                    found = await asyncio.to_thread(here.request, "GET", "deliveries")
                    answered = [one["answered"] for one in found["items"]]


async def test_status_shows_the_tunnel_and_its_hops(tmp_path: Path) -> None:
    async with fake_relay() as relay, listener(tmp_path, relay) as here:
        shown = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "inspector", "status", "--db", str(here.db)],
            capture_output=True,
            env=environment(tmp_path),
            cwd=tmp_path,
            check=True,
        )
        text = shown.stdout.decode()
        assert f"connected, shop as alice@laptop, {relay.url}" in text
        assert "0 behind delivery 1" in text
        assert "capture ok" in text
        assert "journal ok" in text


@pytest.mark.parametrize(
    ("refuse", "code", "words"),
    [
        ((401, error("unauthorized", "no")), 3, "refuses the token"),
        ((404, error("no-endpoint", "no")), 3, "no such endpoint"),
        ((409, error("consumer-attached", "is connected since 10:30")), 3, "--take-over"),
        ((426, error("version", "the relay speaks tunnel version 9")), 3, "version 9"),
    ],
)
async def test_a_refusal_is_one_line_and_exit_code_3(
    tmp_path: Path, refuse: tuple[int, Any], code: int, words: str
) -> None:
    async with fake_relay(FakeRelay(refuse=refuse)) as relay:
        ended, text = await failing(tmp_path, "--relay", relay.url)
        assert ended == code
        assert words in text
        lines = [line for line in text.splitlines() if line.startswith("inspector: ")]
        assert len(lines) == 1
        assert "tried again" not in text


async def test_a_relay_without_tls_is_told_as_that(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        code, text = await failing(tmp_path, "--relay", relay.url.replace("http:", "https:"))
    assert code == 4
    assert "speaks no TLS at this port" in text
    assert "hint: use http://" in text


async def test_without_a_token_nothing_is_made(tmp_path: Path) -> None:
    code, text = await failing(tmp_path, "--relay", f"https://localhost:1/in/{SLUG}", token="")
    assert code == 3
    assert "INSPECTOR_RELAY_TOKEN" in text
    assert not (tmp_path / "home.db").exists()


@pytest.mark.parametrize("target", ["{}", "{}/hooks", "delta.*={}/*", "{}?x=1"])
async def test_what_comes_from_the_capture_address_is_not_sent_there(
    tmp_path: Path, target: str
) -> None:
    url = f"http://localhost:1/in/{SLUG}"
    code, text = await failing(tmp_path, "-f", target.format(url), "--relay", url)
    assert code == 2
    assert "is the relay's own capture address" in text
    assert not (tmp_path / "home.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--relay", "relay.example.com"),
        ("--relay", f"http://localhost:1/in/{SLUG}", "--consumer", "a b"),
        ("--relay", f"http://localhost:1/in/{SLUG}", "--backfill", "some"),
        ("--relay", f"http://localhost:1/in/{SLUG}", "--relay-filter", "sig:valid"),
        ("--relay", f"http://localhost:1/in/{SLUG}", "--relay-filter", "path:/a ("),
        ("--relay-filter", "event:a"),
        ("--take-over",),
    ],
)
async def test_a_wrong_flag_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, text = await failing(tmp_path, *arguments)
    assert code == 2
    assert "hint: " in text


async def test_a_certificate_that_nobody_trusts_is_exit_code_4(tmp_path: Path) -> None:
    from tests.helpers.certificates import Authority

    relay = FakeRelay()
    relay.tls = Authority(tmp_path).server(own=True)
    async with fake_relay(relay):
        code, text = await failing(tmp_path, "--relay", relay.url)
        assert code == 4
        assert "is self-signed" in text
        assert "SSL_CERT_FILE" in text


async def test_the_settings_may_come_from_the_project_with_the_token_in_a_variable(
    tmp_path: Path,
) -> None:
    async with fake_relay() as relay:
        text = f'relay = "{relay.url}"\nrelay-token = "env:INSPECTOR_SHOP_TOKEN"\nconsumer = "ci"\n'
        (tmp_path / "inspector.toml").write_text(text)
        here = ListenerProcess(
            tmp_path / "home.db", extra_environment={"INSPECTOR_SHOP_TOKEN": TOKEN}
        )
        async with here:
            assert here.ready["relay"]["consumer"] == "ci"
            assert TOKEN not in str(here.ready)
            if sys.platform == "linux":
                assert TOKEN.encode() not in arguments_of(here.pid)


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_interrupted_while_it_waits_for_the_relay_it_ends_in_order(tmp_path: Path) -> None:
    async with fake_relay(FakeRelay(mute_canaries=True)) as relay:
        command = [sys.executable, "-m", "inspector", "serve", "--json", "--port", "0"]
        command += ["--db", str(tmp_path / "home.db"), "--relay", relay.url]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=environment(tmp_path, {"INSPECTOR_RELAY_TOKEN": TOKEN}),
            cwd=tmp_path,
        )
        await relay.until(lambda: relay.canaries == 1)
        process.terminate()
        async with asyncio.timeout(20):
            out, _ = await process.communicate()
        assert process.returncode == 0
        assert not out
        assert relay.closed == [1001]


def shown(folder: Path, relay: FakeRelay, token: str = TOKEN) -> dict[str, Any]:
    """What a listener says that is started for a UI, and stopped again."""
    settings = Settings(
        db=folder / "home.db", port=0, relay=relay.url, relay_token=token, consumer="alice"
    )
    with listening(settings, demo=False) as child, child.output:
        return child.ready()


async def test_a_ui_is_told_of_a_refusal_instead_of_being_opened(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        with pytest.raises(InspectorError, match="refuses the token") as raised:
            await asyncio.to_thread(shown, tmp_path, relay, "another")
        assert raised.value.exit_code == 3
        assert "rotate" in raised.value.hint


async def test_a_ui_is_opened_without_waiting_for_a_relay_out_of_reach(tmp_path: Path) -> None:
    async with fake_relay() as relay:
        await relay.stop()
        ready = await asyncio.to_thread(shown, tmp_path, relay)
        assert ready["relay"]["state"] == "connecting"
        assert "connection refused" in ready["relay"]["reason"]
