"""The detail, driven by keys: the cursor, folding, searching, the six tabs, going on from there."""

import json
import time

import pytest
from textual import events
from textual.widgets import Input

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict
from inspector.tui.widgets.detail import Detail
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_attempt, make_delivery
from tests.helpers.ui import Ui, ui

BODY = (
    b'{"event":"delta.verified","data":{"delta":{"amount":-42.50,"customerId":"cust_1"},"n":[1,2]}}'
)
SECRET = (("Authorization", "Bearer sesame"), ("X-A", "1"), ("x-a", "2"))


def foot(shown: Ui) -> str:
    """The bottom line of the detail."""
    region = shown.app.screen.query_one("#foot").region
    return shown.text.split("\n")[region.y][region.x : region.right].strip()


def cursor(shown: Ui) -> str:
    """The line with the cursor's sign."""
    region = shown.app.screen.query_one("#lines").region
    lines = [line[region.x :] for line in shown.text.split("\n")[region.y : region.bottom]]
    return next((line[2:].strip() for line in lines if line.startswith(">")), "")


async def test_the_cursor_is_seen_while_the_pane_has_the_keys_and_says_where_it_is() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=BODY)
        async with ui(listener) as shown:
            await shown.press("3")
            await shown.until_shown('"amount": -42.50')
            assert cursor(shown) == ""
            await shown.press("enter", *"jjjjj")
            assert cursor(shown) == '"amount": -42.50,'
            assert foot(shown) == "data.delta.amount"
            assert shown.main.detail.value_at_cursor() == ("data.delta.amount", "-42.50")
            await shown.press("j")
            assert shown.main.detail.value_at_cursor() == ("data.delta.customerId", "cust_1")
            await shown.press("g")
            assert shown.main.detail.value_at_cursor() is None
            await shown.press("G")
            assert cursor(shown).startswith("sha256")
            await shown.press("k", "k", "pageup", "pagedown", "up", "down")
            await shown.press("escape")
            assert cursor(shown) == ""


async def test_json_is_folded_and_unfolded() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=BODY)
        async with ui(listener) as shown:
            await shown.press("3", "enter", *"jjjjj")
            await shown.press("h")
            assert cursor(shown) == '"delta": {… 2 keys},'
            await shown.press("left")
            assert cursor(shown) == '"data": {… 2 keys}'
            await shown.press("l")
            assert '"delta": {… 2 keys},' in shown.text
            await shown.press("enter")
            assert cursor(shown) == '"data": {… 2 keys}'
            await shown.press("right", "j", "enter", "j")
            assert '"customerId": "cust_1"' in shown.text
            # What is folded stays so when the summary changes, and not for another delivery.
            await shown.press("h")
            await listener.change(make_delivery(1, state=State.FAILED))
            await shown.until(lambda: "failed" in shown.text)
            assert "… 2 keys" in shown.text
            await listener.add(make_delivery(2))
            await shown.until(lambda: len(shown.main.session.feed) == 2)
            await shown.press("K")
            await shown.until_shown('"amount": 5')
            assert "… 2 keys" not in shown.text


@pytest.mark.parametrize("tab", "12345")
async def test_every_tab_is_searched(tab: str) -> None:
    delivery = make_delivery(1, reason="says Needle", event="needle.found", state_reason="needle")
    async with fake_listener(delivery) as listener:
        content = Content((("X-Signature", "NEEDLE"),), b'{"k":["needle","needle needle"]}')
        listener.contents[1] = content
        await listener.attempt(make_attempt(5, 1), content)
        async with ui(listener) as shown:
            await shown.press(tab, "enter", "slash")
            assert isinstance(shown.app.screen.focused, Input)
            await shown.paste("needle")
            await shown.until(lambda: "1/" in foot(shown))
            count = int(foot(shown).rpartition("/")[2])
            assert count >= 1
            assert "needle" in cursor(shown).lower()
            await shown.press("enter")
            for _ in range(count):
                await shown.press("n")
            assert foot(shown).endswith(f"1/{count}")
            await shown.press("N")
            assert foot(shown).endswith(f"{count}/{count}")
            # Another tab is searched for the same; Esc ends it first, then leaves the pane.
            await shown.press("3")
            await shown.until(lambda: foot(shown).endswith("3"))
            await shown.press("escape")
            assert shown.main.pane == "lines"
            assert "3" not in foot(shown)
            await shown.press("escape")
            assert shown.main.pane == "list"


