"""A tunnel and its team as a listener's status tells them."""

from typing import Any

from inspector.domain.delivery import iso
from tests.helpers.summaries import NOW

_SECOND = 1_000_000

RELAY: dict[str, Any] = {
    "url": "https://relay.example.com/in/slug",
    "endpoint": "orders",
    "consumer": "ana@laptop",
    "state": "connected",
    "reason": "",
    "retry_in": None,
    "primary": True,
    "lag": 0,
    "rtt_ms": 12.3,
    "ack": "stored",
    "limited": 0,
}
"""Connected, and alone as far as it is told."""


def member(consumer: str = "ana@laptop", **changes: Any) -> dict[str, Any]:
    """One that came a minute ago, is up to date and has sent nothing yet."""
    plain = {
        "consumer": consumer,
        "you": consumer == "ana@laptop",
        "since": iso(NOW - 60 * _SECOND),
        "lag": 0,
        "primary": False,
        "last_attempt": None,
    }
    return plain | changes


def ended(status: int | None = None, failure: str | None = None, ago: int = 3) -> dict[str, Any]:
    """How the latest attempt of a member ended, so many seconds ago."""
    return {"at": iso(NOW - ago * _SECOND), "status": status, "failure": failure}


def team_of_three(**changes: Any) -> dict[str, Any]:
    """A tunnel whose sender bob answers, with ana (this one) and eve beside him."""
    bob = member("bob@pc", primary=True, last_attempt=ended(200))
    eve = member("eve@tower", lag=1234, last_attempt=ended(None, "connection refused", 90))
    ana = member(last_attempt=ended(500, ago=0))
    team = {"primary": False, "ack": "app", "team": [bob, ana, eve], "team_more": 0}
    return RELAY | team | changes


def shadow_item(consumer: str = "bob@pc", **changes: Any) -> dict[str, Any]:
    """What the API tells of another consumer's app, which answered 500 in 12 ms."""
    plain: dict[str, Any] = {
        "consumer": consumer,
        "at": iso(NOW),
        "duration_ms": 12.0,
        "status": 500,
        "failure": None,
        "headers": [["Content-Type", "text/plain"]],
        "body_b64": "bm8gc3VjaCBjdXN0b21lcg==",
        "body_size": 16,
    }
    return plain | changes
