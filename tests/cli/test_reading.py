"""list, show, status, events and reindex: with a listener, after one, and without any store."""

import base64
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.providers.pacspace.catalogue import CATALOGUE
from inspector.store.files import StoreFiles
from inspector.store.lock import StoreLock
from tests.cli.conftest import Cli
from tests.helpers.listener import ListenerProcess, post, send

SECRET = "whsec_test_secret"
HOSTILE = b'{"event":"x.hostile","data":{"a":"\\u001b[31mred\\u202e"}}'
DELIVERIES = (
    b'{"event":"delta.verified","data":{"customerId":"cust_1"}}',
    b'{"event":"delta.failed","data":{}}',
    HOSTILE,
    b"\x00\xff binary",
)


def refuse_one(url: str) -> None:
    """Send what no parser understands."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"GARBAGE\x1b[31m\r\n\r\n")
        while raw.recv(4096):
            pass


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A store left by a listener: four deliveries, one refused, an attempt on each of the four."""
    cli = Cli(tmp_path_factory.mktemp("filled"))
    # Nothing listens on port 1: each attempt fails, at once and for good.
    arguments = ("http://127.0.0.1:1", "--retry", "0", "--secret", SECRET)
    with ListenerProcess(cli.db, *arguments) as listener:
        for number, body in enumerate(DELIVERIES, 1):
            assert post(f"{listener.url}/hooks/{number}?q=%2F", body, {"X-Dup": "a"}) == number
        refuse_one(listener.url)
        listener.wait_for(4, kind="attempt")
        listener.wait_for(1, kind="refused")
    return cli


def test_who_needs_no_secret_misses_none(filled: Cli) -> None:
    cli = Cli(filled.folder, {"INSPECTOR_SECRET": "env:NOT_SET", "INSPECTOR_RELAY_TOKEN": "env:NO"})
    for arguments in (["list"], ["show", "1"], ["status"], ["events"]):
        assert (cli(*arguments).code, cli(*arguments).err) == (0, "")
    before = cli("list").out
    for arguments in (["reindex"], ["trigger", "delta.failed"], ["serve", "--headless"]):
        ran = cli(*arguments)
        assert (ran.code, ran.out) == (3, "")
        assert "secret: the environment has no NOT_SET" in ran.err
    assert cli("list").out == before


def test_list_is_newest_first_and_short_by_default(filled: Cli) -> None:
    ran = filled("list")
    assert ran.code == 0
    assert [row.split()[0] for row in ran.rows] == ["#5", "#4", "#3", "#2", "#1"]
    assert filled("list", "-n", "2").rows == ran.rows[:2]
    assert all(row.isprintable() for row in ran.rows)
    assert ran.err == ""


def test_list_as_json_has_the_contract_s_shape(filled: Cli) -> None:
    item = filled("list", "id:1", "--json").items[0]
    assert (item["v"], item["kind"], item["id"], item["state"]) == (1, "delivery", 1, "failed")
    assert item["request_target"] == "/hooks/1?q=%2F"
    assert ["X-Dup", "a"] in item["headers"]
    assert item["body_size"] == len(DELIVERIES[0])
    assert "body_b64" not in item


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["event:delta.*"], [2, 1]),
        (["event:delta.*", "not", "event:delta.failed"], [1]),
        (["event:delta.*", "!event:delta.failed"], [1]),
        (["--", "event:delta.*", "-event:delta.failed"], [1]),
        (["data.customerId:cust_1"], [1]),
        (["path:/hooks/3*"], [3]),
        (["state:refused"], [5]),
        (["event:nothing"], []),
    ],
)
def test_the_words_of_a_query_are_one_query(words: list[str], ids: list[int], filled: Cli) -> None:
    ran = filled("list", "--json", *words)
    assert ran.code == 0
    assert [item["id"] for item in ran.items] == ids
    assert ran.err == ("" if ids else f"no delivery matches {' '.join(words)}\n")


