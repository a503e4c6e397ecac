"""How a consumer's tunnel stands: what `status` and the UI tell of it, and what is reported."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

from inspector.domain.delivery import iso
from inspector.tunnel.messages import Team
from inspector.tunnel.team import team_to_json


class Phase(StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    REFUSED = "refused"
    TAKEN_OVER = "taken-over"
    STOPPED = "stopped"


@dataclass
class Hop:
    """One part of the way: whether it worked when it was last tried at `at`, and how long it took
    (None: not tried yet)."""

    ok: bool | None = None
    ms: float | None = None
    at: int = 0
    reason: str = ""

    def worked(self, at: int, seconds: float) -> None:
        self.ok, self.ms, self.at, self.reason = True, round(seconds * 1000, 1), at, ""

    def failed(self, at: int, reason: str) -> None:
        self.ok, self.at, self.reason = False, at, reason

    def to_json(self) -> dict[str, Any]:
        at = iso(self.at) if self.at else None
        return {"ok": self.ok, "ms": self.ms, "at": at, "reason": self.reason}


@dataclass
class Hops:
    """The way of a canary: into the capture address, through the relay and the websocket, onto
    the local disk."""

    capture: Hop = field(default_factory=Hop)
    tunnel: Hop = field(default_factory=Hop)
    journal: Hop = field(default_factory=Hop)


class Standing:
    """The figures of one consumer; `report` hears of every change of state, as a JSON object.

    Written by the consumer alone; may be read in any thread.
    """

    def __init__(
        self,
        url: str,
        consumer: str,
        clock: Callable[[], int],
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        self._url = url
        self._consumer = consumer
        self._clock = clock
        self._report = report
        self.state = Phase.CONNECTING
        self.reason = ""
        self.since = clock()
        self.retry_at: int | None = None
        self.endpoint = ""
        self.ack = ""
        self.relay_version = ""
        self.primary: bool | None = None
        self._told_primary = True
        self.position: int | None = None
        self.last: int | None = None
        self.limited: int | None = None
        self.filter = ""
        self.passed = 0
        self.rtt: float | None = None
        self.skew: int | None = None
        self.team = Team(())
        self.hops = Hops()
        # A state is read with its own reason and no other's.
        self._turning = Lock()

    def turn(
        self, state: Phase, reason: str = "", retry_in: float | None = None, **more: int
    ) -> None:
        """The state is another now, or its reason is; told once."""
        now = self._clock()
        with self._turning:
            self.retry_at = None if retry_in is None else now + int(retry_in * 1_000_000)
            if state is self.state and reason == self.reason and not more:
                return
            if state is not self.state:
                self.since = now
            self.state, self.reason = state, reason
            tunnel = self.hops.tunnel
            if state is Phase.CONNECTED:
                tunnel.ok, tunnel.at, tunnel.reason = True, now, ""
            else:
                self.primary = self.rtt = None
                self.team = Team(())
                if tunnel.ok is not None:
                    tunnel.failed(now, reason)
        self.tell(state, **more)

    def answers(self, primary: bool) -> None:
        """Whether it is this consumer's app that answers; told when that is no longer so or is so
        again, where senders wait for an app."""
        self.primary = primary
        if primary is not self._told_primary and self.ack not in ("", "stored"):
            self._told_primary = primary
            self.tell("primary" if primary else "shadow")

    def tell(self, what: str, **more: int) -> None:
        """Report something that happened to the connection, with its figures."""
        self._report(
            {
                "at": iso(self._clock()),
                "state": str(what),
                "relay": self._url,
                "endpoint": self.endpoint,
                "consumer": self._consumer,
                "filter": self.filter,
                "reason": self.reason,
                "retry_in": self._retry_in(),
                **more,
            }
        )

    def _retry_in(self) -> float | None:
        at = self.retry_at
        return None if at is None else max(0.0, round((at - self._clock()) / 1_000_000, 1))

    def to_json(self) -> dict[str, Any]:
        with self._turning:
            return self._to_json()

    def _to_json(self) -> dict[str, Any]:
        last, position = self.last, self.position
        hops = self.hops
        return {
            "url": self._url,
            "endpoint": self.endpoint,
            "consumer": self._consumer,
            "state": str(self.state),
            "reason": self.reason,
            "since": iso(self.since),
            "retry_in": self._retry_in(),
            "primary": self.primary,
            "position": position,
            "last": last,
            "lag": None if last is None else max(0, last - (position or 0)),
            "rtt_ms": None if self.rtt is None else round(self.rtt * 1000, 1),
            "clock_skew_ms": None if self.skew is None else round(self.skew / 1000),
            "relay_version": self.relay_version,
            "ack": self.ack,
            "limited": self.limited,
            "team": team_to_json(self.team, self._consumer),
            "team_more": self.team.more,
            "filter": self.filter,
            "passed": self.passed,
            "hops": {
                "capture": hops.capture.to_json(),
                "tunnel": hops.tunnel.to_json(),
                "journal": hops.journal.to_json(),
            },
        }
