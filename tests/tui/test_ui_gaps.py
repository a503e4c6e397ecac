"""What never came from a relay, in the UI: a row to be read, and nothing to be done with it."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from inspector.client.control import Control
from inspector.client.models import DeliveryDetail
from inspector.domain.delivery import Delivery, Request
from inspector.errors import UsageError
from inspector.tui.columns import Columns
from inspector.tui.copying import choices, copied
from inspector.tui.document import Document
from inspector.tui.exporting import Export
from inspector.tui.rows import Row, render_row
from inspector.tui.tabs import TABS, Shown
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.gaps import EXPIRED, RELAY, make_gap
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import Ui, ui

LINE = f"12 missing (ids 31..42): {EXPIRED}"
NOTHING = "a gap stands for deliveries that never came: there is nothing to"


def row(gap: Delivery, width: int, *chosen: str, selected: bool = False) -> str:
    columns = Columns.fitting(width, chosen)
    return "".join(text for text, _ in render_row(gap, Row("10:29:00", selected=selected), columns))


def said(gap: Delivery, tab: str) -> str:
    detail = DeliveryDetail(gap, Request("", "", "", (), b""), has_body=True)
    lines = next(one for one in TABS if one.name == tab).lines(Shown(detail))
    document = Document(lines)
    return "\n".join(text for _, text in document.texts(0, len(document)))


async def at_gap(shown: Ui) -> None:
    await shown.press("g")
    await shown.until(lambda: shown.main.session.inspection.detail is not None)


# The row ------------------------------------------------------------------------------------


def test_the_row_says_in_a_line_what_is_missing() -> None:
    assert row(make_gap(7), 120) == f"        7 10:29:00    {LINE}".ljust(120)
    assert row(make_gap(7, 7, 7), 80).startswith("        7 10:29:00    1 missing (id 7): they exp")
    marked = make_gap(7, mark="*", note="asked them")
    assert row(marked, 80, selected=True).startswith("+       7 10:29:00 *  12 missing")


def test_where_it_does_not_fit_the_numbers_stay() -> None:
    gap = make_gap(7, 1_000_001, 1_012_000)
    assert row(gap, 80) == (
        "        7 10:29:00    12,000 missing (ids 1000001..1012000): they expired at th…"
    )


@pytest.mark.parametrize("width", [1, 2, 10, 20, 40, 80, 250])
@pytest.mark.parametrize("chosen", [(), ("event", "id"), ("id",), ("time", "id", "state")])
def test_it_fills_its_width(width: int, chosen: tuple[str, ...]) -> None:
    shown = row(make_gap(7, state_reason="\x1b[2J\u202e 计量"), width, *chosen)
    assert cell_len(shown) == width
    assert shown.isprintable()


# The detail ---------------------------------------------------------------------------------


def test_the_first_tab_explains_it() -> None:
    text = said(make_gap(7, note="asked them"), "Envelope")
    for part in (LINE, "they will not come here", "missing        12", "from           #31",
                 "to             #42", EXPIRED, RELAY, "orders", "asked them",
                 "only its sender can send it again", "--db OTHER.db"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("tab", "what"),
    [("Headers", "headers"), ("Body", "body"), ("Signature", "signature"),
     ("Attempts", "attempts"), ("Diff", "content")],
)  # fmt: skip
def test_the_other_tabs_say_why_they_are_empty(tab: str, what: str) -> None:
    assert said(make_gap(7), tab) == (
        f"A gap has no {what}: it stands for deliveries that never came. 1 explains it."
    )


def test_a_mirrored_delivery_tells_its_origin() -> None:
    mirrored = make_delivery(8, origin_relay=RELAY, origin_id=43)
    assert f"origin         #43 at {RELAY}" in said(mirrored, "Envelope")
    assert "origin" not in said(make_delivery(8), "Envelope")


# In the UI ----------------------------------------------------------------------------------


async def test_it_is_listed_opened_and_found_at_80_by_24() -> None:
    deliveries = [make_delivery(1), make_gap(2), make_delivery(3, duplicate_of=1)]
    async with fake_listener(*deliveries) as listener, ui(listener, (80, 24)) as shown:
        # Its neighbours fold; it does not.
        await shown.until_shown(f"2 10:29:00    {LINE[:50]}")
        await shown.until_shown("1/2 (1 folded) following")
        await shown.until_shown("received 2")
        await shown.until_shown("gaps 1")
        await at_gap(shown)
        await shown.press("enter")
        await shown.until_shown("what can be done")
        await shown.until_shown("only its sender can send it again")
        await shown.press("escape")
        await shown.filter("event:delta.*")
        await shown.until(lambda: "expired" not in shown.text)
        await shown.press("escape")
        await shown.filter("state:gap")
        await shown.until(lambda: list(shown.main.session.feed.ids()) == [2])


async def test_a_gap_that_comes_while_looking() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await listener.add(make_gap(2))
        await shown.until_shown("12 missing (ids")
        await shown.until(lambda: shown.main.session.inspection.delivery_id == 2)
        await shown.until_shown("what can be done")


@pytest.mark.parametrize(
    ("key", "do"),
    [("r", "send"), ("R", "send"), ("o", "send"), ("e", "edit"), ("E", "edit"), ("d", "compare")],
)
async def test_what_cannot_be_done_is_told(key: str, do: str) -> None:
    async with fake_listener(make_gap(2)) as listener, ui(listener) as shown:
        await at_gap(shown)
        await shown.press(key)
        await shown.until_said(f"#2: {NOTHING} {do}")
        assert listener.posted == []
        assert len(shown.app.screen_stack) == 2


async def test_it_is_nothing_to_compare_with() -> None:
    marked = make_gap(2, mark="*")
    async with (
        fake_listener(marked, make_delivery(3)) as listener,
        ui(listener, (160, 40)) as shown,
    ):
        await shown.press("d")
        await shown.until_shown("There is nothing to compare with")
        await listener.change(make_gap(2, mark=""), marked)
        feed = shown.main.session.feed
        await shown.until(lambda: any(one.mark for one in (feed.get(2),) if one is not None))
        await shown.until_shown("There is nothing to compare with")


async def test_the_sidebar_counts_it_apart() -> None:
    deliveries = [make_delivery(1), make_gap(2), make_delivery(3, event=None)]
    async with fake_listener(*deliveries) as listener, ui(listener, (120, 40)) as shown:
        await shown.until(lambda: any("gaps" in one for one in shown.text.split("\n")))
        lines = [one.split("│")[0] for one in shown.text.split("\n")]
        assert any("without a type" in one and " 1 " in one for one in lines)
        await shown.filter("not event:* not state:refused,gap")
        await shown.until(lambda: list(shown.main.session.feed.ids()) == [3])
        assert listener.url


async def test_it_can_be_noted_and_marked() -> None:
    async with fake_listener(make_gap(2)) as listener, ui(listener) as shown:
        await at_gap(shown)
        await shown.press("m")
        await shown.until_said("#2 is marked")
        assert listener.deliveries[2].mark == "*"


# What leaves the UI -------------------------------------------------------------------------


def test_it_is_not_copied_as_a_request() -> None:
    gap = make_gap(2)
    found = choices(gap, "http://127.0.0.1:8400", None)
    assert [(one.key, one.label) for one in found] == [("l", "what is missing"), ("i", "row id")]
    assert copied("l", gap, "", None, None, reveal=False).text == LINE


async def export(listener: FakeListener, path: Path, *ids: int) -> str:
    """Write them into a file; what is said of it."""
    async with Control(listener.control, listener.token) as control:
        form = "har" if path.suffix == ".har" else "ndjson"
        job = Export(control, ids, path, form, listener.url, reveal=False)  # type: ignore[arg-type]
        await job.run()
    return job.summary("").text


def contents(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text("ascii") for one in folder.iterdir()}


async def test_an_export_tells_of_it_and_a_har_leaves_it_out(tmp_path: Path) -> None:
    async with fake_listener(make_delivery(1), make_gap(2)) as listener:
        told = await export(listener, tmp_path / "x.ndjson", 1, 2)
        assert told.startswith("2 deliveries exported")
        told = await export(listener, tmp_path / "x.har", 1, 2)
        assert told.startswith("1 delivery exported")
        assert told.endswith(f"; left out: 1 x {NOTHING} export")
        with pytest.raises(UsageError, match=f"{NOTHING} export as HAR"):
            await export(listener, tmp_path / "y.har", 2)
    written = contents(tmp_path)
    assert sorted(written) == ["x.har", "x.ndjson"]
    assert '"kind":"gap"' in written["x.ndjson"].split("\n")[1]
    assert written["x.har"].count("startedDateTime") == 1
