"""Standard output while serving: whole, in order, and never waited for."""

import errno
import io
import json
import threading
from typing import Any

import pytest

from inspector.cli.outlet import Outlet, json_line
from inspector.server.hub import QUEUE_FRAMES, Hub
from inspector.store.frames import ITEM_SEPARATOR, parse
from tests.helpers.listener import PATIENCE


class Out(io.BytesIO):
    """A standard output whose reader may be slow (`gate` closed) or gone; it takes `most` bytes at
    a time."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.gone = False
        self.full = False
        self.most: int | None = None
        self.blocked = threading.Event()

    def write(self, data: Any) -> int:
        if not self.gate.is_set():
            self.blocked.set()
        assert self.gate.wait(PATIENCE)
        if self.gone:
            raise BrokenPipeError
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data[: self.most])

    @property
    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


class Serving:
    def __init__(self, *, as_json: bool = True) -> None:
        self.hub = Hub()
        self.out = Out()
        self.ended = threading.Event()
        self.outlet = Outlet(self.hub, json_line, self.out, self.ended.set, as_json=as_json)

    def publish(self, letter: str, seq: int, *items: bytes) -> None:
        line = f"{letter} {seq} ".encode() + ITEM_SEPARATOR.join(items) + b"\n"
        self.hub.publish(parse(line))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (b'd{"id":1}', {"v": 1, "kind": "delivery", "id": 1}),
        (b'r{"id":2}', {"v": 1, "kind": "refused", "id": 2}),
        (b'f{"id":3}', {"v": 1, "kind": "attempt", "id": 3}),
        (
            b'd{"id":4}\x1f[["A","b"]]',
            {"v": 1, "kind": "delivery", "id": 4, "headers": [["A", "b"]]},
        ),
    ],
)  # fmt: skip
def test_items_become_lines_of_the_contract(item: bytes, expected: dict[str, Any]) -> None:
    line = json_line(item)
    assert line is not None
    assert line.endswith(b"\n")
    assert json.loads(line) == expected


def test_an_attempt_that_only_started_is_no_line() -> None:
    assert json_line(b's{"id":3}') is None


def test_ready_is_first_stopped_is_last_and_all_in_between_in_order() -> None:
    serving = Serving()
    # What is published before the start waits for `ready`.
    serving.publish("D", 1, b'd{"id":1}')
    serving.outlet.start({"url": "u"})
    serving.publish("A", 3, b'f{"id":2}')
    serving.publish("C", 3, b'd{"id":1}')
    serving.publish("D", 4, b'd{"id":4}', b'r{"id":5}')
    serving.outlet.close(PATIENCE)
    told = [(item["kind"], item.get("id")) for item in serving.out.items]
    assert told == [
        ("ready", None), ("delivery", 1), ("attempt", 2), ("delivery", 4), ("refused", 5),
        ("stopped", None),
    ]  # fmt: skip
    assert len(serving.hub) == 0


def test_a_line_comes_whole_though_a_write_ends_early() -> None:
    serving = Serving()
    serving.out.most = 7
    serving.outlet.start({"url": "u"})
    serving.publish("D", 1, b'd{"id":1}')
    serving.outlet.close(PATIENCE)
    assert [item["kind"] for item in serving.out.items] == ["ready", "delivery", "stopped"]


def test_a_slow_reader_is_told_where_it_lagged_and_publishing_never_waits() -> None:
    serving = Serving()
    serving.outlet.start({})
    serving.out.gate.clear()
    serving.publish("D", 1, b'd{"id":1}')
    assert serving.out.blocked.wait(PATIENCE)
    for seq in range(2, QUEUE_FRAMES + 10):
        serving.publish("D", seq, b'd{"id":%d}' % seq)
    serving.out.gate.set()
    serving.outlet.close(PATIENCE)
    kinds = [(item["kind"], item.get("id", item.get("after"))) for item in serving.out.items]
    assert kinds == [("ready", None), ("delivery", 1), ("lagged", 1), ("stopped", None)]


def test_a_reader_that_is_gone_ends_it() -> None:
    serving = Serving()
    serving.outlet.start({})
    serving.out.gone = True
    serving.publish("D", 1, b'd{"id":1}')
    assert serving.ended.wait(PATIENCE)
    serving.outlet.close(PATIENCE)


def test_a_full_disk_ends_it_and_is_told() -> None:
    serving = Serving()
    serving.outlet.start({})
    assert serving.outlet.failure is None
    serving.out.full = True
    serving.publish("D", 1, b'd{"id":1}')
    assert serving.ended.wait(PATIENCE)
    serving.outlet.close(PATIENCE)
    assert (
        str(serving.outlet.failure) == "standard output cannot be written: no space left on device"
    )


def test_rows_come_without_ready_and_stopped() -> None:
    serving = Serving(as_json=False)
    serving.outlet.start({})
    serving.publish("D", 1, b'd{"id":1}')
    serving.outlet.close(PATIENCE)
    assert [item["kind"] for item in serving.out.items] == ["delivery"]
