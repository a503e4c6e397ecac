"""Rows as text: goldens at three widths, exact widths for anything, nothing unseen."""

import unicodedata
from datetime import UTC
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from inspector.domain.delivery import Delivery, State
from inspector.domain.envelope import Verdict
from inspector.domain.preferences import Column
from inspector.tui.columns import Columns
from inspector.tui.rows import (
    Cell,
    Row,
    ago,
    clock,
    duration_text,
    fit,
    placeholder,
    render_row,
    size_text,
    state_text,
    titles,
)
from tests.helpers.summaries import NOW, make_delivery

TIME = "10:29:00"
CASES: tuple[tuple[Delivery, Row], ...] = (
    (make_delivery(7), Row(TIME, cursor=True)),
    (
        make_delivery(
            1234567,
            event="customer.step_up_failed_repeatedly",
            event_id="evt_with_a_rather_long_identifier_0001",
            verdict=Verdict.INVALID,
            state=State.FAILED,
            last_status=None,
            last_failure="refused",
            body_size=26_214_400,
            duplicate_of=3,
        ),
        Row("10:29:01"),
    ),
    (make_delivery(8, verdict=Verdict.STALE, last_status=500, last_duration_ms=1204.0), Row(TIME)),
    # Folded, and unfolded with what stands below it.
    (make_delivery(11, event="customer.step_up_failed_repeatedly"), Row("12 s", times=3)),
    (make_delivery(12), Row("5 min", times=2)),
    (make_delivery(13, duplicate_of=12), Row("3 h", below=True)),
    # Selected, marked, with a note, edited.
    (make_delivery(14, mark="*"), Row(TIME, cursor=True, selected=True)),
    (make_delivery(15, note="why is \x1b[31mthis\n late?", replay_of=7), Row(TIME, selected=True)),
    (make_delivery(16, mark="todo", note="again", duplicate_of=2), Row(TIME)),
    (
        make_delivery(
            9,
            event=None,
            event_id=None,
            verdict=Verdict.UNCHECKED,
            state=State.KEPT,
            last_status=None,
            attempts=0,
            body_size=1536,
        ),
        Row("26-02-08"),
    ),
    (
        make_delivery(
            10,
            event="delta.\u8ba1\u91cf",
            verdict=Verdict.UNSIGNED,
            state=State.REFUSED,
            state_reason="too_large: the body is larger than 25 MiB",
            answered=413,
        ),
        Row(TIME),
    ),
    (
        make_delivery(17, state=State.FILTERED, state_reason="--events delta.*", last_status=None),
        Row(TIME),
    ),
    (
        make_delivery(
            18, state=State.HELD, state_reason="data.customerId:cust_1", last_status=None
        ),
        Row(TIME),
    ),
)


def text(cells: list[Cell]) -> str:
    return "".join(part for part, _ in cells)


def line(
    delivery: Delivery, width: int, row: Row | None = None, chosen: tuple[Column, ...] = ()
) -> str:
    columns = Columns.fitting(width, chosen)
    return text(render_row(delivery, row or Row(TIME), columns))


def screen(width: int, chosen: tuple[Column, ...] = ()) -> str:
    lines = [text(titles(Columns.fitting(width, chosen)))]
    lines += [line(delivery, width, row, chosen) for delivery, row in CASES]
    return "\n".join(each.rstrip() for each in lines)


