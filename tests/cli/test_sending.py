"""resend and trigger: through a listener, and without one."""

import asyncio
import base64
import json
import signal
from contextlib import AsyncExitStack

import pytest

from inspector.cli.triggering import pauses
from inspector.domain.delivery import Request
from inspector.providers.pacspace.catalogue import CATALOGUE
from tests.cli.conftest import Cli, Ran
from tests.helpers.fake_target import Exchange, FakeTarget, held, ok
from tests.helpers.listener import ListenerProcess, post
from tests.helpers.pacspace import SECRET, sdk_accepts

NOBODY = "http://127.0.0.1:1"


async def run(cli: Cli, *arguments: str) -> Ran:
    """A command, while the targets of this loop answer it."""
    return await asyncio.to_thread(cli, *arguments)


async def send(url: str, *bodies: bytes) -> None:
    for body in bodies:
        await asyncio.to_thread(post, url, body)


def received(exchange: Exchange) -> Request:
    """What a target got, as a request."""
    pairs = [line.decode("latin-1").partition(": ") for line in exchange.lines]
    method, path, _ = exchange.request_line.decode().split(" ")
    headers = tuple((name, value) for name, _, value in pairs)
    return Request(method, path, "1.1", headers, exchange.body)


def now_of(exchange: Exchange) -> int:
    """The time at which a request was signed, in microseconds."""
    found = dict(received(exchange).headers)["X-PacSpace-Timestamp"]
    return int(found) * 1_000_000


async def test_resend_through_the_listener_waits_for_the_answers(cli: Cli) -> None:
    async with FakeTarget() as target, ListenerProcess(cli.db) as listener:
        await send(listener.url, b"one", b"two", b"three")
        target.then(ok(), ok(status=500))
        ran = await run(cli, "resend", "3", "1..2", "--to", target.url, "--json")
        assert ran.code == 5
        told = [(item["kind"], item["delivery_id"], item["status"]) for item in ran.items]
        assert told == [("attempt", 1, 200), ("attempt", 2, 500), ("attempt", 3, 200)]
        assert {item["trigger"] for item in ran.items} == {"manual"}
        assert [exchange.body for exchange in target.received] == [b"one", b"two", b"three"]
        items = (await run(cli, "list", "--json")).items
        assert [item["attempts"] for item in items] == [1, 1, 1]
        assert {item["state"] for item in items} == {"kept"}


async def test_resend_goes_to_the_listener_s_own_targets(cli: Cli) -> None:
    async with FakeTarget() as target, ListenerProcess(cli.db, target.url) as listener:
        await send(listener.url, b"{}")
        await asyncio.to_thread(listener.wait_for, 1, kind="attempt")
        ran = await run(cli, "resend", "latest")
        assert ran.code == 0
        assert ran.rows[0].startswith(f"#1  -> {target.url}  200")
        assert len(target.received) == 2


async def test_resend_without_a_listener_records_what_it_sent(cli: Cli) -> None:
    assert (await run(cli, "trigger", "delta.failed", "--count", "2")).code == 0
    async with FakeTarget() as target:
        target.then(ok(b"taken"))
        ran = await run(cli, "resend", "event:delta.failed", "--to", target.url)
        assert ran.code == 0
        assert [row.split()[0] for row in ran.rows] == ["#1", "#2"]
    (item,) = (await run(cli, "show", "1", "--json")).items
    (attempt,) = item["attempts"]
    assert (attempt["status"], attempt["trigger"]) == (200, "manual")
    assert base64.b64decode(attempt["body_b64"]) == b"taken"
    assert attempt["duration_ms"] > 0


async def test_resend_without_a_listener_to_the_target_of_the_settings(cli: Cli) -> None:
    await run(cli, "trigger", "delta.failed")
    async with FakeTarget() as target:
        cli.settings["INSPECTOR_FORWARD_TO"] = target.url
        assert (await run(cli, "resend", "1")).code == 0
        assert len(target.received) == 1


