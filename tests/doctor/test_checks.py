"""The checks one by one: what is well, what is a warning, what is a fault."""

import asyncio
import os
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from inspector.clock import wall_clock
from inspector.doctor import clock, disk, files, terminal
from inspector.doctor.model import Check, Fidelity, Finding, Stage, Subject, Tell
from inspector.doctor.proxy import sender
from inspector.doctor.run import Section, examine
from inspector.doctor.visit import SeenAtRelay, Sighting
from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.fidelity import OF_PROXIES, Arrived
from inspector.domain.parcel import Parcel
from inspector.errors import ConfigurationError
from inspector.store.files import StoreFiles
from tests.doctor.conftest import Doctor, Found
from tests.helpers.doctored import careless, served

FAILED = Failure(FailureKind.CUT, "cut")


def checked(found: list[Check]) -> dict[str, bool | None]:
    return {check.name: check.ok for check in found}


# Files.


@pytest.fixture
def store(tmp_path: Path) -> StoreFiles:
    made = StoreFiles(tmp_path / "store.db")
    made.create()
    made.ensure_token()
    return made


def test_files_of_their_owner_alone_are_one_line(store: StoreFiles) -> None:
    (check,) = files.modes(store)
    assert (check.name, check.ok, check.told) == ("modes", True, "2 files, yours alone")


def test_a_token_and_a_database_that_others_can_read_are_named(store: StoreFiles) -> None:
    store.token.chmod(0o644)
    store.database.chmod(0o660)
    found = {check.name: check for check in files.modes(store)}
    assert checked([*found.values()]) == {"database": False, "token": False}
    assert "(0644)" in found["token"].told
    assert found["token"].hint == f"chmod 600 {store.token}"
    assert "(0660)" in found["database"].told


def test_a_neighbour_of_another_name_is_nobody_s_fault(store: StoreFiles) -> None:
    other = store.database.with_name("store.db.bak")
    other.write_text("mine")
    other.chmod(0o644)
    assert checked(files.modes(store)) == {"modes": True}


@pytest.mark.parametrize(
    ("text", "mode", "ok", "told"),
    [
        ('secret = ["whsec_literal"]', 0o644, False, "holds secret, open to others (0644)"),
        ('relay-token = "itun_literal"', 0o640, False, "holds relay_token"),
        ('secret = ["whsec_literal"]', 0o600, True, "for you alone"),
        ('secret = ["env:NAME"]\nrelay_token = "env:X"', 0o644, True, "holds no secret"),
        ("forward_to = ['3000']", 0o644, True, "holds no secret"),
    ],
)
def test_a_secret_in_a_file_is_for_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mode: int, ok: bool, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "inspector.toml"
    path.write_text(text)
    path.chmod(mode)
    (check,) = files.configs()
    assert (check.name, check.ok) == ("inspector.toml", ok)
    assert told in check.told
    assert "literal" not in check.told + check.hint


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    check = files.folder(StoreFiles(tmp_path / "a" / "b" / "store.db"))
    assert check.ok
    assert "will be made" in check.told
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_all_can_write_into_is_a_warning(store: StoreFiles) -> None:
    folder = store.database.parent
    assert files.folder(store).hint == ""
    folder.chmod(0o777)
    assert f"chmod o-w {folder}" in files.folder(store).hint
    folder.chmod(0o1777)
    assert files.folder(store).hint == ""


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_bytes(b"a text of mine " * 100)
    for path in (text, tmp_path):
        (check,) = files.store(StoreFiles(path))
        assert check.ok is False
        assert check.hint
    assert files.store(StoreFiles(tmp_path / "none.db")) == []


# Disk.


def test_how_long_writes_take_is_well_a_warning_or_a_fault() -> None:
    well, slow = disk.judged([1.0] * 19 + [30.0]), disk.judged([80.0] * 20)
    assert (well.ok, well.hint) == (True, "")
    assert well.value == {"writes": 20, "p50_ms": 1.0, "p99_ms": 30.0}
    assert slow.ok
    assert slow.hint
    assert disk.judged([2000.0] * 3).ok is False


def test_room_is_what_the_store_may_need() -> None:
    assert disk.space(10 << 30, 2 << 30).hint == ""
    short = disk.space(1 << 30, 2 << 30)
    assert (short.ok, bool(short.hint)) == (True, True)
    assert disk.space(1 << 20, 2 << 30).ok is False


def test_writes_are_timed_where_they_will_be_made(tmp_path: Path) -> None:
    assert len(disk.timed_writes(tmp_path)) == disk.WRITES
    assert disk.standing(tmp_path / "a" / "b") == tmp_path
    assert list(tmp_path.iterdir()) == []


# Clock.


@pytest.mark.parametrize(
    ("skew", "ok", "warns", "told"),
    [
        (0.0, True, False, "the same as here"),
        (-0.25, True, False, "but for 250 ms"),
        (2.0, True, False, "2.0 s ahead of"),
        (-30.0, True, True, "30 s behind"),
        (600.0, False, True, "10 min ahead of"),
        (-7200.0, False, True, "2 h behind"),
    ],
)
def test_a_clock_is_told_by_how_far_it_is_off(
    skew: float, ok: bool, warns: bool, told: str
) -> None:
    check = clock.judged("relay", skew)
    assert (check.ok, bool(check.hint)) == (ok, warns)
    assert told in check.told


