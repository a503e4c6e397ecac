"""`inspector relay` as a process: it captures for its endpoints, which come and go meanwhile."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from inspector.tunnel import messages, wire
from tests.cli.conftest import Cli
from tests.helpers.consumer import closed_with, consumer, next_parcels
from tests.helpers.fake_target import certificate
from tests.helpers.listener import PATIENCE, Item, environment, post, send
from tests.helpers.relay import RelayProcess


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    with RelayProcess(tmp_path / "relay.db") as relay:
        yield relay


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    """One relay for all tests that have endpoints of their own at it, and leave it alone."""
    with RelayProcess(tmp_path_factory.mktemp("shared") / "relay.db") as relay:
        yield relay


def until(reached: Callable[[], Any]) -> Any:
    """Look again and again, each time at a running process."""
    deadline = time.monotonic() + PATIENCE
    while not (found := reached()):
        assert time.monotonic() < deadline, "waited in vain"
    return found


def capture(endpoint: Item, path: str = "", body: bytes = b"{}") -> int:
    """POST to an endpoint; the status."""
    return send(endpoint["url"] + path, body, method="POST").status


def added(relay: RelayProcess, *arguments: str) -> Item:
    """A new endpoint of a running relay, once it captures."""
    endpoint = relay.endpoint("add", *arguments)
    until(lambda: any(each["name"] == arguments[0] for each in relay.status()["endpoints"]))
    return endpoint


def refused_with(endpoint: Item) -> int:
    with pytest.raises(InvalidStatus) as caught, consumer(endpoint):
        pass
    return caught.value.response.status_code


def test_ready_says_where_it_listens_and_it_is_healthy(shared: RelayProcess) -> None:
    ready = shared.ready
    assert ready["v"] == 1
    assert ready["url"] == ready["public_url"]
    assert ready["db"] == str(shared.db)
    for path in ("/healthz", "/readyz"):
        assert json.loads(send(shared.health + path).body)["ok"] is True
    assert send(f"{shared.url}/_inspector/healthz").status == 200


def test_what_is_captured_is_numbered_and_counted_by_endpoint(shared: RelayProcess) -> None:
    one, two = added(shared, "one"), added(shared, "two")
    assert [post(one["url"] + "/hooks?x", b"12345") for _ in range(3)] == [1, 2, 3]
    assert post(two["url"], b"1") == 1
    captured = {name: shared.metric("inspector_relay_captured_total", endpoint=name) for name in
                ("one", "two")}  # fmt: skip
    assert captured == {"one": 3, "two": 1}
    assert shared.metric("inspector_relay_captured_bytes_total", endpoint="one") == 15
    assert shared.metric("inspector_relay_pending", endpoint="one") == 3
    told = shared.status_of("one")
    assert (told["last"], told["stored"], told["captured"]) == (3, 3, 3)


def test_an_unknown_address_is_not_found_counted_and_not_stored(shared: RelayProcess) -> None:
    dev = added(shared, "known")
    before = shared.metric("inspector_relay_unknown_total")
    for url in (shared.url, f"{shared.url}/in/", f"{shared.url}/in/{'0' * 32}", dev["url"] + "x"):
        assert send(url, b"{}", method="POST").status == 404
    assert shared.metric("inspector_relay_unknown_total") == before + 4
    assert shared.status_of("known")["last"] == 0


def test_an_endpoint_made_before_the_first_start_is_there(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    dev = relay.endpoint("add", "dev")
    with relay:
        assert send(relay.url + urlsplit(dev["url"]).path, b"{}", method="POST").status == 200
        (listed,) = [relay.endpoint("list")]
        assert listed["url"].startswith(relay.url + "/in/")


def test_a_consumer_gets_what_is_captured_and_the_relay_knows_how_far_it_is(
    shared: RelayProcess,
) -> None:
    dev = added(shared, "mirrored")
    capture(dev, "/a?b", b"body")
    with consumer(dev) as connection:
        (parcel,) = next_parcels(connection).items
        assert (parcel.id, parcel.body) == (1, b"body")
        (told,) = shared.status_of("mirrored")["consumers"]
        assert (told["consumer"], told["attached"], told["lag"]) == ("dev@laptop", True, 1)
        assert shared.metric("inspector_relay_consumers", endpoint="mirrored") == 1
        assert shared.metric("inspector_relay_lag", endpoint="mirrored") == 1
        connection.send(wire.encode(messages.Ack(1)))
        until(lambda: shared.metric("inspector_relay_lag", endpoint="mirrored") == 0)
    until(lambda: gone_with(shared, "mirrored") == [1])


def gone_with(relay: RelayProcess, name: str) -> list[int]:
    """How far those had come who were attached and are no more."""
    consumers = relay.status_of(name)["consumers"]
    return [each["acked"] for each in consumers if not each["attached"]]


def test_a_rotated_token_cuts_consumers_off_and_the_new_one_lets_them_in(
    shared: RelayProcess,
) -> None:
    dev = added(shared, "rotated")
    with consumer(dev) as connection:
        rotated = shared.endpoint("rotate", "rotated")
        assert closed_with(connection) == messages.CLOSE_UNAUTHORIZED
    assert rotated["url"] == dev["url"]
    assert refused_with(dev) == 401
    assert capture(dev) == 200
    with consumer(rotated) as connection:
        assert next_parcels(connection).items[0].id == 1


def test_a_removed_endpoint_is_forgotten_and_its_consumers_are_cut_off(
    relay: RelayProcess,
) -> None:
    dev, other = added(relay, "dev"), added(relay, "other")
    capture(dev, body=b"to be forgotten")
    capture(other)
    with consumer(dev) as connection:
        relay.endpoint("remove", "dev", "--yes")
        assert closed_with(connection) == messages.CLOSE_UNAUTHORIZED
    assert capture(dev) == 404
    assert refused_with(dev) == 404
    until(lambda: removed_ids(relay) == [])
    assert b"to be forgotten" not in files_of(relay)
    assert [each["name"] for each in relay.status()["endpoints"]] == ["other"]
    assert relay.status_of("other")["stored"] == 1


def test_a_request_under_way_to_a_removed_endpoint_leaves_nothing(relay: RelayProcess) -> None:
    dev = added(relay, "dev")
    address = urlsplit(dev["url"])
    with socket.create_connection((str(address.hostname), address.port)) as sender:
        head = f"POST {address.path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
        sender.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert sender.recv(99).startswith(b"HTTP/1.1 100 ")
        relay.endpoint("remove", "dev", "--yes")
        until(lambda: capture(dev) == 404)
        sender.sendall(b"to forget")
        assert sender.recv(99).startswith(b"HTTP/1.1 404 ")
    until(lambda: removed_ids(relay) == [])
    assert b"to forget" not in files_of(relay)


def test_what_was_removed_while_the_relay_was_down_is_forgotten_at_its_start(
    tmp_path: Path,
) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    with relay:
        dev = added(relay, "dev")
        capture(dev, body=b"to be forgotten")
    relay.endpoint("remove", "dev", "--yes")
    assert len(removed_ids(relay)) == 1
    with relay:
        until(lambda: removed_ids(relay) == [])
    assert b"to be forgotten" not in files_of(relay)


def removed_ids(relay: RelayProcess) -> list[str]:
    path = relay.db.with_name(relay.db.name + "-endpoints")
    removed: list[str] = json.loads(path.read_bytes())["removed"]
    return removed


def files_of(relay: RelayProcess) -> bytes:
    """Everything that lies in the database."""
    connection = "import sqlite3,sys;print(*sqlite3.connect(sys.argv[1]).iterdump())"
    return subprocess.run(
        [sys.executable, "-c", connection, relay.db], capture_output=True, check=True
    ).stdout


def test_nothing_is_kept_for_a_consumer_who_is_forgotten(shared: RelayProcess) -> None:
    dev = added(shared, "left")
    with consumer(dev, "gone@laptop"):
        capture(dev)
    until(lambda: gone_with(shared, "left") == [0])
    shared.endpoint("forget", "left", "gone@laptop")
    until(lambda: shared.status_of("left")["consumers"] == [])
    until(lambda: removed_ids(shared) == [])


def test_limits_are_another_while_it_runs_and_what_they_turn_away_is_counted(
    shared: RelayProcess,
) -> None:
    dev = added(shared, "limited")
    assert capture(dev, body=bytes(100)) == 200
    shared.endpoint("set", "limited", "--max-body", "10")
    until(lambda: shared.status_of("limited")["limits"]["max_body"] == 10)
    assert capture(dev, body=bytes(100)) == 413
    assert (
        shared.metric("inspector_relay_refused_total", endpoint="limited", reason="body-too-large")
        == 1
    )
    shared.endpoint("set", "limited", "--rate", "0.01")
    until(lambda: shared.status_of("limited")["limits"]["rate"] == 0.01)
    answers = [send(dev["url"], b"", method="POST") for _ in range(3)]
    assert answers[-1].status == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    limited = shared.metric(
        "inspector_relay_limited_total", endpoint="limited", reason="rate-limited"
    )
    assert limited >= 1


def test_a_broken_endpoints_file_changes_nothing_and_is_told_once(relay: RelayProcess) -> None:
    dev = added(relay, "dev")
    path = relay.db.with_name(relay.db.name + "-endpoints")
    good = path.read_bytes()
    path.write_bytes(b"{")
    until(lambda: "the endpoints stay as they were" in relay.stderr)
    assert capture(dev) == 200
    path.unlink()
    until(lambda: "is gone" in relay.stderr)
    assert capture(dev) == 200
    path.write_bytes(good)
    relay.endpoint("add", "more")
    until(lambda: len(relay.status()["endpoints"]) == 2)
    assert relay.stderr.count("the endpoints stay as they were: ") == 1


def test_the_status_tells_who_is_connected_and_what_waits(
    shared: RelayProcess, tmp_path: Path
) -> None:
    dev = added(shared, "watched")
    capture(dev)
    cli = Cli(tmp_path)
    with consumer(dev, "ann@laptop") as connection:
        next_parcels(connection)
        shown = cli("relay", "status", "--db", str(shared.db))
        (item,) = cli("relay", "status", "--db", str(shared.db), "--json").items
        before = cli("relay", "--json", "--db", str(shared.db), "status").items
        assert [each["kind"] for each in before] == [item["kind"]]
    assert shown.code == 0
    assert "ann@laptop: attached from 127.0.0.1" in shown.out
    assert "1 behind, its app answers" in shown.out
    assert f"at {shared.url}" in shown.out
    assert item["running"] is True
    assert "watched" in {each["name"] for each in item["endpoints"]}


def test_the_status_of_a_relay_that_does_not_run(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    cli = Cli(tmp_path)
    assert cli("relay", "status", "--db", str(relay.db)).code == 8
    relay.endpoint("add", "dev")
    shown = cli("relay", "status", "--db", str(relay.db))
    assert (shown.code, shown.rows[0], shown.rows[-1]) == (0, "relay     none", "dev")
    (item,) = cli("relay", "status", "--db", str(relay.db), "--json").items
    assert item["running"] is False


def test_no_secret_and_no_body_is_logged(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    with relay:
        dev = added(relay, "dev")
        capture(dev, "/some-path", b"some-body")
        capture({"url": dev["url"] + "x"})
        wrong = {**dev, "token": "itun_wrong"}
        assert refused_with(wrong) == 401
        with consumer(dev) as connection:
            connection.send(b"garbage-frame")
            closed_with(connection)
        slug = dev["url"].rpartition("/")[2]
    printed = relay.stderr + json.dumps(relay.lines)
    for secret in (slug, dev["token"], "itun_wrong", "some-path", "some-body", "garbage-frame"):
        assert secret not in printed


def test_a_killed_relay_goes_on_with_the_next_number(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path / "relay.db")
    relay.start()
    dev = added(relay, "dev")
    assert post(dev["url"], b"1") == 1
    relay.kill()
    with relay:
        assert post(relay.url + urlsplit(dev["url"]).path, b"2") == 2


def test_it_stops_in_order(relay: RelayProcess) -> None:
    dev = added(relay, "dev")
    with consumer(dev) as connection:
        assert relay.stop() == 0
        assert closed_with(connection) == 1001
    assert relay.lines[-1] == {"v": 1, "kind": "stopped"}
    assert relay.stderr == ""


def test_an_interrupt_is_130(relay: RelayProcess) -> None:
    assert relay.interrupt() == 130


def test_a_store_is_one_relay_s(relay: RelayProcess, tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    ran = cli("relay", "--db", str(relay.db), "--port", "0", "--health-port", "0")
    assert ran.code == 4
    assert "in use by inspector relay" in ran.err


@pytest.mark.parametrize("option", ["--port", "--health-port"])
def test_a_port_that_is_taken_is_told(tmp_path: Path, option: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        ports = {"--port": "0", "--health-port": "0", option: str(taken.getsockname()[1])}
        arguments = [part for pair in ports.items() for part in pair]
        ran = Cli(tmp_path)("relay", "--host", "127.0.0.1", *arguments)
    assert ran.code == 4
    assert option in ran.err


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    ran = Cli(tmp_path)("relay", "--port", "0", "--tls-cert", str(bad), "--tls-key", str(bad))
    assert ran.code == 3
    assert "certificate" in ran.err


def test_a_new_certificate_is_in_use_when_it_is_told_so(tmp_path: Path) -> None:
    certificate(tmp_path)
    pem = tmp_path / "target.pem"
    pair = ("--tls-cert", str(pem), "--tls-key", str(pem))
    with RelayProcess(tmp_path / "relay.db", *pair) as relay:
        assert relay.url.startswith("https://")
        first = served_certificate(relay)
        assert first in pem.read_text()
        certificate(tmp_path)
        os.kill(relay.pid, signal.SIGHUP)
        until(lambda: served_certificate(relay) != first)
        assert served_certificate(relay) in pem.read_text()


def served_certificate(relay: RelayProcess) -> str:
    address = ("127.0.0.1", int(relay.url.rpartition(":")[2]))
    return ssl.get_server_certificate(address, timeout=PATIENCE).strip()


def test_people_are_told_what_to_do_next(tmp_path: Path) -> None:
    options = ["--port", "0", "--health-port", "0", "--public-url", "https://hooks.example.com"]
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", "relay", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(tmp_path),
        text=True,
    )
    assert process.stderr is not None
    told = [process.stderr.readline().strip() for _ in range(5)]
    process.terminate()
    assert process.communicate(timeout=PATIENCE) == ("", "")
    assert told[0] == "relaying at https://hooks.example.com"
    assert told[-1] == "0 endpoints: `inspector relay endpoint add NAME` makes one"
