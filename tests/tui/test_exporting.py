"""Deliveries written into a file: whole, private, never over another, and nothing half done."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest

from inspector.client.control import Control
from inspector.errors import InspectorError, UsageError
from inspector.tui.exporting import Export, Form, new_file, suggested
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import NOW, Content, make_attempt, make_delivery
from tests.helpers.teams import shadow_item

HEADERS = (("Content-Type", "text/plain"), ("Authorization", "Bearer sesame"))


@asynccontextmanager
async def asking(count: int) -> AsyncIterator[tuple[FakeListener, Control]]:
    deliveries = [make_delivery(one) for one in range(1, count + 1)]
    async with (
        fake_listener(*deliveries) as listener,
        Control(listener.control, listener.token) as control,
    ):
        for one in range(1, count + 1):
            listener.contents[one] = Content(HEADERS, b"body \xe2\x80\xae %d" % one)
            answer = Content((("Set-Cookie", "a=sesame"),), b"ok")
            await listener.attempt(make_attempt(100 + one, one), answer)
        yield listener, control


def export(
    control: Control, ids: Sequence[int], path: Path, form: Form, *, reveal: bool = False
) -> Export:
    return Export(control, ids, path, form, "http://127.0.0.1:8400", reveal=reveal)


async def test_ndjson(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    async with asking(3) as (_, control):
        job = export(control, [1, 3, 9], path, "ndjson")
        await job.run()
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    assert [line["id"] for line in lines] == [1, 3]
    assert lines[0]["body_text"] == "body \u202e 1"
    assert lines[0]["redacted"] == ["authorization", "set-cookie"]
    assert lines[0]["attempts"][0]["status"] == 200
    assert "sesame" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = job.summary("")
    assert said.text.startswith("2 deliveries exported, ")
    assert said.text.endswith(
        f": {path}; masked: authorization, set-cookie; 1 are no longer in the store"
    )
    assert job.figures().startswith("3 of 3  ")


async def test_ndjson_has_what_other_consumers_apps_said(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    failed = {"kind": "refused", "reason": "nobody listens"}
    async with asking(1) as (listener, control):
        bob = shadow_item(headers=[["Set-Cookie", "a=sesame"]])
        await listener.shadow(1, bob)
        await listener.shadow(1, shadow_item("eve@tower", status=None, failure=failed))
        await export(control, [1], path, "ndjson").run()
        first, second = json.loads(path.read_text("ascii"))["shadows"]
        assert (first["consumer"], first["status"]) == ("bob@pc", 500)
        assert first["headers"] == [["Set-Cookie", "••••"]]
        assert first["body_text"] == "no such customer"
        assert (second["consumer"], second["failure"]) == ("eve@tower", failed)
        await export(control, [1], tmp_path / "x.har", "har").run()
        shown = tmp_path / "shown"
        await export(control, [1], shown, "ndjson", reveal=True).run()
        assert shown.read_text().count("a=sesame") == 2


@pytest.mark.parametrize("ids", [[], [1], [1, 2]])
async def test_har(tmp_path: Path, ids: list[int]) -> None:
    path = tmp_path / "x.har"
    async with asking(2) as (_, control):
        job = export(control, ids, path, "har")
        await job.run()
    log = json.loads(path.read_text("ascii"))["log"]
    assert log["version"] == "1.2"
    assert [entry["_delivery"]["id"] for entry in log["entries"]] == ids
    assert "sesame" not in path.read_text()


@pytest.mark.parametrize("form", ["har", "ndjson"])
async def test_secrets_that_are_shown_are_in_it(tmp_path: Path, form: Form) -> None:
    path = tmp_path / "x"
    async with asking(1) as (_, control):
        job = export(control, [1], path, form, reveal=True)
        await job.run()
    assert path.read_text().count("sesame") >= 2
    assert "masked" not in job.summary("").text


async def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("mine")
    async with asking(1) as (_, control):
        with pytest.raises(InspectorError, match="cannot be written: File exists"):
            await export(control, [1], path, "har").run()
    assert path.read_text() == "mine"


async def test_a_lost_listener_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    async with asking(2) as (listener, control):
        await listener.stop()
        job = export(control, [1, 2], path, "har")
        with pytest.raises(InspectorError, match="no listener answers"):
            await job.run()
        assert job.summary("stopped: no listener").text == (
            "stopped: no listener: nothing was exported"
        )
    assert not path.exists()


async def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    async with asking(1) as (_, control):
        job = export(control, [1] * 10_000, path, "ndjson")
        running = asyncio.create_task(job.run())
        async with asyncio.timeout(5):
            while job.done < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert not path.exists()


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert suggested("har", NOW, UTC) == "inspector-20260211-103000.har"
    monkeypatch.chdir(tmp_path)
    assert new_file("x.har") == tmp_path / "x.har"
    (tmp_path / "there").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for text in ("", "there", "dangling", "no/such/folder", "there/x", "nul\0", "x" * 300):
        with pytest.raises(UsageError):
            new_file(text)
