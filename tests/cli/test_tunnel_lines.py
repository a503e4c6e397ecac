"""What people read of the tunnel: one line for what happened, and the lines of `status`."""

from typing import Any

import pytest

from inspector.cli.tunnel_lines import connection_line, relay_lines
from inspector.tunnel.standing import Phase, Standing


def report(state: str, **more: Any) -> dict[str, Any]:
    plain = {"endpoint": "shop", "consumer": "alice", "filter": "", "reason": "", "retry_in": None}
    return {"state": state, **plain, **more}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (report("connected", waiting=0), "relay: connected to shop as alice"),
        (report("connected", waiting=37), "relay: connected to shop as alice, 37 to fetch"),
        (
            report("connected", waiting=3, filter="event:a.*\n\x1b[2J"),
            "relay: connected to shop as alice, 3 to fetch, only event:a.*␊␛[2J",
        ),
        (
            report("caught-up", arrived=37, expired=2, skipped=0),
            "relay: 37 arrived while you were away, 2 expired",
        ),
        (
            report("caught-up", arrived=0, expired=0, skipped=9),
            "relay: 0 arrived while you were away, 9 left out",
        ),
        (
            report("connecting", reason="h: connection refused"),
            "relay: not connected: h: connection refused; it is tried again",
        ),
        (report("connecting"), ""),
        (report("primary"), "relay: this app answers now"),
        (
            report("shadow"),
            "relay: another one's app answers; `inspector primary` has this one answer",
        ),
        (
            report("refused", reason="the relay refuses the token"),
            "relay: refused: the relay refuses the token; it is tried again each minute",
        ),
        (
            report("taken-over", reason="taken over from 203.0.113.7\x1b[31m"),
            "relay: taken over from 203.0.113.7␛[31m; this listener goes on without the relay",
        ),
        (report("stopped"), ""),
    ],
)
def test_what_happened_is_one_line(told: dict[str, Any], line: str) -> None:
    assert connection_line(told) == line


def test_status_of_a_tunnel_that_stands() -> None:
    standing = Standing("https://h/in/S", "alice", lambda: 1_770_805_800_000_000, lambda _: None)
    standing.endpoint, standing.ack, standing.primary = "shop", "app", False
    standing.turn(Phase.CONNECTED)
    standing.position, standing.last, standing.limited = 7, 9, 3
    standing.rtt, standing.skew = 0.0123, -4000
    standing.hops.capture.worked(1, 0.005)
    assert relay_lines(standing.to_json()) == [
        ("relay", "connected, shop as alice, https://h/in/S"),
        (
            "lag",
            "2 behind delivery 9, round trip 12 ms, clocks -4 ms apart, "
            "3 turned away by its limits, ack app, another one's app answers",
        ),
        ("hops", "capture ok 5 ms, tunnel ok, journal not tried yet"),
    ]


def test_status_of_a_tunnel_that_does_not() -> None:
    standing = Standing("https://h/in/S", "alice", lambda: 1_770_805_800_000_000, lambda _: None)
    standing.turn(Phase.CONNECTING, "h: connection refused", 12.34)
    standing.hops.capture.failed(1, "the capture address answered 404")
    assert relay_lines(standing.to_json()) == [
        ("relay", "connecting, alice, https://h/in/S, h: connection refused, next try in 12.3 s"),
        (
            "hops",
            "capture FAILS (the capture address answered 404), tunnel not tried yet, "
            "journal not tried yet",
        ),
    ]


def test_the_same_reason_is_reported_once_and_the_next_try_is_kept() -> None:
    told: list[dict[str, Any]] = []
    standing = Standing("https://h/in/S", "alice", lambda: 1_000_000, told.append)
    for pause in (0.5, 1.0, 2.0):
        standing.turn(Phase.CONNECTING, "h: connection refused", pause)
    assert [one["reason"] for one in told] == ["h: connection refused"]
    assert standing.to_json()["retry_in"] == 2.0


def test_status_of_a_tunnel_with_a_filter() -> None:
    standing = Standing("https://h/in/S", "alice", lambda: 1_770_805_800_000_000, lambda _: None)
    standing.filter, standing.passed = "event:delta.*", 512
    assert relay_lines(standing.to_json())[:2] == [
        ("relay", "connecting, alice, https://h/in/S"),
        ("filter", "event:delta.*, 512 passed over"),
    ]
