"""One process writes to a store, and the others are told which."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inspector.errors import UnreachableError
from inspector.store import lock as lock_module
from inspector.store.lock import StoreLock, holder

HOLDER = """
import os, signal, sys
from pathlib import Path
from inspector.store.lock import StoreLock
lock = StoreLock(Path(sys.argv[1]), {"command": "inspector serve", "pid": os.getpid()})
print(os.getpid(), flush=True)
signal.pause()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db-lock"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_second_is_told_who_is_the_first(path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert first.stdout is not None
    with first.stdout:
        assert int(first.stdout.readline()) == first.pid
        with pytest.raises(UnreachableError) as caught:
            StoreLock(path, {})
        assert caught.value.message == (
            f"the store store.db is in use by inspector serve, process {first.pid}"
        )
        assert "--db" in caught.value.hint
        assert holder(path) == {"command": "inspector serve", "pid": first.pid}
        # The refusal has not changed the note.
        assert json.loads(path.read_bytes())["pid"] == first.pid
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert holder(path) is None
    with StoreLock(path, {"pid": 7}) as mine:
        assert holder(path) == {"pid": 7}
        mine.write({"pid": 8, "url": "http://x" * 100})
        mine.write({"pid": 9})
        assert holder(path) == {"pid": 9}
        mine.close()
        mine.close()
    assert holder(path) is None
    assert path.read_bytes() == b""


def test_nobody_holds_what_is_not_there(path: Path) -> None:
    assert holder(path) is None
    assert not path.exists()


@pytest.mark.parametrize("note", [b"", b"{", b"[1]", b"\xff"])
def test_a_note_that_cannot_be_read(
    note: bytes, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "_PATIENCE", 0.0)
    with StoreLock(path, {}):
        path.write_bytes(note)
        assert holder(path) == {}
        with pytest.raises(UnreachableError, match="in use by inspector, process unknown"):
            StoreLock(path, {})


def test_one_who_only_looks_is_in_nobodys_way(path: Path) -> None:
    StoreLock(path, {}).close()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for n in range(30):
            StoreLock(path, {"pid": n}).close()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