def test_a_list_of_nothing_says_so(cli: Cli) -> None:
    StoreFiles(cli.db).create()
    ran = cli("list")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing captured yet" in ran.err


def test_show_as_json_is_whole(filled: Cli) -> None:
    item = filled("show", "4", "--json").items[0]
    assert base64.b64decode(item["body_b64"]) == DELIVERIES[3]
    assert "body_text" not in item
    (attempt,) = item["attempts"]
    assert attempt["target"] == "http://127.0.0.1:1"
    assert attempt["failure"]["kind"] == "refused"
    assert filled("show", "1", "--json").items[0]["body_text"] == DELIVERIES[0].decode()


def test_show_for_people_tells_all_and_harms_nobody(filled: Cli) -> None:
    ran = filled("show", "#3")
    assert ran.code == 0
    assert all(row.isprintable() for row in ran.rows)
    text = ran.out
    for part in ("#3  x.hostile", "POST /hooks/3?q=%2F HTTP/1.1", "X-Dup: a", "attempt 1 to",
                 "no answer: ", "␛[31mred‹U+202E›", "failed"):  # fmt: skip
        assert part in text


def test_show_tells_what_is_documented_of_an_envelope(filled: Cli) -> None:
    ran = filled("show", "1")
    assert "Event type." in ran.out
    assert "unsigned: " in ran.out


def test_show_body_is_the_bytes_alone(filled: Cli) -> None:
    for number, body in enumerate(DELIVERIES, 1):
        assert filled("show", str(number), "--body").stdout == body


def test_show_of_what_no_parser_understood_gives_its_first_bytes(filled: Cli) -> None:
    assert filled("show", "latest", "--body").stdout.startswith(b"GARBAGE\x1b[31m")
    assert "GARBAGE␛[31m" in filled("show", "latest").out
    item = filled("show", "latest", "--json").items[0]
    assert (item["state"], item["headers"]) == ("refused", [])
    assert base64.b64decode(item["body_b64"]).startswith(b"GARBAGE")


def test_status_without_a_listener(filled: Cli) -> None:
    (item,) = filled("status", "--json").items
    assert (item["v"], item["kind"], item["listening"], item["pid"]) == (1, "status", False, None)
    ledger = item["ledger"]
    assert (ledger["received"], ledger["failed"], ledger["refused"]) == (5, 4, 1)
    assert ledger["balanced"] is True
    assert item["index_lag"] == {"facts": 0}
    assert set(item["versions"]) == {"inspector", "python", "sqlite", "schema"}
    rows = filled("status").rows
    assert "received    5 = 4 failed, 1 refused" in rows
    assert "listener    none" in rows


def test_a_gzip_body_is_shown_decoded_and_written_raw(cli: Cli) -> None:
    body = gzip.compress(b'{"event":"x.packed"}')
    with ListenerProcess(cli.db) as listener:
        post(listener.url, body, {"Content-Encoding": "gzip"})
        assert '"x.packed"' in cli("show", "latest").out
        assert cli("show", "latest", "--body").stdout == body


def test_reading_beside_a_listener_sees_what_was_answered_before(cli: Cli) -> None:
    with ListenerProcess(cli.db, "--secret", SECRET) as listener:
        for number in range(1, 4):
            post(listener.url, b"{}")
            assert cli("list", "--json", "-n", "1").items[0]["id"] == number
        (status,) = cli("status", "--json").items
        assert (status["listening"], status["pid"]) == (True, listener.pid)
        assert status["url"] == listener.url
        assert status["ledger"]["kept"] == 3
        assert f"listener    process {listener.pid} at {listener.url}" in cli("status").rows