# ruff: noqa: E501
GOLDENS: dict[int, str] = {
    80: """\
       id time        event             event id    s state                 size
 >      7 10:29:00    delta.verified    evt_000007  ✓ forwarded 200 8ms     913B
  1234567 10:29:01  = customer.step_up… evt_with_a… ✗ failed refused        25MB
        8 10:29:00    delta.verified    evt_000008  ~ forwarded 500 1.2s    913B
       11 12 s        customer.step… x3 evt_000011  ✓ forwarded 200 8ms     913B
       12 5 min       delta.verified x2 evt_000012  ✓ forwarded 200 8ms     913B
       13 3 h       =   delta.verified  evt_000013  ✓ forwarded 200 8ms     913B
+>     14 10:29:00 *  delta.verified    evt_000014  ✓ forwarded 200 8ms     913B
+      15 10:29:00 "e delta.verified    evt_000015  ✓ forwarded 200 8ms     913B
       16 10:29:00 *= delta.verified    evt_000016  ✓ forwarded 200 8ms     913B
        9 26-02-08    POST /hooks                   ? kept                 1.5kB
       10 10:29:00    delta.计量        - refused 413 too_large: the bod…   913B
       17 10:29:00    delta.verified    ✓ filtered --events delta.*         913B
       18 10:29:00    delta.verified    evt_000018  ✓ held data.customer…   913B""",
    120: """\
       id time        event                                event id               signature   state                 size
 >      7 10:29:00    delta.verified                       evt_000007             ✓ valid     forwarded 200 8ms     913B
  1234567 10:29:01  = customer.step_up_failed_repeatedly   evt_with_a_rather_lon… ✗ invalid   failed refused        25MB
        8 10:29:00    delta.verified                       evt_000008             ~ stale     forwarded 500 1.2s    913B
       11 12 s        customer.step_up_failed_repeated… x3 evt_000011             ✓ valid     forwarded 200 8ms     913B
       12 5 min       delta.verified                    x2 evt_000012             ✓ valid     forwarded 200 8ms     913B
       13 3 h       =   delta.verified                     evt_000013             ✓ valid     forwarded 200 8ms     913B
+>     14 10:29:00 *  delta.verified                       evt_000014             ✓ valid     forwarded 200 8ms     913B
+      15 10:29:00 "e delta.verified                       evt_000015             ✓ valid     forwarded 200 8ms     913B
       16 10:29:00 *= delta.verified                       evt_000016             ✓ valid     forwarded 200 8ms     913B
        9 26-02-08    POST /hooks                                                 ? unchecked kept                 1.5kB
       10 10:29:00    delta.计量                           - unsigned  refused 413 too_large: the body is larger…   913B
       17 10:29:00    delta.verified                       ✓ valid     filtered --events delta.*                    913B
       18 10:29:00    delta.verified                       evt_000018             ✓ valid     held data.customer…   913B""",
    200: """\
       id time        event                                                 event id                       request                                                signature   state                 size
 >      7 10:29:00    delta.verified                                        evt_000007                     POST /hooks                                            ✓ valid     forwarded 200 8ms     913B
  1234567 10:29:01  = customer.step_up_failed_repeatedly                    evt_with_a_rather_long_identi… POST /hooks                                            ✗ invalid   failed refused        25MB
        8 10:29:00    delta.verified                                        evt_000008                     POST /hooks                                            ~ stale     forwarded 500 1.2s    913B
       11 12 s        customer.step_up_failed_repeatedly                 x3 evt_000011                     POST /hooks                                            ✓ valid     forwarded 200 8ms     913B
       12 5 min       delta.verified                                     x2 evt_000012                     POST /hooks                                            ✓ valid     forwarded 200 8ms     913B
       13 3 h       =   delta.verified                                      evt_000013                     POST /hooks                                            ✓ valid     forwarded 200 8ms     913B
+>     14 10:29:00 *  delta.verified                                        evt_000014                     POST /hooks                                            ✓ valid     forwarded 200 8ms     913B
+      15 10:29:00 "e delta.verified                                        evt_000015                     why is ␛[31mthis␊late?                                 ✓ valid     forwarded 200 8ms     913B
       16 10:29:00 *= delta.verified                                        evt_000016                     again                                                  ✓ valid     forwarded 200 8ms     913B
        9 26-02-08    POST /hooks                                                                          POST /hooks                                            ? unchecked kept                 1.5kB
       10 10:29:00    delta.计量                                            - unsigned  refused 413 too_large: the body is larger than 25 MiB                                                       913B
       17 10:29:00    delta.verified                                        ✓ valid     filtered --events delta.*                                                                                   913B
       18 10:29:00    delta.verified                                        evt_000018                     POST /hooks                                            ✓ valid     held data.customer…   913B""",
}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_goldens(width: int) -> None:
    assert screen(width) == GOLDENS[width]


CHOSEN: tuple[Column, ...] = ("note", "mark", "time", "request", "id", "state")