async def test_a_search_goes_on_from_the_cursor_and_unfolds_what_it_finds() -> None:
    body = json.dumps({"a": {"x": "find"}, "b": {"x": "find"}, "c": 1}).encode()
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=body)
        async with ui(listener) as shown:
            await shown.press("3", "enter", *"jjj", "h", *"jj", "slash")
            assert '"a": {… 1 key}' in shown.text
            await shown.paste("FIND")
            assert foot(shown).split() == ["b.x", "2/2"]
            await shown.press("enter", "n")
            assert foot(shown).split() == ["a.x", "1/2"]
            assert '"a": {… 1 key}' not in shown.text
            await shown.press("G", "n")
            assert foot(shown).split() == ["a.x", "1/2"]
            await shown.press("slash")
            await shown.paste("ing")
            assert "not found" in foot(shown)
            await shown.press("escape", "n")
            assert isinstance(shown.app.screen.focused, Input)
            await shown.press("enter")
            assert shown.app.screen.focused is not None
            assert shown.app.screen.focused.id == "lines"


async def test_a_large_body_is_formatted_beside_the_keys() -> None:
    rows = [{"id": f"item_{one}", "amount": one, "tags": ["a", "b"]} for one in range(6000)]
    body = json.dumps({"items": rows}).encode()
    assert len(body) > 256 * 1024
    async with fake_listener(make_delivery(1, body_size=len(body))) as listener:
        listener.contents[1] = Content(body=body)
        async with ui(listener) as shown:
            await shown.press("3")
            await shown.until_shown('"id": "item_0"')
            await shown.press("enter", "G")
            await shown.until_shown("sha256")
            await shown.press("slash")
            await shown.paste("item_5999")
            await shown.until(lambda: foot(shown).split() == ["items.5999.id", "1/1"])
            await shown.press("enter", "h", "h")
            assert cursor(shown) == '"items": [… 6,000 items]'
            spent = []
            for key in "jkGgnh":
                began = time.process_time()
                await shown.press(key)
                spent.append(time.process_time() - began)
            # About 5 ms each, pilot's own waiting aside.
            assert sum(spent) / len(spent) < 0.2


async def test_the_body_of_ten_megabytes_can_be_left_at_once() -> None:
    body = b"[" + b",".join([b'{"k":"' + b"v" * 80 + b'"}'] * 100_000) + b"]"
    async with fake_listener(make_delivery(1, body_size=len(body)), make_delivery(2)) as listener:
        listener.contents[1] = Content(body=body)
        async with ui(listener) as shown:
            await shown.press("3", "j", "b")
            await shown.until(lambda: "formatting …" in shown.text or '"k": "vvv' in shown.text, 60)
            await shown.press("k")
            await shown.until_shown('"amount": 5')
            await shown.press("j", "b")
            await shown.until(lambda: '"k": "vvv' in shown.text, 60)


async def test_signature_shows_each_check() -> None:
    headers = (("X-PacSpace-Signature", "v1=ab"), ("X-PacSpace-Timestamp", "1770805800"))
    delivery = make_delivery(1, verdict=Verdict.INVALID, reason="no secret gives this signature")
    async with fake_listener(delivery, make_delivery(2)) as listener:
        listener.contents[1] = Content(headers, b'{"event":"delta.verified"}')
        listener.secrets = ("whsec_test",)
        async with ui(listener, (140, 80)) as shown:
            await shown.press("4", "enter", "J")
            await shown.until_shown("✗ invalid")
            await shown.until(lambda: "checking" not in shown.text)
            assert "checks" in shown.text
            assert "X-PacSpace-Signature: v1=ab" in shown.text
            asked = [path for _, path in listener.calls if path.endswith("/signature")]
            assert asked == ["api/deliveries/2/signature", "api/deliveries/1/signature"]
            listener.broken = "2/signature"
            await shown.press("K")
            await shown.until_shown("it broke")


