"""Finding a listener by its lock file: read what is right, tolerate anything else."""

import json
from pathlib import Path

import pytest

from inspector.client.discovery import Listener, companion, find_listener, read_token
from inspector.errors import ConfigurationError


def written(tmp_path: Path, data: bytes) -> Path:
    db = tmp_path / "x.db"
    companion(db, "lock").write_bytes(data)
    return db


def test_reads_the_lock_file(tmp_path: Path) -> None:
    token_file = tmp_path / "x.db-token"
    token_file.write_text("secret\n")
    url, control, db = (
        "http://127.0.0.1:8400",
        "http://127.0.0.1:8400/_inspector",
        tmp_path / "x.db",
    )
    places = {"url": url, "control": control, "token_file": str(token_file), "db": str(db)}
    item = {"pid": 12, "later": "ignored", **places}
    found = find_listener(written(tmp_path, json.dumps(item).encode()))
    assert found == Listener(url, control, token_file, db, 12)
    assert found is not None
    assert found.token() == "secret"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"pid": 1}',
        b'{"pid": "1", "url": "", "control": "", "token_file": "", "db": ""}',
        b'{"pid": 1, "url": "", "control": "", "token_file": 3, "db": ""}',
        b"[" * 50_000,
        b" " * 200_000 + b"{}",
    ],
)
def test_garbage_is_no_listener(tmp_path: Path, data: bytes) -> None:
    assert find_listener(written(tmp_path, data)) is None


def test_no_file_is_no_listener(tmp_path: Path) -> None:
    assert find_listener(tmp_path / "none.db") is None


def test_a_token_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_token(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_token(tmp_path / "empty")
