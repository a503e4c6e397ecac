"""The listener on the user's store, as the doctor finds it: well, hanging, odd, out of balance."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from inspector.doctor import listener
from inspector.store.lock import StoreLock
from tests.doctor.conftest import Doctor, Found
from tests.helpers.doctored import Handler, served
from tests.helpers.listener import ListenerProcess

STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "store": {"ok": True, "error": ""},
    "index_lag": {"facts": 0},
    "ledger": {"received": 3, "balanced": True},
}
RELAY: dict[str, Any] = {"state": "connected", "reason": "", "lag": 2, "rtt_ms": 12.0}


@pytest.fixture
def held(doctor: Doctor) -> Iterator[StoreLock]:
    """The store, in use."""
    files = doctor.subject().files
    files.create()
    files.ensure_token()
    with StoreLock(files.lock, {}) as lock:
        yield lock


def saying(status: object, code: int = 200) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("healthz"):
            return web.json_response({"ok": True})
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.json_response(status, status=code)

    return handle


async def asked(doctor: Doctor, lock: StoreLock, handler: Handler) -> Found:
    async with served(handler) as url:
        lock.write({"pid": os.getpid(), "url": url, "control": f"{url}/_inspector"})
        return await doctor(listener.look)


async def test_without_one_there_is_nothing_to_say(doctor: Doctor) -> None:
    (check,) = (await doctor(listener.look)).all
    assert (check.key, check.ok) == ("listener.running", None)


async def test_one_that_is_well_has_no_fault(doctor: Doctor, held: StoreLock) -> None:
    found = await asked(doctor, held, saying(STATUS))
    assert found.failed == []
    assert found.check("listener.ledger").told == "3 received, all accounted for"
    assert found.check("listener.index").told == "up to date"


@pytest.mark.parametrize(
    ("changes", "failed", "told"),
    [
        ({"ledger": {"received": 3, "balanced": False}}, ["listener.ledger"], "do not balance"),
        ({"store": {"ok": False, "error": "disk full"}}, ["listener.store"], "disk full"),
        ({"store": None}, ["listener.status"], "cannot be read"),
        ({"index_lag": {"facts": 90_000}}, [], "90,000 facts behind"),
        ({"relay": RELAY}, [], "connected, 2 deliveries behind, 12 ms there and back"),
        (
            {"relay": RELAY | {"state": "refused", "reason": "wrong token"}},
            ["listener.tunnel"],
            "refused: wrong token",
        ),
        ({"relay": {"state": "connected"}}, ["listener.status"], "cannot be read"),
    ],
)
async def test_what_it_says_is_judged(
    doctor: Doctor, held: StoreLock, changes: dict[str, Any], failed: list[str], told: str
) -> None:
    found = await asked(doctor, held, saying(STATUS | changes))
    assert found.failed == failed
    assert any(told in str(check) for check in found.all)


@pytest.mark.parametrize(("status", "code"), [("text", 200), (STATUS, 401), ([], 500)])
async def test_an_odd_answer_is_a_fault(
    doctor: Doctor, held: StoreLock, status: object, code: int
) -> None:
    found = await asked(doctor, held, saying(status, code))
    assert found.failed == ["listener.status"]
    assert found.check("listener.status").hint


async def test_a_store_in_use_by_another_command_is_said(doctor: Doctor, held: StoreLock) -> None:
    held.write({"command": "inspector reindex", "pid": 7})
    (check,) = (await doctor(listener.look)).all
    assert (check.ok, "inspector reindex, process 7" in str(check)) == (None, True)


async def test_one_that_hangs_is_given_up(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_SECONDS", 0.3)
    async with ListenerProcess(doctor.folder / "store.db") as running:
        os.kill(running.pid, signal.SIGSTOP)
        try:
            found = await doctor(listener.look)
        finally:
            os.kill(running.pid, signal.SIGCONT)
        assert found.failed == ["listener.running"]
        assert "gave no answer within 0.3 s" in found.check("listener.running").told
