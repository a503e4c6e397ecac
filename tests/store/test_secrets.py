"""The kept secrets: in a file that is its owner's alone, or in a keyring that the file names."""

import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from inspector.errors import ConfigurationError
from inspector.store.files import StoreFiles
from inspector.store.secrets import KeptSecret, SecretsFile
from tests.helpers.keyrings import (
    BrokenKeyring,
    ForgetfulKeyring,
    MemoryKeyring,
    RefusingKeyring,
    WeakKeyring,
    in_use,
)

FIRST = KeptSecret(
    "pacspace", "wh_1", "https://hooks.example/a", "2026-02-11T10:00:00Z", "whsec_first"
)
SECOND = FIRST._replace(webhook="wh_2", secret="whsec_second")


@pytest.fixture
def files(tmp_path: Path) -> StoreFiles:
    return StoreFiles(tmp_path / "data" / "inspector.db")


@pytest.fixture
def file(files: StoreFiles) -> SecretsFile:
    return SecretsFile.beside(files)


def test_no_file_is_no_secret_and_reading_makes_none(file: SecretsFile, tmp_path: Path) -> None:
    assert file.read() == ()
    file.forget("wh_1")
    assert not list(tmp_path.rglob("*secrets"))


def test_what_is_kept_is_read_again_the_newest_first(file: SecretsFile, files: StoreFiles) -> None:
    file.keep(FIRST)
    file.keep(SECOND)
    assert file.read() == (SECOND, FIRST)
    written = json.loads(files.secrets.read_text())
    assert written == {"v": 1, "secrets": [SECOND._asdict(), FIRST._asdict()]}


def test_the_same_webhook_is_kept_once(file: SecretsFile) -> None:
    file.keep(FIRST)
    file.keep(SECOND)
    newer = FIRST._replace(secret="whsec_newer")
    file.keep(newer)
    assert file.read() == (newer, SECOND)


def test_what_is_forgotten_is_gone_and_the_rest_stays(file: SecretsFile, files: StoreFiles) -> None:
    file.keep(FIRST)
    file.keep(SECOND)
    file.forget("wh_1")
    file.forget("wh_9")
    assert file.read() == (SECOND,)
    assert "whsec_first" not in files.secrets.read_text()


def test_it_is_its_owners_alone(file: SecretsFile, files: StoreFiles) -> None:
    before = os.umask(0)
    try:
        file.keep(FIRST)
        file.keep(SECOND)
    finally:
        os.umask(before)
    for path in files.database.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.database.parent.stat().st_mode) & 0o077 == 0


def test_a_loose_mode_is_tightened_by_whoever_reads(file: SecretsFile, files: StoreFiles) -> None:
    file.keep(FIRST)
    files.secrets.chmod(0o644)
    assert file.read() == (FIRST,)
    assert stat.S_IMODE(files.secrets.stat().st_mode) == 0o600


