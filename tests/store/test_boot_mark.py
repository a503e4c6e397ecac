"""The index's process does not wait for the disk: what is there after a power cut is made anew."""

from contextlib import closing
from pathlib import Path

import pytest

from inspector.store import boot_mark
from inspector.store.boot_mark import BootMark, boot_id
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from tests.store.parts import captured, read_plain, rows, write

pytestmark = pytest.mark.skipif(not boot_id(), reason="this system gives its runs no names")


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "store.db")


def mark_of(files: StoreFiles) -> Path:
    return files.index.with_name(files.index.name + "-boot")


def count(files: StoreFiles) -> int:
    found: int = rows(files.index, "SELECT count(*) FROM delivery")[0][0]
    return found


def hurried(files: StoreFiles) -> Indexer:
    return Indexer(files, read_plain, hurry=True)


def test_the_mark_is_there_while_nobody_waits_and_gone_when_all_is_on_the_disk(
    files: StoreFiles,
) -> None:
    write(files, captured("1"))
    with closing(hurried(files)) as indexer:
        assert mark_of(files).read_text().startswith(f"{boot_id()} ")
        assert mark_of(files).stat().st_mode & 0o777 == 0o600
        synchronous = indexer._connection.execute("PRAGMA synchronous").fetchone()
        assert synchronous == (0,)
        indexer.run()
    assert not mark_of(files).exists()
    assert count(files) == 1


def test_an_index_of_a_killed_process_is_kept(files: StoreFiles) -> None:
    write(files, captured("1"))
    with closing(hurried(files)) as indexer:
        indexer.run()
    BootMark(files.index).set()
    with closing(Indexer(files, read_plain)) as indexer:
        assert indexer.position > 0
    # One that waits for the disk says nothing of what another left behind.
    assert mark_of(files).exists()


def test_an_index_that_a_power_cut_left_behind_is_made_anew(files: StoreFiles) -> None:
    write(files, captured("1"), captured("2"))
    with closing(hurried(files)) as indexer:
        indexer.run()
    mark_of(files).write_text("another run of the machine")
    with closing(hurried(files)) as indexer:
        assert indexer.position == 0
        assert mark_of(files).read_text().startswith(f"{boot_id()} ")
        indexer.run()
    assert count(files) == 2


def test_a_writer_that_ends_late_leaves_the_mark_of_the_next_one(files: StoreFiles) -> None:
    write(files, captured("1"))
    late, following = hurried(files), hurried(files)
    late.close()
    assert mark_of(files).exists()
    following.close()
    assert not mark_of(files).exists()


def test_a_mark_that_was_only_begun_is_not_trusted(files: StoreFiles) -> None:
    write(files, captured("1"))
    with closing(hurried(files)) as indexer:
        indexer.run()
    mark_of(files).write_bytes(b"")
    with closing(hurried(files)) as indexer:
        assert indexer.position == 0


def test_without_a_name_for_the_run_of_the_machine_every_step_waits(
    files: StoreFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(boot_mark, "_BOOT_ID", tmp_path / "none")
    write(files, captured("1"))
    with closing(hurried(files)) as indexer:
        synchronous = indexer._connection.execute("PRAGMA synchronous").fetchone()
        assert synchronous == (1,)
        indexer.run()
    assert not mark_of(files).exists()