OWN = """\
     note                     mark     time     request                       id state
 >                                     10:29:00 POST /hooks                    7 forwarded 200 8ms
   =                                   10:29:01 POST /hooks              1234567 failed refused
                                       10:29:00 POST /hooks                    8 forwarded 500 1.2s
                           x3          12 s     POST /hooks                   11 forwarded 200 8ms
                           x2          5 min    POST /hooks                   12 forwarded 200 8ms
   =                                   3 h      POST /hooks                   13 forwarded 200 8ms
+>*                           *        10:29:00 POST /hooks                   14 forwarded 200 8ms
+ "e why is ␛[31mthis␊late?            10:29:00 POST /hooks                   15 forwarded 200 8ms
  *= again                    todo     10:29:00 POST /hooks                   16 forwarded 200 8ms
                                       26-02-08 POST /hooks                    9 kept
                                       10:29:00 POST /hooks                   10 refused 413 too_la…
                                       10:29:00 POST /hooks                   17 filtered --events …
                                       10:29:00 POST /hooks                   18 held data.customer…"""


def test_a_users_own_columns_in_their_order() -> None:
    assert screen(100, CHOSEN) == OWN


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
    times=st.sampled_from([1, 2, 1_000_000]),
    chosen=st.lists(st.sampled_from(get_args(Column)), unique=True, max_size=10).map(tuple),
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
    times: int,
    chosen: tuple[Column, ...],
) -> None:
    delivery = make_delivery(
        1,
        event=event,
        event_id=event_id,
        request_target=target,
        state_reason=reason,
        last_failure=reason,
        mark=reason,
        note=target,
        state=state,
        verdict=verdict,
    )
    columns = Columns.fitting(width, chosen)
    shown = text(
        render_row(delivery, Row("5 min", selected, not selected, times, selected), columns)
    )
    assert cell_len(shown) == width
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cell_len(text(titles(columns))) == width
    assert cell_len(text(placeholder(1, Row("", selected), columns))) == width


@given(st.integers(60, 300))
def test_there_is_no_width_at_which_what_matters_is_cut(width: int) -> None:
    shown = line(make_delivery(7, mark="*"), width, Row(TIME, times=3))
    assert "delta.ve" in shown
    assert " x3 " in shown
    assert "* " in shown
    assert "forwarded 200 8ms" in shown


def test_states_and_verdicts_are_told_apart_without_colour() -> None:
    states = {line(make_delivery(1, state=one), 80) for one in State}
    verdicts = {line(make_delivery(1, verdict=one), 80) for one in Verdict}
    assert len(states) == len(State)
    assert len(verdicts) == len(Verdict)
    looks = [
        Row(TIME),
        Row(TIME, True),
        Row(TIME, selected=True),
        Row(TIME, times=2),
        Row(TIME, below=True),
    ]
    assert len({line(make_delivery(1), 80, look) for look in looks}) == len(looks)


@pytest.mark.parametrize("state", State)
def test_only_what_waits_or_failed_tells_a_failure(state: State) -> None:
    """Of another it is that of an attempt elsewhere: `forwarded nothing listens` would be none."""
    delivery = make_delivery(1, state=state, last_status=None, last_failure="nothing listens")
    told = "nothing listens" in state_text(delivery, 80)
    assert told == (state in (State.FAILED, State.WAITING))


@pytest.mark.parametrize("state", [State.FAILED, State.WAITING])
def test_what_waits_or_failed_has_no_status(state: State) -> None:
    delivery = make_delivery(1, state=state, last_status=200, last_failure=None)
    assert state_text(delivery, 80) == state


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


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0 s"), (12.9, "12 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"),
     (47 * 3600, "47 h"), (48 * 3600, "2 d"), (100_000 * 86_400, "100000 d")],
)  # fmt: skip
def test_how_long_ago(seconds: float, shown: str) -> None:
    assert ago(NOW - round(seconds * 1_000_000), NOW) == shown


def test_fit_cuts_wide_characters_within_the_width() -> None:
    assert fit("\u8ba1\u91cf", 3) == "\u8ba1…"
    assert fit("\u8ba1\u91cf", 1) == " "
    assert fit("ab", 4, right=True) == "  ab"
