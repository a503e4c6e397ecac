"""Rows as text: goldens at three widths, exact widths for anything, nothing unseen."""

import unicodedata
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.tui.rows import (
    Cell,
    clock,
    duration_text,
    fit,
    placeholder,
    render_row,
    size_text,
    titles,
)
from tests.helpers.summaries import NOW, make_delivery

DELIVERIES = (
    make_delivery(7),
    make_delivery(
        1234567,
        event="customer.step_up_failed_repeatedly",
        event_id="evt_with_a_rather_long_identifier_0001",
        verdict=Verdict.INVALID,
        state=State.FAILED,
        last_status=None,
        last_failure="refused",
        body_size=26_214_400,
        duplicate_of=7,
    ),
    make_delivery(8, verdict=Verdict.STALE, last_status=500, last_duration_ms=1204.0),
    make_delivery(
        9,
        event=None,
        event_id=None,
        verdict=Verdict.UNCHECKED,
        state=State.KEPT,
        last_status=None,
        attempts=0,
        received_at=NOW - 3 * 86_400_000_000,
        body_size=1536,
    ),
    make_delivery(
        10,
        event="delta.\u8ba1\u91cf",
        verdict=Verdict.UNSIGNED,
        state=State.REFUSED,
        state_reason="body too large",
        answered=413,
        replay_of=7,
    ),
)


def text(cells: list[Cell]) -> str:
    return "".join(part for part, _ in cells)


def row(delivery: Delivery, width: int, selected: bool = False) -> str:
    return text(render_row(delivery, width, NOW, UTC, selected))


# ruff: noqa: E501
GOLDENS = {
    80: """\
      id time       event              event id    s state                  size
>      7 10:29:00   delta.verified     evt_000007  ✓ forwarded 200 8ms      913B
 1234567 10:29:01 = customer.step_up_… evt_with_a… ✗ failed refused         25MB
       8 10:29:00   delta.verified     evt_000008  ~ forwarded 500 1.2s     913B
       9 26-02-08   POST /hooks                    ? kept                  1.5kB
      10 10:29:00 e delta.计量         evt_000010  - refused 413 body to…   913B""",
    120: """\
      id time       event                                event id                signature   state                  size
>      7 10:29:00   delta.verified                       evt_000007              ✓ valid     forwarded 200 8ms      913B
 1234567 10:29:01 = customer.step_up_failed_repeatedly   evt_with_a_rather_long… ✗ invalid   failed refused         25MB
       8 10:29:00   delta.verified                       evt_000008              ~ stale     forwarded 500 1.2s     913B
       9 26-02-08   POST /hooks                                                  ? unchecked kept                  1.5kB
      10 10:29:00 e delta.计量                           evt_000010              - unsigned  refused 413 body to…   913B""",
    200: """\
      id time       event                                                    event id                             request                                        signature   state                  size
>      7 10:29:00   delta.verified                                           evt_000007                           POST /hooks                                    ✓ valid     forwarded 200 8ms      913B
 1234567 10:29:01 = customer.step_up_failed_repeatedly                       evt_with_a_rather_long_identifier_0… POST /hooks                                    ✗ invalid   failed refused         25MB
       8 10:29:00   delta.verified                                           evt_000008                           POST /hooks                                    ~ stale     forwarded 500 1.2s     913B
       9 26-02-08   POST /hooks                                                                                   POST /hooks                                    ? unchecked kept                  1.5kB
      10 10:29:00 e delta.计量                                               evt_000010                           POST /hooks                                    - unsigned  refused 413 body to…   913B""",
}


@pytest.mark.parametrize("width", sorted(GOLDENS))
def test_goldens(width: int) -> None:
    lines = [text(titles(width)), *(row(one, width, one.id == 7) for one in DELIVERIES)]
    assert "\n".join(line.rstrip() for line in lines) == GOLDENS[width]


hostile = st.text(max_size=300) | st.text("\x1b\u202e\u200b[]\u8ba1m0;\n\t", max_size=60)


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 260),
    event=st.none() | hostile,
    event_id=st.none() | hostile,
    target=hostile,
    reason=hostile,
    state=st.sampled_from(State),
    verdict=st.sampled_from(Verdict),
    selected=st.booleans(),
)
def test_any_row_fills_its_width_and_hides_nothing(
    width: int,
    event: str | None,
    event_id: str | None,
    target: str,
    reason: str,
    state: State,
    verdict: Verdict,
    selected: bool,
) -> None:
    delivery = make_delivery(
        1,
        event=event,
        event_id=event_id,
        request_target=target,
        state_reason=reason,
        last_failure=reason,
        state=state,
        verdict=verdict,
    )
    line = row(delivery, width, selected)
    assert cell_len(line) == width
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cell_len(text(titles(width))) == width
    assert cell_len(text(placeholder(1, width, selected))) == width


def test_states_and_verdicts_are_told_apart_without_colour() -> None:
    states = {row(make_delivery(1, state=one), 80) for one in State}
    verdicts = {row(make_delivery(1, verdict=one), 80) for one in Verdict}
    assert len(states) == len(State)
    assert len(verdicts) == len(Verdict)
    assert row(make_delivery(1), 80, True) != row(make_delivery(1), 80, False)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.0kB"),
        (10_240, "10kB"),
        (25 * 1024 * 1024, "25MB"),
        (5 * 1024**4, "5120GB"),
    ],
)
def test_sizes(size: int, shown: str) -> None:
    assert size_text(size) == shown
    assert len(size_text(size)) <= 6


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0.2, "0ms"), (8.2, "8ms"), (999.4, "999ms"), (999.6, "1.0s"), (30_000.0, "30s")],
)
def test_durations(milliseconds: float, shown: str) -> None:
    assert duration_text(milliseconds) == shown


def test_clock_shows_the_date_after_a_day() -> None:
    assert clock(NOW, NOW, UTC) == "10:30:00"
    assert clock(NOW - 86_400_000_000, NOW, UTC) == "26-02-10"


def test_fit_cuts_wide_characters_within_the_width() -> None:
    assert fit("\u8ba1\u91cf", 3) == "\u8ba1…"
    assert fit("\u8ba1\u91cf", 1) == " "
    assert fit("ab", 4, right=True) == "  ab"
