"""The one-line rows."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from inspector.cli.compact import (
    attempt_result,
    attempt_row,
    compact_line,
    delivery_row,
    human_size,
)
from inspector.domain.attempt import Attempt, Failure, FailureKind, Trigger
from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict

DELIVERY = Delivery(
    id=12, seq=30, endpoint="default", received_at=1_770_805_801_250_000, method="POST",
    request_target="/hooks?a=1", http_version="1.1", remote="127.0.0.1:5", content_type="",
    body_size=1229, body_sha256="0" * 64, provider="pacspace", event="delta.verified",
    event_id="evt_1", event_time=None, verdict=Verdict.VALID, reason="", notes=(),
    duplicate_of=None, replay_of=None, answered=200, state=State.KEPT, state_reason="", attempts=0,
    last_status=None, last_failure=None, last_duration_ms=None, mark="", note="",
)  # fmt: skip
ATTEMPT = Attempt(
    id=31, seq=32, delivery_id=12, target="http://localhost:3000", number=1, trigger=Trigger.AUTO,
    resigned=False, started_at=1_770_805_801_250_000, duration_ms=8.4, status=200, failure=None,
    body_size=2,
)  # fmt: skip
NO_ANSWER = replace(ATTEMPT, status=None, failure=Failure(FailureKind.REFUSED, "refused\x1b[31m"))


def row(**changes: object) -> str:
    return delivery_row(DELIVERY._replace(**changes).to_json())  # type: ignore[arg-type]


@pytest.fixture
def _new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_new_york")
def test_a_delivery_begins_with_its_id_and_when_it_came_here() -> None:
    assert row() == (
        "#12  2026-02-11 05:30:01  delta.verified  valid  POST /hooks?a=1  1.2 kB  -> 200  kept"
    )


@pytest.mark.usefixtures("_new_york")
def test_what_came_today_needs_no_date() -> None:
    now = datetime.now().astimezone()
    shown = row(received_at=int(now.timestamp() * 1_000_000)).split("  ")
    assert shown[1] in (f"{now:%H:%M:%S}", f"{now:%Y-%m-%d %H:%M:%S}")
    assert len(shown[1]) == 8 or datetime.now().astimezone().date() != now.date()


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"state": State.FORWARDED, "last_status": 500}, "forwarded 500"),
        ({"state": State.FAILED, "last_failure": "no answer"}, "failed (no answer)"),
        ({"state": State.WAITING, "last_failure": "no answer"}, "waiting"),
        ({"state": State.FILTERED, "state_reason": "-e x.*"}, "filtered (-e x.*)"),
        ({"state": State.FAILED, "last_status": 200}, "failed"),
        ({"state": State.WAITING, "last_status": 200}, "waiting"),
        ({"duplicate_of": 3}, "kept  duplicate of #3"),
        ({"answered": None}, "-> -  kept"),
    ],
)
def test_the_end_of_a_row_says_where_it_stands(changes: dict[str, object], end: str) -> None:
    assert row(**changes).endswith(end)


def test_nothing_from_outside_reaches_the_terminal_as_it_is() -> None:
    hostile = "\x1b[2J\r\n\u202e" * 3
    shown = row(event=hostile, request_target=hostile, method=hostile, state_reason=hostile)
    assert shown.isprintable()
    assert attempt_row(NO_ANSWER.to_json()).isprintable()


def test_an_attempt_says_what_came_of_it() -> None:
    assert attempt_row(ATTEMPT.to_json()) == "#12  -> http://localhost:3000  200 in 8 ms"
    assert attempt_result(replace(ATTEMPT, duration_ms=None).to_json()) == "200"
    assert attempt_result(NO_ANSWER.to_json()) == "refused␛[31m"


def test_frames_items_become_rows() -> None:
    delivery = json.dumps(DELIVERY.to_json()).encode()
    attempt = json.dumps(ATTEMPT.to_json()).encode()
    assert compact_line(b"d" + delivery) == row().encode() + b"\n"
    assert compact_line(b"r" + delivery + b"\x1f[]") == row().encode() + b"\n"
    assert compact_line(b"f" + attempt) == attempt_row(ATTEMPT.to_json()).encode() + b"\n"
    assert compact_line(b"s" + attempt) is None


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 kB"), (1536, "1.5 kB"), (25 << 20, "25.0 MB"),
     (3 << 30, "3.0 GB"), (5 << 40, "5120.0 GB")],
)  # fmt: skip
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert human_size(size) == text