async def test_all_that_failed_is_sent_again_when_the_app_is_back(cli: Cli) -> None:
    async with FakeTarget() as target:
        await target.close()
        async with ListenerProcess(cli.db, target.url, "--retry", "0") as listener:
            await send(listener.url, b"1", b"2")
            await asyncio.to_thread(listener.wait_for, 2, kind="attempt")
            await target.open()
            assert (await run(cli, "resend", "state:failed")).code == 0
            assert [exchange.body for exchange in target.received] == [b"1", b"2"]
            assert (await run(cli, "resend", "state:failed")).code == 8


@pytest.mark.parametrize("listening", [True, False])
async def test_no_answer_exits_5_and_says_why(listening: bool, cli: Cli) -> None:
    await run(cli, "trigger", "delta.failed")
    if listening:
        async with ListenerProcess(cli.db):
            ran = await run(cli, "resend", "1", "--to", NOBODY)
    else:
        ran = await run(cli, "resend", "1", "--to", NOBODY)
    assert ran.code == 5
    assert "connection refused" in ran.out


@pytest.mark.parametrize("listening", [True, False])
async def test_a_stale_delivery_passes_the_sdk_after_re_signing(listening: bool, cli: Cli) -> None:
    cli.settings["INSPECTOR_SECRET"] = SECRET
    await run(cli, "trigger", "delta.verified", "--stale")
    assert len((await run(cli, "list", "sig:stale")).rows) == 1
    async with FakeTarget() as target:
        if listening:
            async with ListenerProcess(cli.db, "--secret", SECRET):
                ran = await run(cli, "resend", "1", "--to", target.url, "--re-sign", "--json")
        else:
            ran = await run(cli, "resend", "1", "--to", target.url, "--re-sign", "--json")
        assert (ran.code, ran.items[0]["resigned"]) == (0, True)
        (exchange,) = target.received
        assert sdk_accepts(received(exchange), at=now_of(exchange))


async def test_a_listener_signs_with_its_own_secret_only(cli: Cli) -> None:
    async with ListenerProcess(cli.db) as listener:
        await send(listener.url, b"{}")
        for arguments in (["resend", "1", "--to", NOBODY], ["trigger", "delta.failed"]):
            ran = await run(cli, *arguments, "--secret", "mine")
            assert (ran.code, ran.out) == (2, "")
            assert "with its own secret" in ran.err


