"""The round trip: what every place saw, and where a request was changed, or stopped."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from inspector.doctor import round_trip
from inspector.doctor.model import Stage
from inspector.doctor.ways import Direct, Passage
from inspector.domain.delivery import Request
from inspector.domain.fidelity import Arrived
from inspector.domain.torture import Case, torture_set
from inspector.errors import ConfigurationError
from inspector.runtime import Runtime
from tests.doctor.conftest import Doctor, Found

PLAIN = Request("POST", "/", "1.1", (("Content-Type", "application/json"),), b'{"event":"a"}')
CASES = {case.name: case for case in torture_set(PLAIN, large=300_000)}
WELL = Stage(True)


class Careless(Direct):
    """A way past a proxy that means well, and tells what it handed on."""

    stages = ("proxy",)
    unjudged = frozenset({"via"})

    async def send(self, case: Case) -> Passage:
        headers = tuple(pair for pair in case.request.headers if "_" not in pair[0])
        request = case.request._replace(headers=(*headers, ("Via", "1.1 proxy")))
        passage = await super().send(case._replace(request=request))
        return passage._replace(seen={"proxy": Arrived.of(request)})


class Small(Direct):
    """A way to a listener that takes little."""

    def settings(self) -> Mapping[str, Any]:
        return {"max_body": 1000}


async def test_every_place_sees_what_was_sent(doctor: Doctor) -> None:
    async with round_trip.opened(Direct(), doctor.subject()) as trip:
        for name in ("plain", "\\xff", "?", "chunked gzip", "GET"):
            assert await trip.send(CASES[name]) == {"journal": WELL, "app": WELL}
        assert {*trip.verdicts.values()} == {"valid"}


async def test_a_header_that_is_stripped_is_named_where_it_is_lost(doctor: Doctor) -> None:
    async with round_trip.opened(Careless(), doctor.subject()) as trip:
        plain = await trip.send(CASES["plain"])
        stages = await trip.send(CASES["under_score"])
    assert plain == {"proxy": WELL, "journal": WELL, "app": WELL}
    lost = Stage(False, ("the header under_score did not arrive",))
    assert stages == {"proxy": lost, "journal": lost, "app": lost}


async def test_what_is_refused_stops_at_the_journal_with_the_reason(doctor: Doctor) -> None:
    found = Found()
    subject = doctor.subject()
    async with round_trip.opened(Small(), subject) as trip:
        cases = [CASES["plain"], CASES["NUL"]]
        await round_trip.sent_round(trip, cases, subject, found)
    assert found.failed == ["fidelity.NUL"]
    refused = found.case("NUL")
    assert refused.breaks_at == "journal"
    assert "answered 413" in refused.stages["journal"].differs[0]
    assert refused.stages["app"] == Stage(None)
    assert found.check("fidelity.signatures").value == {"valid": 1, "arrived": 1}


async def test_an_app_that_gets_nothing_is_where_it_breaks(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_trip, "_ARRIVAL_SECONDS", 0.3)
    async with round_trip.opened(Direct(), doctor.subject()) as trip:
        trip.stop_app()
        stages = await trip.send(CASES["plain"])
    assert stages["journal"] == WELL
    assert stages["app"] == Stage(False, ("it did not come within 0.3 s",))


async def test_nothing_is_left_whatever_ends_it(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    class Closed(Direct):
        async def open(self, runtime: Runtime) -> None:
            assert list(folder.iterdir())
            raise ConfigurationError("the way is closed")

    with pytest.raises(ConfigurationError, match="the way is closed"):
        async with round_trip.opened(Closed(), doctor.subject()):
            pass
    assert list(folder.iterdir()) == []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3), round_trip.opened(Direct(), doctor.subject()):
            await asyncio.Event().wait()
    assert list(folder.iterdir()) == []


async def test_without_a_place_for_it_the_user_is_told(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="no place for a temporary store"):
        await doctor(round_trip.look)
