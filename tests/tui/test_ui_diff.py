"""Comparing, driven by keys: with what, what differs, and what is passed over."""

from inspector.domain.preferences import Preferences
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import Content, make_attempt, make_delivery
from tests.helpers.ui import ui
from tests.tui.test_ui_detail import foot

JSON = (("Content-Type", "application/json"), ("X-Event-ID", "evt_1"))


def content(amount: float, at: str = "t1", event_id: str = "evt_1") -> Content:
    body = (
        f'{{"event":"delta.verified","timestamp":"{at}","data":{{"delta":{{"amount":{amount}}}}}}}'
    )
    return Content((JSON[0], ("X-Event-ID", event_id)), body.encode())


async def three(listener: FakeListener) -> None:
    listener.contents[1] = content(1)
    listener.contents[2] = content(2, "t2", "evt_2")
    listener.contents[3] = content(2, "t3", "evt_3")
    listener.contents[4] = content(9, "t4", "evt_4")


async def test_the_previous_of_its_type_then_the_marked_one() -> None:
    deliveries = [make_delivery(one) for one in (1, 2, 3)]
    async with fake_listener(*deliveries, make_delivery(4, event="other")) as listener:
        await three(listener)
        async with ui(listener) as shown:
            await shown.press("j", "d")
            await shown.until_shown("nothing differs (2 places ignored)  D shows them")
            assert "- left   #2 delta.verified" in shown.text
            assert "+ right  #3 delta.verified" in shown.text
            assert "the previous of its type" in shown.text
            await shown.press("D")
            await shown.until_shown("ignored by timestamp")
            await shown.until_shown("ignored by header.x-event-id")
            await shown.press("D")
            await shown.until(lambda: "ignored by" not in shown.text)
            # The one that is marked while one looks comes first from then on.
            await listener.change(make_delivery(1, mark="*"))
            await shown.until_shown("#1 delta.verified")
            await shown.until_shown("1 place differs (2 places ignored)")
            assert "d compares with the previous of its type" in shown.text
            await shown.press("d")
            await shown.until_shown("#2 delta.verified")
            await shown.press("d", "enter", "G")
            await shown.until_shown("data.delta.amount")
            assert foot(shown) == "data.delta.amount"
            assert shown.main.detail.value_at_cursor() == ("data.delta.amount", "2")
            # A mark that is taken away is no longer compared with.
            await listener.change(make_delivery(1))
            await shown.until_shown("#2 delta.verified")


async def test_marked_before_the_ui_was_there() -> None:
    async with fake_listener(make_delivery(1, mark="x"), make_delivery(2)) as listener:
        await three(listener)
        async with ui(listener) as shown:
            await shown.press("6")
            await shown.until_shown("the marked delivery")


async def test_an_edited_one_with_its_original_and_both_answers() -> None:
    edited = make_delivery(2, replay_of=1, event="delta.edited")
    async with fake_listener(make_delivery(1), edited) as listener:
        await three(listener)
        await listener.attempt(make_attempt(5, 1, status=422), Content((), b'{"error":"no"}'))
        await listener.attempt(make_attempt(6, 2), Content((), b'{"ok":true}'))
        async with ui(listener) as shown:
            await shown.press("d")
            await shown.until_shown("the delivery that it was edited from")
            await shown.until_shown("data.delta.amount")
            await shown.press("d")
            await shown.until_shown("the answer to #1")
            await shown.until_shown("422")
            for line in ("~ first line", "- error", "+ ok"):
                await shown.until_shown(line)


async def test_an_original_without_an_answer_is_named() -> None:
    edited = make_delivery(2, replay_of=1, event="delta.edited")
    async with fake_listener(make_delivery(1), edited) as listener:
        await listener.attempt(make_attempt(6, 2), Content((), b'{"ok":true}'))
        async with ui(listener) as shown:
            await shown.press("d")
            await shown.until_shown("the delivery that it was edited from")
            await shown.press("d")
            await shown.until_shown("#1 was never sent, and has no answer: send it again for one")


async def test_two_answers_of_one_delivery() -> None:
    async with fake_listener(make_delivery(1)) as listener:
        for number, body in enumerate((b"one", b"two", b"three"), 1):
            await listener.attempt(
                make_attempt(number, 1, number=number, status=200 + number),
                Content((("Set-Cookie", f"sid={body!r}"),), body),
            )
        async with ui(listener, (140, 50)) as shown:
            await shown.press("d")
            await shown.until_shown("- left   attempt 2 to")
            await shown.until_shown("+ right  attempt 3 to")
            # Secrets are compared, and not shown.
            assert "Set-Cookie" in shown.text
            assert "sid=" not in shown.text
            await shown.press("s")
            await shown.until_shown("sid=b'three'")
            # From the attempt under the cursor in its tab.
            await shown.press("5", "enter", "G", "k", "k")
            await shown.until(lambda: foot(shown).startswith("target"))
            await shown.press("d")
            await shown.until_shown("+ right  attempt 2 to")
            await listener.attempt(make_attempt(9, 1, number=4), Content((), b"four"))
            await shown.press("6")
            await shown.until_shown("+ right  attempt 2 to")


async def test_nothing_to_compare_with() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("d", "d", "d")
        await shown.until_shown("There is nothing to compare with")
        await shown.until_shown("m marks one.")


async def test_a_body_that_is_not_loaded() -> None:
    large = make_delivery(2, body_size=25_000_000)
    async with fake_listener(make_delivery(1), large) as listener:
        await three(listener)
        async with ui(listener) as shown:
            await shown.press("d")
            await shown.until_shown("The body is not loaded: b fetches it.")
            await shown.press("b")
            await shown.until_shown("data.delta.amount")


async def test_what_is_gone_or_cannot_be_asked_is_told() -> None:
    gone = make_delivery(2, replay_of=77, event="x")
    async with fake_listener(make_delivery(1), gone) as listener, ui(listener) as shown:
        await shown.press("d")
        await shown.until_shown("no longer in the store")
        listener.broken = "marked"
        await shown.press("enter", "J")
        await shown.until_shown("it broke")


async def test_sides_stand_beside_each_other_where_there_is_room() -> None:
    async with fake_listener(make_delivery(1), make_delivery(2)) as listener:
        await three(listener)
        for size, expected in (((200, 50), True), ((140, 40), True), ((80, 24), False)):
            async with ui(listener, size) as shown:
                await shown.press("d")
                await shown.until_shown("data.delta.amount")
                line = next(one for one in shown.text.split("\n") if "data.delta.amount" in one)
                assert ("- 1" in line and "+ 2" in line) is expected
                if not expected:
                    assert "    - 1" in shown.text
                    assert "    + 2" in shown.text


async def test_rules_of_the_user_are_added() -> None:
    preferences = Preferences(diff_ignore=("data.delta",))
    async with fake_listener(make_delivery(1), make_delivery(2)) as listener:
        await three(listener)
        async with ui(listener, preferences=preferences) as shown:
            await shown.press("d")
            await shown.until_shown("nothing differs (3 places ignored)")


async def test_large_bodies_are_compared_beside_the_keys() -> None:
    async with fake_listener(make_delivery(1), make_delivery(2)) as listener:
        for one in (1, 2):
            rows = ",".join(f'{{"id":{row},"v":"{"x" * 40}"}}' for row in range(3000))
            listener.contents[one] = Content(JSON, f'{{"which":{one},"rows":[{rows}]}}'.encode())
        async with ui(listener) as shown:
            await shown.press("d")
            await shown.until_shown("1 place differs")
            await shown.until_shown("which")