async def test_what_was_never_understood_is_skipped_and_told(cli: Cli) -> None:
    async with FakeTarget() as target, ListenerProcess(cli.db) as listener:
        await send(listener.url, b"{}")
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.url.rsplit(":")[-1])
        writer.write(b"GARBAGE\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ran = await run(cli, "resend", "id:>0", "--to", target.url)
        assert ran.code == 8
        assert [row.split()[0] for row in ran.rows] == ["#1"]
        assert "#2: it was refused, so that nothing whole is there to send: malformed: " in ran.err
        (row,) = (await run(cli, "list", "state:refused")).rows
        assert not row.removesuffix(")").endswith(":")


@pytest.mark.parametrize("listening", [True, False])
async def test_ctrl_c_while_the_app_thinks_exits_130(listening: bool, cli: Cli) -> None:
    await run(cli, "trigger", "delta.failed")
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(FakeTarget())
        target.then(held(asyncio.Event()))
        if listening:
            await stack.enter_async_context(ListenerProcess(cli.db, "--timeout", "0"))
        process = cli.start("resend", "1", "--to", target.url)
        await target.wait_for(1)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(process.communicate, None, 20)
        assert (process.returncode, out, err.strip()) == (130, b"", b"")
        # What is left of the listener's own attempt must not hold its end.
        await target.close()


async def test_trigger_through_the_listener_is_signed_by_it(cli: Cli) -> None:
    async with (
        FakeTarget() as target,
        ListenerProcess(cli.db, target.url, "--secret", SECRET) as listener,
    ):
        arguments = ["--set", "data.delta.amount=-1", "--set", "data.status=odd", "--count", "2"]
        ran = await run(cli, "trigger", "delta.verified", *arguments, "--json")
        assert ran.code == 0
        assert [item["id"] for item in ran.items] == [1, 2]
        assert {item["signature"]["verdict"] for item in ran.items} == {"valid"}
        assert ran.items[0]["event_id"] != ran.items[1]["event_id"]
        assert "sample of delta.verified: every field is documented" in ran.err
        await target.wait_for(2)
        for exchange in target.received:
            data = json.loads(exchange.body)["data"]
            assert (data["delta"]["amount"], data["status"]) == (-1, "odd")
            assert sdk_accepts(received(exchange), at=now_of(exchange))
        listener.wait_for(2, kind="delivery")


@pytest.mark.parametrize(
    ("option", "verdict"), [("--bad-signature", "invalid"), ("--stale", "stale")]
)
@pytest.mark.parametrize("listening", [True, False])
async def test_wrong_signatures_on_purpose(
    listening: bool, option: str, verdict: str, cli: Cli
) -> None:
    cli.settings["INSPECTOR_SECRET"] = SECRET
    if listening:
        async with ListenerProcess(cli.db, "--secret", SECRET):
            ran = await run(cli, "trigger", "delta.verified", option, "--json")
    else:
        ran = await run(cli, "trigger", "delta.verified", option, "--json")
    assert [item["signature"]["verdict"] for item in ran.items] == [verdict]


async def test_a_sample_is_shown_with_the_answer_of_the_app(cli: Cli) -> None:
    gate = asyncio.Event()
    async with FakeTarget() as target:
        target.then(held(gate, ok(status=201)))
        async with ListenerProcess(cli.db, "--forward-to", target.url):
            running = asyncio.create_task(run(cli, "trigger", "delta.failed"))
            await target.wait_for(1)
            # Not sooner than any app answers, so that it is looked at before that.
            asyncio.get_running_loop().call_later(0.3, gate.set)
            assert (await running).out.endswith("  forwarded 201\n")


async def test_every_event_can_be_triggered_straight_to_an_app(cli: Cli) -> None:
    async with FakeTarget() as target:
        for number, event in enumerate(CATALOGUE):
            envelope = ("docs", "sdk")[number % 2]
            options = ("--envelope", envelope, "--secret", SECRET, "--to", f"{target.url}/hooks")
            ran = await run(cli, "trigger", event, *options)
            assert ran.code == 0
            exchange = target.received[-1]
            assert exchange.request_line == b"POST /hooks HTTP/1.1"
            assert json.loads(exchange.body)["event"] == event
            assert ("tenantId" in json.loads(exchange.body)) is (envelope == "sdk")
            assert sdk_accepts(received(exchange), at=now_of(exchange))
    # It went past the store.
    assert not cli.db.exists()


async def test_what_an_app_answers_is_printed(cli: Cli) -> None:
    async with FakeTarget() as target:
        target.then(ok(b'{"no":"\x1b[31m"}', 422, b"X-Why: because\r\n"))
        ran = await run(cli, "trigger", "delta.failed", "--to", target.url, "--json")
        (item,) = ran.items
        assert (ran.code, item["kind"], item["status"]) == (5, "attempt", 422)
        assert ["X-Why", "because"] in item["headers"]
        assert base64.b64decode(item["body_b64"]) == b'{"no":"\x1b[31m"}'
        assert (item["delivery_id"], item["failure"]) == (None, None)
        target.then(ok(b"\x1b[2Jtaken"))
        ran = await run(cli, "trigger", "delta.failed", "--to", target.url)
        assert ran.code == 0
        assert "  ␛[2Jtaken" in ran.rows
        assert "no secret is known" in ran.err
    ran = await run(cli, "trigger", "delta.failed", "--to", NOBODY, "--json")
    assert (ran.code, ran.items[0]["failure"]["kind"]) == (5, "refused")


async def test_without_a_listener_a_sample_is_recorded_and_forwarded_once(cli: Cli) -> None:
    async with FakeTarget() as target:
        target.then(ok(), ok(status=500))
        cli.settings["INSPECTOR_FORWARD_TO"] = f"delta.*={target.url}"
        cli.settings["INSPECTOR_SECRET"] = SECRET
        ran = await run(cli, "trigger", "delta.verified", "--json")
        (item,) = ran.items
        assert (ran.code, item["state"], item["last_status"]) == (0, "forwarded", 200)
        assert item["signature"]["verdict"] == "valid"
        assert (await run(cli, "trigger", "delta.failed")).code == 5
        assert "kept" in (await run(cli, "trigger", "fact.verified")).out
        cli.settings["INSPECTOR_EVENTS"] = "fact.*"
        assert "filtered (-e fact.*)" in (await run(cli, "trigger", "delta.stored")).out
        assert len(target.received) == 2
    (status,) = (await run(cli, "status", "--json")).items
    assert status["ledger"]["balanced"] is True
    assert status["ledger"]["received"] == 4


def test_a_sample_that_no_listener_takes_is_told_to_be_only_recorded(cli: Cli) -> None:
    ran = cli("trigger", "delta.verified", "--path", "/webhooks/pacspace?a=1")
    assert "POST /webhooks/pacspace?a=1" in ran.out
    assert f"inspector: no listener runs on {cli.db}; recorded only\nhint: " in ran.err


async def test_without_a_listener_nobody_else_s_deliveries_are_sent(cli: Cli) -> None:
    """What waits is the listener's to send, with its order and its retries."""
    async with FakeTarget() as target:
        await target.close()
        async with ListenerProcess(cli.db, target.url) as listener:
            await send(listener.url, b"waits")
            await asyncio.to_thread(listener.wait_for, 1, kind="attempt")
        await target.open()
        cli.settings["INSPECTOR_FORWARD_TO"] = target.url
        assert (await run(cli, "trigger", "delta.failed")).code == 0
        assert [json.loads(each.body)["event"] for each in target.received] == ["delta.failed"]
    assert len((await run(cli, "list", "state:waiting")).rows) == 1
    rows = (await run(cli, "status")).rows
    assert f"waiting     1 for {target.url} (no listener)" in rows


def test_the_payload_can_be_given_and_the_request_shown_without_sending(cli: Cli) -> None:
    (cli.folder / "data.json").write_text('{"a": [1]}')
    for data in ('{"a": [1]}', "@data.json", "@-"):
        ran = cli("trigger", "customer.created", "--data", data, "--dry-run", "--json",
                  "--secret", SECRET, stdin=b'{"a": [1]}')  # fmt: skip
        (item,) = ran.items
        assert ran.code == 0
        assert json.loads(item["body_text"])["data"] == {"a": [1]}
        assert any(name == "X-PacSpace-Signature" for name, _ in item["headers"])
    ran = cli("trigger", "delta.stored", "--dry-run")
    assert ran.rows[0] == "POST / HTTP/1.1"
    assert json.loads(ran.rows[-1])["event"] == "delta.stored"
    assert not cli.db.exists()


def test_a_synthetic_sample_says_so(cli: Cli) -> None:
    ran = cli("trigger", "customer.created")
    assert "sample of customer.created: synthetic" in ran.err
    assert "synthetic: data.customerId" in ran.err
    assert "the payload is yours" in cli("trigger", "customer.created", "--data", "{}").err


def test_the_rate_spreads_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    waited = []
    for pause in pauses(4, 10):
        waited.append(round(pause, 6))
        # The third takes longer than its share: the next one does not wait for it.
        now += pause + (0.15 if len(waited) == 3 else 0.01)
    assert waited == [0, 0.09, 0.09, 0]
    assert list(pauses(3, None)) == [0, 0, 0]