def test_what_a_killed_listener_left_is_read_without_one(cli: Cli) -> None:
    with ListenerProcess(cli.db) as listener:
        for _ in range(20):
            post(listener.url, b'{"event":"x.y"}')
        listener.kill()
    # Even with its index gone.
    for name in ("-index", "-index-wal", "-index-shm"):
        Path(f"{cli.db}{name}").unlink(missing_ok=True)
    ran = cli("list", "event:x.y", "--json")
    assert [item["id"] for item in ran.items] == list(range(20, 0, -1))
    assert cli("status", "--json").items[0]["ledger"]["balanced"] is True


def test_reindex_verifies_with_a_secret_added_later(cli: Cli) -> None:
    made = cli("trigger", "delta.verified", "--secret", SECRET, "--json")
    cli("reindex", "--secret", "another")
    assert cli("list", "sig:invalid", "--json").items[0]["id"] == made.items[0]["id"]
    ran = cli("reindex", "--secret", SECRET)
    assert (ran.code, ran.out) == (0, "1 delivery indexed anew\n")
    assert len(cli("list", "sig:valid").rows) == 1


def test_reindex_through_the_listener_gives_the_same_rows(cli: Cli) -> None:
    with ListenerProcess(cli.db, "--secret", SECRET) as listener:
        for number in range(50):
            post(listener.url, json.dumps({"event": "x.y", "n": number}).encode())
        before = cli("list", "--json").items
        ran = cli("reindex", "--json")
        assert ran.items == [{"v": 1, "kind": "reindexed", "deliveries": 50}]
        assert cli("list", "--json").items == before
        refused = cli("reindex", "--secret", "other")
        assert (refused.code, refused.out) == (2, "")


def test_events_is_the_whole_catalogue_and_needs_no_store(cli: Cli) -> None:
    items = cli("events", "--json").items
    assert {item["event"] for item in items} == set(CATALOGUE)
    assert all(item["kind"] == "event" and item["summary"] and item["source"] for item in items)
    text = cli("events").out
    assert all(event in text for event in CATALOGUE)
    assert list(cli.folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "1"], ["status"], ["reindex"], ["resend", "1"], ["tui"], ["primary"]],
    ids=lambda arguments: arguments[0],
)
def test_a_missing_store_exits_8_and_is_not_made(arguments: list[str], cli: Cli) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (8, "")
    assert "there is no store at" in ran.err
    assert "hint: start `inspector serve`" in ran.err
    assert list(cli.folder.iterdir()) == []


def test_a_reader_of_the_output_that_leaves_is_no_error(filled: Cli) -> None:
    process = filled.start("list", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.wait(20) == 0


@pytest.fixture
def held(cli: Cli) -> Iterator[Cli]:
    """A store with one delivery that another command is just writing to."""
    cli("trigger", "delta.failed")
    with StoreLock(StoreFiles(cli.db).lock, {"command": "inspector resend", "pid": 7}):
        yield cli


def test_a_store_that_another_command_writes_to_can_be_read(held: Cli) -> None:
    assert len(held("list").rows) == 1
    assert held("status").code == 0


@pytest.mark.parametrize("arguments", [["reindex"], ["resend", "1"], ["trigger", "delta.failed"]])
def test_a_store_that_another_command_writes_to_names_it(arguments: list[str], held: Cli) -> None:
    ran = held(*arguments)
    assert ran.code == 4
    assert "in use by inspector resend, process 7" in ran.err


def test_tui_needs_a_listener_and_a_terminal(filled: Cli) -> None:
    ran = filled("tui")
    assert ran.code == 4
    assert "hint: start one with `inspector serve`" in ran.err
    with ListenerProcess(filled.db):
        ran = filled("tui")
    assert ran.code == 2
    assert "the UI needs a terminal" in ran.err


def test_a_wrong_token_exits_3_and_tells_nothing(cli: Cli) -> None:
    with ListenerProcess(cli.db) as listener:
        post(listener.url, b'{"event":"x.secret"}')
        Path(listener.ready["token_file"]).write_text("wrong\n")
        ran = cli("status")
        assert ran.code == 3
        assert "a valid token is needed" in ran.err
        assert send(f"{listener.control}/api/status").status == 401
