"""Opening a store whose index is somebody else's to keep, and what is printed of the wait."""

import io
import json
from pathlib import Path

import pytest

from inspector.cli import opened as opened_module
from inspector.cli.opened import opened
from inspector.cli.printing import Progress, print_item, print_row
from inspector.domain.delivery import Request
from inspector.domain.facts import Captured
from inspector.errors import UnreachableError
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.journal import Journal
from inspector.store.lock import StoreLock
from inspector.store.reading import missing

REQUEST = Request("POST", "/", "1.1", (), b"{}")


async def capture(files: StoreFiles, count: int) -> None:
    """Deliveries in the journal alone, as a listener that was killed leaves them."""
    journal = Journal(files)
    for _ in range(count):
        await journal.append(Captured(0, REQUEST, "", route=()))
    await journal.close()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(opened_module, "_PATIENCE", 0)
    return Settings(db=tmp_path / "store.db")


async def test_without_a_listener_everything_is_indexed_first(settings: Settings) -> None:
    files = StoreFiles(settings.db)
    await capture(files, 3)
    assert missing(files) is None
    with opened(settings) as reader:
        assert reader.latest() == 3
        # Who reads does not keep others from writing.
        StoreLock(files.lock, {}).close()
    assert missing(files) == 0


async def test_a_relay_that_runs_keeps_no_index(settings: Settings) -> None:
    files = StoreFiles(settings.db)
    await capture(files, 1)
    with (
        StoreLock(files.lock, {"command": "inspector relay"}),
        pytest.raises(UnreachableError, match="the store of a relay that runs"),
        opened(settings),
    ):
        pass


async def test_what_the_keeper_of_the_index_has_not_reached_is_told(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    files = StoreFiles(settings.db)
    await capture(files, 2)
    with opened(settings):
        pass
    await capture(files, 3)
    with StoreLock(files.lock, {"pid": 1}), opened(settings) as reader:
        assert reader.latest() == 2
    assert "3 facts are not indexed yet" in capsys.readouterr().err


async def test_without_any_index_there_is_nothing_to_read(settings: Settings) -> None:
    files = StoreFiles(settings.db)
    await capture(files, 1)
    with (
        StoreLock(files.lock, {"pid": 1}),
        pytest.raises(UnreachableError, match="no index yet"),
        opened(settings),
    ):
        pass


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_on_a_terminal_and_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for stream, expected in (
        (Terminal(), "\r\x1b[Ksending 1 of 2\r\x1b[K\r\x1b[Ksending 2 of 2\r\x1b[K"),
        (io.StringIO(), ""),
    ):
        monkeypatch.setattr("sys.stderr", stream)
        with Progress("sending") as progress:
            progress.show(1, 2)
            progress.hide()
            progress.show(2, 2)
        assert stream.getvalue() == expected


def test_progress_of_one_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    with Progress("sending") as progress:
        progress.show(1, 1)
        assert not progress._shown


def test_a_terminal_that_lacks_a_character_gets_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr("sys.stdout", out)
    print_row("a ␛ é")
    print_item("event", {"name": "é"})
    assert isinstance(out.buffer, io.BytesIO)
    row, line = out.buffer.getvalue().splitlines()
    assert row == rb"a \u241b \xe9"
    assert json.loads(line) == {"v": 1, "kind": "event", "name": "é"}
