"""What subscribers are told, grouped from facts: the same for the live stream and its replay.

A frame is one line: a letter, the position, and its items, each JSON text. `D` deliveries, `A`
attempts, `C` changes, `P` the position alone. Positions grow from frame to frame; an `A` frame and
the `C` frame behind it share theirs, because both tell of the same facts. `E` is for the listener
alone: the index was emptied, by the order to rebuild whose number stands in the position's place.
`R` comes when it is whole again: what was told of deliveries before may be another thing by now.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic_core import to_json

from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery, State
from inspector.store import codec

MAX_ITEMS: Final = 256
MAX_BYTES: Final = 96 << 10
ITEM_SEPARATOR: Final = b"\x1e"
HEADERS_SEPARATOR: Final = b"\x1f"

_DELIVERY_KINDS = frozenset({codec.CAPTURED, codec.REFUSED, codec.GAP})
_NO_CHANGES = frozenset({codec.PRUNED, codec.PASSED})
_SORTS = {State.REFUSED: b"r", State.GAP: b"g"}
_ATTEMPT_KINDS = frozenset({codec.ATTEMPT_STARTED, codec.ATTEMPT_FINISHED})


@dataclass(slots=True)
class Run:
    """Neighbouring facts of one sort: the ids to show, and the deliveries that they changed.

    Each id stands with the position of the run's first fact about it, an attempt that ended here
    (`ended`) with that of its end.
    """

    letter: str
    seq: int
    ids: dict[int, int] = field(default_factory=dict)
    touched: dict[int, int] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)


def group(facts: Iterable[tuple[int, int, int, int]]) -> list[Run]:
    """Runs of (seq, kind, delivery, attempt id or 0), in order, each of at most `MAX_ITEMS`."""
    runs: list[Run] = []
    run = Run("", 0)
    for seq, kind, delivery, attempt in facts:
        letter = "D" if kind in _DELIVERY_KINDS else "A" if kind in _ATTEMPT_KINDS else "C"
        if letter != run.letter or max(len(run.ids), len(run.touched)) >= MAX_ITEMS:
            run = Run(letter, seq)
            runs.append(run)
        run.seq = seq
        if letter == "D":
            run.ids[delivery] = seq
        elif kind not in _NO_CHANGES:
            run.touched.setdefault(delivery, seq)
        if letter == "A":
            run.ids[attempt] = seq
        if kind == codec.ATTEMPT_FINISHED:
            run.ended.add(attempt)
    return runs


def attempt_id(seq: int, kind: int, meta: str) -> int:
    """The attempt that a fact is about, or 0."""
    if kind == codec.ATTEMPT_STARTED:
        return seq
    return int(json.loads(meta)["attempt"]) if kind == codec.ATTEMPT_FINISHED else 0


def render(
    runs: list[Run],
    deliveries: dict[int, Delivery],
    attempts: dict[int, Attempt],
    headers: Callable[[int], bytes] | None = None,
) -> list[bytes]:
    """The lines of the runs; what was pruned since is left out, its position is kept.

    `headers` gives a delivery's headers as JSON, where a reader of whole deliveries wants them.
    """
    lines: list[bytes] = []
    new = {id_ for run in runs if run.letter == "D" for id_ in run.ids}
    for run in runs:
        if run.letter == "D":
            lines += _delivery_lines(run, deliveries, headers)
            continue
        made = {
            id_: attempt_item(attempt)
            for id_ in run.ids
            # One that has ended meanwhile is told where it ended, once.
            if (attempt := attempts.get(id_)) and (id_ in run.ended or not attempt.finished)
        }
        changed = {
            id_: delivery_item(deliveries[id_])
            for id_ in run.touched
            if id_ in deliveries and id_ not in new
        }
        lines += _attempt_lines(run, made, changed)
    return lines


def _attempt_lines(run: Run, made: dict[int, bytes], changed: dict[int, bytes]) -> list[bytes]:
    """The `A` line of a run and its `C` line, for as many of its facts as fit, then the rest."""
    attempts = [made[id_] for id_ in run.ids if id_ in made]
    deliveries = [changed[id_] for id_ in run.touched if id_ in changed]
    size = max(sum(map(len, items)) for items in (attempts, deliveries))
    positions = sorted({*run.ids.values(), *run.touched.values()})
    if size > MAX_BYTES and len(positions) > 1:
        middle = positions[len(positions) // 2 - 1]
        halves = Run(run.letter, middle), Run(run.letter, run.seq)
        for id_, seq in run.ids.items():
            halves[seq > middle].ids[id_] = seq
        for id_, seq in run.touched.items():
            halves[seq > middle].touched[id_] = seq
        return [line for half in halves for line in _attempt_lines(half, made, changed)]
    lines = [_line("A", run.seq, attempts)] if run.letter == "A" else []
    return [*lines, _line("C", run.seq, deliveries)] if deliveries else lines


def moved(line: bytes, seq: int) -> bytes:
    """The same line at another position."""
    letter, _, rest = line.split(b" ", 2)
    return b"%s %d %s" % (letter, seq, rest)


def position(seq: int) -> bytes:
    return b"P %d \n" % seq


def emptied(number: int) -> bytes:
    return b"E %d \n" % number


def delivery_item(delivery: Delivery) -> bytes:
    """`r` (refused), `g` (a gap) or `d`, and the summary as JSON."""
    return _SORTS.get(delivery.state, b"d") + to_json(delivery.to_json())


def attempt_item(attempt: Attempt) -> bytes:
    """`f` or `s` (finished or started) and the summary as JSON."""
    return (b"f" if attempt.finished else b"s") + to_json(attempt.to_json())


def headers_json(pairs: Iterable[tuple[str, str]]) -> bytes:
    return to_json([*pairs])


def _delivery_lines(
    run: Run, deliveries: dict[int, Delivery], headers: Callable[[int], bytes] | None
) -> list[bytes]:
    lines: list[bytes] = []
    items: list[bytes] = []
    size = seq = 0
    for id_ in run.ids:
        if (delivery := deliveries.get(id_)) is None:
            continue
        item = delivery_item(delivery)
        if headers is not None:
            item += HEADERS_SEPARATOR + headers(id_)
        if items and size + len(item) > MAX_BYTES:
            lines.append(_line("D", seq, items))
            items, size = [], 0
        items.append(item)
        size += len(item)
        seq = delivery.seq
    lines.append(_line("D", run.seq, items))
    return lines


def _line(letter: str, seq: int, items: list[bytes]) -> bytes:
    return b"%s %d %s\n" % (letter.encode(), seq, ITEM_SEPARATOR.join(items))


class ParsedFrame(NamedTuple):
    """A line, taken apart; items keep their one-letter sort and may carry headers."""

    letter: str
    seq: int
    items: list[bytes]
    size: int


def parse(line: bytes) -> ParsedFrame:
    letter, seq, rest = line.rstrip(b"\n").split(b" ", 2)
    return ParsedFrame(
        letter.decode(), int(seq), rest.split(ITEM_SEPARATOR) if rest else [], len(rest)
    )


def reindexed(seq: int) -> ParsedFrame:
    """The index is whole again up to this position."""
    return ParsedFrame("R", seq, [], 0)


_KINDS = {"D": b"deliveries", "A": b"attempts", "C": b"changes", "R": b"reindexed"}


def message(frame: ParsedFrame) -> bytes:
    """The frame as a stream message of the contract."""
    items = b",".join([item[1:].partition(HEADERS_SEPARATOR)[0] for item in frame.items])
    return b'{"v":1,"kind":"%s","seq":%d,"items":[%s]}' % (_KINDS[frame.letter], frame.seq, items)
