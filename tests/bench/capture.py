"""How fast deliveries are captured, beside a bare aiohttp application."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.load import Loaded
from tests.bench.million import copied, stored
from tests.bench.plan import Plan
from tests.bench.programs import (
    Listening,
    bare,
    end_large_bodies,
    large_bodies,
    load,
    serving,
)
from tests.bench.report import Figure, at_least, at_most, ratios
from tests.bench.terminal import ui

_LARGE = 25_000_000
_LARGE_PAUSE = 0.5
_STEADY = 1000


@dataclass(frozen=True, slots=True)
class _Burst:
    """A load, and the deliveries a second until all of them were indexed."""

    loaded: Loaded
    sustained: float


@dataclass(frozen=True, slots=True)
class _Round:
    """The same burst in every condition, one after the other."""

    bare: Loaded
    ours: _Burst
    watched: Loaded
    full: Loaded
    large: Loaded


class _Bursts:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = plan.size(50_000, 10_000)
        self._full = copied(plan)
        self._bodies = 0

    @property
    def bodies(self) -> int:
        """Large bodies captured so far."""
        return self._bodies

    def round(self) -> _Round:
        with bare() as app:
            yardstick = self._load(app.port)
        with serving(self._plan.new_store()) as listener:
            ours = self._indexed(listener)
        with serving(self._plan.new_store()) as listener, ui(listener.db) as screen:
            screen.wait_for("connected", 20)
            screen.wait_quiet(0.5, 5)
            watched = self._load(listener.port)
        with serving(self._full) as listener:
            full = self._load(listener.port)
        with serving(self._plan.new_store()) as listener:
            large = self._among_large(listener)
        return _Round(yardstick, ours, watched, full, large)

    def _load(self, port: int) -> Loaded:
        return load(port, self._count, "--warm-up", self._plan.size(1000, 100))

    def _indexed(self, listener: Listening) -> _Burst:
        loaded = self._load(listener.port)
        listener.wait_indexed()
        return _Burst(loaded, self._count / (time.monotonic() - loaded.begun))

    def _among_large(self, listener: Listening) -> Loaded:
        with large_bodies(listener.port, _LARGE, together=1, pause=_LARGE_PAUSE) as process:
            loaded = self._load(listener.port)
            self._bodies += end_large_bodies(process)
        return loaded


def capture(plan: Plan) -> Iterator[Figure]:
    """Bursts: alone, with the UI, on a full store, among large bodies; and a steady load."""
    bursts = _Bursts(plan)
    rounds = [bursts.round() for _ in range(plan.rounds)]
    yardstick = [each.bare for each in rounds]
    ours = [each.ours.loaded for each in rounds]
    note = f"ours {_shown(ours, _rate)}, bare {_shown(yardstick, _rate)} /s"
    yield at_least(
        "capture.rate", _against(ours, yardstick, _rate), 0.6, "x bare", aim=1.0, note=note
    )
    note = f"ours {_shown(ours, _p99)}, bare {_shown(yardstick, _p99)} ms"
    yield at_most("capture.p99", _against(ours, yardstick, _p99), 3, "x bare", note=note)
    sustained = [each.ours.sustained for each in rounds]
    yield at_least(
        "capture.sustained",
        ratios(sustained, list(map(_rate, yardstick))),
        0.35,
        "x bare",
        aim=0.6,
        note=f"until indexed: {max(sustained):,.0f} /s at best",
    )
    watched = _against([each.watched for each in rounds], ours, _rate)
    yield at_least("capture.with-ui", watched, 0.9, "x without")
    full = _against([each.full for each in rounds], ours, _rate)
    note = f"{stored(plan)[1]:,} stored before"
    yield at_least("capture.full-store", full, 0.9, "x empty", note=note)
    large = [each.large for each in rounds]
    extra = [a.max - b.max for a, b in zip(large, ours, strict=True)]
    note = f"longest answer {_shown(large, _max)}, without {_shown(ours, _max)} ms"
    note += f"; {bursts.bodies} bodies of {_LARGE // 10**6} MB"
    yield at_most("capture.large-body", extra, 50, " ms more", note=note)
    yield _steady(plan)


def _steady(plan: Plan) -> Figure:
    lags = []
    middle = 0.0
    for _ in range(plan.rounds):
        with serving(plan.new_store()) as listener:
            stream = "--stream", listener.control, listener.token_file
            count = _STEADY * plan.size(10, 2)
            loaded = load(listener.port, count, "--rate", _STEADY, "--warm-up", 200, *stream)
        lags.append(loaded.lag_p99)
        middle = loaded.lag_p50
    note = f"p99 at {_STEADY:,}/s; the median was {middle:.1f} ms"
    return at_most("capture.index-lag", lags, 25, " ms", note=note)


def _rate(loaded: Loaded) -> float:
    return loaded.rate


def _p99(loaded: Loaded) -> float:
    return loaded.p99


def _max(loaded: Loaded) -> float:
    return loaded.max


def _against(
    runs: list[Loaded], others: list[Loaded], value: Callable[[Loaded], float]
) -> list[float]:
    return ratios(list(map(value, runs)), list(map(value, others)))


def _shown(runs: list[Loaded], value: Callable[[Loaded], float]) -> str:
    return "/".join(f"{value(each):,.0f}" for each in runs)