async def test_a_target_whose_clock_is_ten_minutes_off_is_found(doctor: Doctor) -> None:
    async with served(careless) as url:
        now = doctor.subject(url)
        off = Subject(now.settings, now.target, clock=lambda: wall_clock() + 600_000_000)
        found = Found()
        await clock.look(now, found)
        assert found.check("clock.target").ok
        wrong = Found()
        await clock.look(off, wrong)
    assert wrong.failed == ["clock.target"]
    assert "10 min behind" in wrong.check("clock.target").told


async def test_a_date_without_a_zone_is_of_utc(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(headers={"Date": formatdate()})

    assert formatdate().endswith("-0000")
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        async with served(handle) as url:
            assert (await doctor(clock.look, url)).check("clock.target").ok
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_without_anything_to_compare_with_the_clock_is_not_looked_at(doctor: Doctor) -> None:
    assert (await doctor(clock.look)).check("clock.target").ok is None


# Proxy.


@pytest.mark.parametrize(
    ("said", "remote", "proxy"),
    [
        ("203.0.113.9", "203.0.113.9", False),
        ("10.0.0.1, 203.0.113.9", "203.0.113.9", False),
        ("203.0.113.9:1234", "203.0.113.9:1234", False),
        ("172.18.0.1", "172.18.0.1:40000", False),
        ("[2001:db8::1]", "2001:DB8:0::1:40000", False),
        ("172.18.0.1", "172.18.0.10:40000", True),
        ("::1", "2001:db8::1:40000", True),
        ("203.0.113.9, ", "172.18.0.10:40000", True),
        ("unknown", "unknown", True),
        ("", "", True),
    ],
)
def test_whom_the_relay_takes_for_the_sender(said: str, remote: str, proxy: bool) -> None:
    arrived = Arrived("POST", "/", (("X-Forwarded-For", said),), b"", 0)
    parcel = Parcel("captured", 1, 0, remote, b"", b"", "", 0)
    check = sender(Sighting(FAILED, SeenAtRelay(1, parcel, arrived)))
    assert check is not None
    assert bool(check.hint) is proxy


# Terminal.


def size(columns: int = 80, rows: int = 24) -> os.terminal_size:
    return os.terminal_size((columns, rows))


def test_a_good_terminal_has_no_warning() -> None:
    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TMUX": "/tmp/t"}
    found = terminal.checks(environment, "UTF-8", size())
    assert all(check.ok and not check.hint for check in found)
    assert "tmux" in found[0].told


@pytest.mark.parametrize(
    ("environment", "encoding", "columns", "warned"),
    [
        ({}, "utf-8", 80, {"kind", "colours"}),
        ({"TERM": "dumb"}, "utf-8", 80, {"kind", "colours"}),
        ({"TERM": "xterm"}, "utf-8", 80, {"colours"}),
        ({"TERM": "xterm-256color"}, "ascii", 80, {"signs"}),
        ({"TERM": "xterm-256color"}, "no-such", 60, {"signs", "size"}),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "utf8", 80, set()),
    ],
)
def test_what_a_terminal_lacks_is_a_warning(
    environment: dict[str, str], encoding: str, columns: int, warned: set[str]
) -> None:
    found = terminal.checks(environment, encoding, size(columns))
    assert all(check.ok for check in found)
    assert {check.name for check in found if check.hint} == warned


# The examination itself.


def section(hop: str, *, waits: bool = False) -> tuple[Section, asyncio.Event]:
    gate = asyncio.Event()

    async def look(subject: Subject, tell: Tell) -> None:
        tell(Check(hop, "first", True, ""))
        await gate.wait()
        tell(Check(hop, "second", True, ""))

    return Section(hop, look, 5.0, waits), gate


async def test_what_waits_begins_at_once_and_is_told_in_its_turn(doctor: Doctor) -> None:
    (first, gate), (later, later_gate) = section("a"), section("b", waits=True)
    told: list[str] = []

    def tell(finding: Finding) -> None:
        told.append(finding.key)
        if finding.key == "a.first":
            later_gate.set()
            gate.set()

    await examine(doctor.subject(), tell, (first, later))
    assert told == ["a.first", "a.second", "b.first", "b.second"]


async def test_a_section_that_hangs_or_fails_is_a_finding_and_the_next_is_looked_at(
    doctor: Doctor,
) -> None:
    async def fails(subject: Subject, tell: Tell) -> None:
        raise ConfigurationError("it is broken", "mend it")

    hangs, _ = section("b")
    last, gate = section("c")
    gate.set()
    found = Found()
    sections = (Section("a", fails, 5.0), hangs._replace(seconds=0.01), last)
    await examine(doctor.subject(), found, sections)
    assert found.failed == ["a.examined", "b.time"]
    assert found.check("c.second").ok
    assert found.check("a.examined").hint == "mend it"


async def test_a_fault_of_ours_is_no_finding(doctor: Doctor) -> None:
    async def breaks(subject: Subject, tell: Tell) -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        await examine(doctor.subject(), Found(), (Section("a", breaks, 5.0),))


def test_a_request_breaks_at_the_first_place_that_saw_another_one() -> None:
    stages = {"relay": Stage(True), "journal": Stage(False, ("x",)), "app": Stage(None)}
    broken = Fidelity("fidelity", "gzip", "", stages)
    assert (broken.ok, broken.breaks_at) == (False, "journal")
    assert broken.to_json()["stages"]["app"] == {"ok": None, "differs": []}
    assert Fidelity("fidelity", "gzip", "", {"app": Stage(True)}).breaks_at is None


def test_what_proxies_add_is_written_as_it_is_compared() -> None:
    assert all(name == name.lower() for name in OF_PROXIES)
