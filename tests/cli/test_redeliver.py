"""`inspector redeliver`: events are asked for once each, with a key that is told to nobody."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import run
from tests.helpers.pacspace_api import KEY, PacSpaceApi, cut


@pytest.fixture
def api() -> Iterator[PacSpaceApi]:
    with PacSpaceApi() as running:
        yield running


class Asking:
    """Runs the command in this process; nothing in what it prints gives the key away."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["redeliver", *arguments])
        out, err = self._capture.readouterr()
        assert KEY not in out + err
        assert KEY.partition(".")[2] not in out + err
        assert "internal error" not in err
        return code, out, err


@pytest.fixture
def redeliver(
    api: PacSpaceApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Asking:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("INSPECTOR_BALANCE_URL", api.url)
    monkeypatch.setenv("PACSPACE_API_KEY", f" {KEY}\n")
    return Asking(capsys)


def items(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_each_is_asked_for_once(redeliver: Asking, api: PacSpaceApi) -> None:
    assert redeliver("evt_1", "evt_1") == (0, "evt_1  will be sent again\n", "")
    (asked,) = api.asked
    assert (asked.method, asked.json) == ("POST", {})
    assert asked.path == "/api/v1/balance/webhooks/evt_1/retry"
    assert asked.headers["x-api-key"] == KEY


def test_one_that_is_not_there_keeps_no_other(redeliver: Asking, api: PacSpaceApi) -> None:
    code, out, err = redeliver("../x", "evt_1", "--json")
    assert code == 8
    missing, found = items(out)
    assert (missing["kind"], missing["event_id"], missing["ok"]) == ("redelivery", "../x", False)
    assert missing["error"]["message"] == "no event ../x: localhost answered 404: No such delivery"
    assert (found["event_id"], found["ok"], found["error"]) == ("evt_1", True, None)
    assert "inspector: no event ../x" in err
    assert [each.path.split("/")[-2] for each in api.asked] == ["..%2Fx", "evt_1"]


def test_a_wait_is_waited_and_an_unknown_outcome_ends_it(
    redeliver: Asking, api: PacSpaceApi
) -> None:
    api.fail(429, None, {"Retry-After": "1"})
    code, _, err = redeliver("evt_1")
    assert code == 0
    assert "localhost asks to wait 1 s" in err
    api.asked.clear()
    api.then(None, cut)
    code, out, err = redeliver("evt_1", "evt_2", "evt_3")
    assert (code, out) == (5, "evt_1  will be sent again\n")
    assert "look at what arrives before asking again" in err
    assert len(api.asked) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken(redeliver: Asking, api: PacSpaceApi, status: int) -> None:
    api.fail(status, {"error": {"code": "NO", "message": [f"key {KEY} is bad"]}})
    code, out, err = redeliver("evt_1", "evt_2")
    assert (code, out) == (3, "")
    assert "key •••• is bad" in err
    assert "PACSPACE_API_KEY" in err
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "Missing argument"),
        ([".."], 2, "the id given cannot be one"),
        (["evt_1", "a\nb"], 2, "the id given cannot be one"),
        (["evt_1", "--balance-url", "http://x.test"], 2, "must begin with https://"),
        (["evt_1", "--balance-url", "nonsense"], 2, "--balance-url: write https://HOST"),
    ],
)
def test_a_mistake_is_one_line_and_asks_nobody(
    redeliver: Asking, api: PacSpaceApi, arguments: list[str], code: int, told: str
) -> None:
    ended, out, err = redeliver(*arguments)
    assert (ended, out) == (code, "")
    assert told in err
    assert api.asked == []


def test_without_a_key_or_a_connection(redeliver: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, _, err = redeliver("evt_1", "--balance-url", nowhere)
    assert code == 4
    assert "no connection to 127.0.0.1" in err
    for key, told in (("", "PACSPACE_API_KEY is not set"), ("a b", "holds what cannot be sent")):
        monkeypatch.setenv("PACSPACE_API_KEY", key)
        code, _, err = redeliver("evt_1")
        assert code == 3
        assert told in err