async def test_attempts_show_both_messages_fold_and_refresh_live() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        failure = Failure(FailureKind.REFUSED, "connection refused")
        await listener.attempt(make_attempt(5, 1, status=None, failure=failure))
        await listener.attempt(
            make_attempt(6, 1, number=2), Content((("Server", "app"),), b'{"ok":{"n":1}}')
        )
        async with ui(listener, (140, 50)) as shown:
            await shown.press("5", "enter")
            await shown.until_shown('"ok": {')
            assert "connection refused" not in shown.text
            await shown.press("G", "enter")
            await shown.until_shown("refused: connection refused")
            await shown.press("slash")
            await shown.paste("sent ")
            await shown.press("enter", "escape", "l")
            await shown.until_shown("and the body as it was captured")
            await listener.attempt(make_attempt(7, 1, number=3), Content((), b"third"))
            # What is read stays where it is, and what the user unfolded stays so.
            await shown.until(lambda: len(shown.main.session.inspection.attempts) == 3)
            assert cursor(shown).startswith("sent")
            assert "and the body as it was captured" in shown.text
            await shown.press("g")
            await shown.until_shown("attempt 3 to")
            await shown.until_shown("third")


async def test_another_delivery_begins_masked_and_at_its_top_in_the_same_tab() -> None:
    async with fake_listener(make_delivery(1), make_delivery(2)) as listener:
        for one in (1, 2):
            listener.contents[one] = Content((*SECRET, ("X-Which", str(one))), b"{}")
        async with ui(listener) as shown:
            await shown.press("2", "enter", "s", "G")
            await shown.until_shown("Bearer sesame")
            assert shown.main.detail.reveals
            assert "X-A: 1 (1 of 2)" in shown.text
            await shown.press("J")
            await shown.until_shown("X-Which: 1")
            assert "sesame" not in shown.text
            assert not shown.main.detail.reveals
            assert shown.main.pane == "lines"
            assert cursor(shown).startswith("POST /hooks")
            await shown.press("j")
            assert foot(shown) == "header.authorization"
            assert shown.main.detail.value_at_cursor() is None
            await shown.press("s")
            assert shown.main.detail.value_at_cursor() == ("header.authorization", "Bearer sesame")


async def test_where_one_pane_fits_esc_goes_back_to_the_list() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=BODY)
        async with ui(listener, (80, 24)) as shown:
            await shown.press("3")
            await shown.until_shown('"amount": -42.50')
            assert not shown.main.list.display or shown.main.pane == "lines"
            await shown.press("j", "slash")
            await shown.paste("amount")
            await shown.press("escape", "escape")
            assert shown.main.pane == "list"
            assert "evt_000001" in shown.text


async def test_the_mouse_sets_the_cursor_folds_and_scrolls() -> None:
    body = json.dumps({"a": {"b": list(range(100))}}).encode()
    async with fake_listener(make_delivery(1)) as listener:
        listener.contents[1] = Content(body=body)
        async with ui(listener) as shown:
            await shown.press("3")
            await shown.until_shown('"b": [')
            await shown.pilot.click("#lines", offset=(12, 3))
            assert cursor(shown) == '"b": ['
            await shown.pilot.click("#lines", offset=(1, 2))
            assert cursor(shown) == '"a": {… 1 key}'
            await shown.pilot.click("#lines", offset=(1, 2))
            before = shown.text
            await shown.pilot._post_mouse_events(
                [events.MouseScrollDown], "#lines", offset=(5, 5), button=0
            )
            await shown.until(lambda: shown.text != before)
            await shown.pilot.click("#tabs", offset=(14, 0))
            await shown.until_shown("Content-Type: application/json")


async def test_looking_without_a_delivery() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        detail = shown.main.query_one(Detail)
        await shown.press(*"123456")
        await shown.until_shown("no delivery is chosen")
        assert detail.value_at_cursor() is None


async def test_while_a_search_is_typed_the_footer_has_its_keys() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("enter", "slash")
        await shown.until(
            lambda: shown.text.split("\n")[-1].split() == ["Enter", "Read", "on", "Esc", "Leave"]
        )
        await shown.press("a", "enter")
        await shown.until(lambda: "Next match" not in shown.text and "q Quit" in shown.text)
        await shown.press("n", "escape")
        assert shown.main.pane == "lines"
        assert not shown.main.detail.searching
