"""What a relay captured and what never came, on the command line."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.compact import compact_line, delivery_row
from inspector.cli.outlet import json_line
from inspector.cli.running import Api
from inspector.client.discovery import find_listener
from inspector.domain.delivery import Request
from inspector.domain.exchange import Exchange
from inspector.domain.export import exported_line
from inspector.errors import NotFoundError
from inspector.store.files import StoreFiles
from inspector.store.frames import HEADERS_SEPARATOR, delivery_item
from tests.cli.conftest import Cli
from tests.helpers.fake_target import FakeTarget
from tests.helpers.gaps import EXPIRED, RELAY, SKIPPED, facts, make_gap
from tests.helpers.listener import ListenerProcess
from tests.helpers.summaries import make_delivery
from tests.store.parts import write

LINE = f"12 missing (ids 31..42): {EXPIRED}"
NOTHING = "a gap stands for deliveries that never came: there is nothing to"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return with_gaps(Cli(tmp_path_factory.mktemp("gaps")))


def with_gaps(cli: Cli) -> Cli:
    """The same with a store of deliveries 2 and 4, and gaps in rows 1 and 3."""
    files = StoreFiles(cli.db)
    files.create()
    write(files, *facts())
    return cli


def expected(row: int) -> dict[str, Any]:
    first, last, reason = (1, 29, SKIPPED)
    if row == 3:
        first, last, reason = (31, 42, EXPIRED)
    return {
        "v": 1, "kind": "gap", "id": row, "seq": row, "endpoint": "orders",
        "received_at": "2026-02-11T10:30:00.000000Z", "from": first, "to": last,
        "count": last - first + 1, "reason": reason, "origin": {"relay": RELAY, "id": last},
    }  # fmt: skip


def test_a_row_says_in_a_line_what_is_missing(filled: Cli) -> None:
    rows = filled("list").rows
    assert [row.split()[0] for row in rows] == ["#4", "#3", "#2", "#1"]
    assert re.fullmatch(rf"#3  2026-02-1\d \d\d:\d\d:00  gap  {re.escape(LINE)}", rows[1])
    assert rows[3].endswith(f"gap  29 missing (ids 1..29): {SKIPPED}")
    assert delivery_row(make_gap(5, 7, 7).to_json()).endswith(f"1 missing (id 7): {EXPIRED}")


def test_a_gap_is_an_object_of_its_own(filled: Cli) -> None:
    items = filled("list", "--json").items
    assert [item["kind"] for item in items] == ["delivery", "gap", "delivery", "gap"]
    assert (items[1], items[3]) == (expected(3), expected(1))
    assert items[2]["origin"] == {"relay": RELAY, "id": 30}


@pytest.mark.parametrize(
    ("query", "ids"),
    [("state:gap", [3, 1]), ("not state:gap", [4, 2]), ("event:delta.*", [4, 2])],
)
def test_gaps_are_found(query: str, ids: list[int], filled: Cli) -> None:
    assert [item["id"] for item in filled("list", "--json", query).items] == ids


def test_show_explains_a_gap(filled: Cli) -> None:
    shown = filled("show", "3").out
    assert shown.startswith(f"#3  gap: {LINE}\n")
    for part in ("#31 of endpoint orders at https://relay.example.com", "#42", EXPIRED,
                 "2026-02-11T10:30:00", "only its sender can send it again"):  # fmt: skip
        assert part in shown
    assert filled("show", "3", "--json").items == [expected(3)]


def test_show_tells_where_a_delivery_was_captured(filled: Cli) -> None:
    assert "origin      #30 at https://relay.example.com\n" in filled("show", "2").out
    assert filled("show", "2", "--json").items[0]["origin"] == {"relay": RELAY, "id": 30}


def test_a_gap_has_no_body(filled: Cli) -> None:
    ran = filled("show", "3", "--body")
    assert (ran.code, ran.out) == (8, "")
    assert f"#3: {NOTHING} write" in ran.err


def test_status_counts_gaps_beside_the_ledger(filled: Cli) -> None:
    shown = filled("status").out
    assert "received    2 = 2 kept\n" in shown
    assert "gaps        2: never came from the relay; `inspector list state:gap`\n" in shown
    ledger = filled("status", "--json").items[0]["ledger"]
    assert (ledger["received"], ledger["gaps"], ledger["balanced"]) == (2, 2, True)


def test_the_latest_delivery_is_no_gap(cli: Cli) -> None:
    files = StoreFiles(cli.db)
    files.create()
    write(files, *facts()[:3])
    assert cli("show", "latest", "--json").items[0]["id"] == 2


@pytest.fixture(params=["with a listener", "without one"])
def sending(request: pytest.FixtureRequest, cli: Cli) -> Iterator[Cli]:
    with_gaps(cli)
    if request.param == "without one":
        yield cli
        return
    with ListenerProcess(cli.db, "--keep", "0"):
        yield cli


async def test_a_gap_is_not_sent_and_the_reason_is_told(sending: Cli) -> None:
    async with FakeTarget() as target:
        ran = await asyncio.to_thread(sending, "resend", "1..4", "--to", target.url)
        assert ran.code == 8, ran.err
        assert [row.split()[0] for row in ran.rows] == ["#2", "#4"], ran.err
        for row in (1, 3):
            assert f"#{row}: {NOTHING} send" in ran.err


def test_a_gap_is_not_edited_through_the_api(cli: Cli) -> None:
    with_gaps(cli)
    with ListenerProcess(cli.db, "--keep", "0"):
        found = find_listener(cli.db)
        assert found is not None
        with pytest.raises(NotFoundError, match=f"{NOTHING} edit"):
            Api(found).post("deliveries/3/resend", {"method": "PUT"})


def test_items_of_the_stream_become_lines() -> None:
    item = delivery_item(make_gap(3)) + HEADERS_SEPARATOR + b"[]"
    line = json_line(item)
    assert line is not None
    assert line.endswith(b"\n")
    told = json.loads(line)
    assert (told["kind"], told["from"], told["to"], told["count"]) == ("gap", 31, 42, 12)
    row = compact_line(item)
    assert row is not None
    assert row.startswith(b"#3  2026-02-1")
    assert row.endswith(f"  gap  {LINE}\n".encode())


def test_a_reason_from_outside_is_harmless_in_a_row() -> None:
    assert delivery_row(make_gap(3, state_reason="\x1b[2J\u202e").to_json()).isprintable()


def test_an_export_has_gaps_in_their_own_shape(tmp_path: Path) -> None:
    nothing = Request("", "", "", (), b"")
    line = exported_line(Exchange(make_gap(3), nothing))
    assert (line["v"], line["kind"], line["count"]) == (1, "gap", 12)
    assert exported_line(Exchange(make_delivery(1), nothing))["kind"] == "delivery"