def test_a_loose_mode_that_stays_is_refused(
    file: SecretsFile, files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.keep(FIRST)
    files.secrets.chmod(0o640)

    def refuse(descriptor: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(ConfigurationError, match="others may read") as caught:
        file.read()
    assert caught.value.hint == f"as its owner: chmod 600 {files.secrets}"


DAMAGED = {
    "cut": '{"v": 1, "secrets": [{"provider": "pacspace", "secret": "whsec_hidden',
    "empty": "",
    "a list": '["whsec_hidden"]',
    "a later version": '{"v": 2, "secrets": []}',
    "no secret": '{"v":1,"secrets":[{"provider":"p","webhook":"w","url":"u","created_at":""}]}',
    "an empty secret": '{"v":1,"secrets":[{"provider":"p","webhook":"w","url":"u",'
    '"created_at":"","secret":""}]}',
    "a number": '{"v":1,"secrets":[{"provider":"p","webhook":"w","url":"u","created_at":"",'
    '"secret":["whsec_hidden"]}]}',
    "more\nthan a line": '{"v":1,"secrets":[], "whsec\\nhidden": 1}',
    "no text": "\udcff\udcfe",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=[name[:6] for name in DAMAGED])
def test_a_damaged_file_is_told_in_one_line_and_left_alone(
    file: SecretsFile, files: StoreFiles, text: str
) -> None:
    files.create()
    files.secrets.write_bytes(text.encode("utf-8", "surrogateescape"))
    with in_use(MemoryKeyring()):
        for attempt in (file.read, lambda: file.keep(FIRST), lambda: file.forget("wh_1")):
            with pytest.raises(ConfigurationError) as caught:
                attempt()
            told = caught.value.message + caught.value.hint
            assert str(files.secrets) in told
            assert "\n" not in told
            assert "whsec_hidden" not in told
            # Neither does what a traceback would show.
            assert caught.value.__context__ is None
    assert files.secrets.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot use"):
        SecretsFile(tmp_path / "file" / "x-secrets").keep(FIRST)
    (tmp_path / "y-secrets").mkdir()
    with pytest.raises(ConfigurationError, match="cannot use"):
        SecretsFile(tmp_path / "y-secrets").read()


def test_a_failed_replacement_leaves_the_old_file(
    file: SecretsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.keep(FIRST)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="no space left on device"):
        file.keep(SECOND)
    monkeypatch.undo()
    assert file.read() == (FIRST,)


def test_those_who_keep_at_the_same_time_lose_none(files: StoreFiles) -> None:
    many = [FIRST._replace(webhook=f"wh_{n}", secret=f"whsec_{n}") for n in range(8)]
    threads = [
        threading.Thread(target=SecretsFile.beside(files).keep, args=(each,)) for each in many
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(SecretsFile.beside(files).read()) == sorted(many)


def test_what_a_provider_sent_need_not_be_text(file: SecretsFile) -> None:
    file.keep(FIRST._replace(created_at="\ud800", url="https://hooks.example/\udfff"))
    (kept,) = file.read()
    assert (kept.secret, kept.created_at) == (FIRST.secret, "?")
    for secret in ("", "whsec_\ud800"):
        with pytest.raises(ConfigurationError, match="no text that can sign"):
            file.keep(SECOND._replace(secret=secret))


def test_no_representation_has_the_secret() -> None:
    assert "whsec" not in f"{FIRST!r} {FIRST} {[FIRST]} {(FIRST,)!s}"
    assert "wh_1" in repr(FIRST)


# With the library `keyring`.


def test_a_secret_lies_in_the_keyring_and_the_file_names_it(
    file: SecretsFile, files: StoreFiles
) -> None:
    backend = MemoryKeyring()
    with in_use(backend):
        file.keep(FIRST)
        user = f"{files.database} wh_1"
        assert backend.entries == {("inspector", user): "whsec_first"}
        assert "whsec" not in files.secrets.read_text()
        (entry,) = json.loads(files.secrets.read_text())["secrets"]
        assert entry["keyring"] == user
        assert file.read() == (FIRST,)
        file.forget("wh_1")
        assert backend.entries == {}
        assert file.read() == ()


def test_two_stores_do_not_share_what_is_in_the_keyring(tmp_path: Path) -> None:
    one, two = (SecretsFile.beside(StoreFiles(tmp_path / name)) for name in ("one.db", "two.db"))
    with in_use(MemoryKeyring()):
        one.keep(FIRST)
        two.keep(FIRST._replace(secret="whsec_two"))
        assert [kept.secret for kept in (*one.read(), *two.read())] == ["whsec_first", "whsec_two"]


@pytest.mark.parametrize("backend", [RefusingKeyring, BrokenKeyring, ForgetfulKeyring, WeakKeyring])
def test_what_a_keyring_refuses_lies_in_the_file(
    file: SecretsFile, files: StoreFiles, backend: type[MemoryKeyring]
) -> None:
    with in_use(backend()):
        file.keep(FIRST)
        assert file.read() == (FIRST,)
    assert "whsec_first" in files.secrets.read_text()
    assert stat.S_IMODE(files.secrets.stat().st_mode) == 0o600


def test_without_the_library_it_lies_in_the_file(
    file: SecretsFile, files: StoreFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    file.keep(FIRST)
    assert file.read() == (FIRST,)
    assert "whsec_first" in files.secrets.read_text()


def test_a_locked_keyring_is_told_and_what_it_has_is_not_lost(file: SecretsFile) -> None:
    backend = MemoryKeyring()
    with in_use(backend):
        file.keep(FIRST)
        backend.locked = True
        with pytest.raises(
            ConfigurationError, match="secret of wh_1 lies in the keyring"
        ) as caught:
            file.read()
        assert "whsec" not in caught.value.message + caught.value.hint
        # Another one is kept meanwhile, where there is room.
        file.keep(SECOND)
        backend.locked = False
        assert file.read() == (SECOND, FIRST)


def test_a_keyring_without_its_library_is_told(
    file: SecretsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_use(MemoryKeyring()):
        file.keep(FIRST)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="lies in the keyring"):
        file.read()
