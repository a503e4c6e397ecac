"""Hold and step, marks and notes: set by keys, and each tells what it did."""

from inspector.domain.delivery import State
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import ui


async def test_a_breakpoint_holds_and_n_lets_one_go() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener, (160, 40)) as shown:
        await shown.press("B")
        # The event under the cursor is the guess.
        await shown.until_shown("event:delta.verified")
        await shown.press("enter")
        await shown.until_said("what matches event:delta.verified is held from now on")
        await listener.add(make_delivery(2), make_delivery(3), make_delivery(4))
        await shown.until_shown("breakpoint event:delta.verified (3 held)")
        # Under the cursor is the newest; without a held one there the oldest goes.
        await shown.press("n")
        await shown.until_said("#4 was let go")
        await shown.until_said("#4 -> 200 in 8ms")
        await shown.press("n")
        await shown.until_said("#2 was let go")
        await shown.press("ctrl+p")
        await shown.paste("release all")
        await shown.until_shown("Let all held deliveries go")
        await shown.press("enter")
        await shown.until_said("1 were let go")
        await shown.press("n")
        await shown.until_said("nothing is held")
        await shown.press("B", "ctrl+u", "enter")
        await shown.until_said("the breakpoint is gone")
        await shown.until(lambda: "breakpoint" not in shown.text)
        assert [one["query"] for one in listener.posted if "query" in one] == [
            "event:delta.verified",
            "",
        ]


async def test_what_was_held_before_is_told_at_the_start() -> None:
    async with fake_listener(make_delivery(1, state=State.HELD)) as listener, ui(listener) as shown:
        await shown.until_said("1 held by an earlier breakpoint")


async def test_a_breakpoint_that_cannot_be_read_is_told_in_place() -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        await shown.press("B")
        await shown.paste("state:nonsense")
        await shown.until_shown("^ ")
        await shown.press("enter", "escape")
        # Nothing was set, so that there is nothing to take away.
        await shown.press("B", "enter")
        assert listener.posted == []


async def test_a_refused_breakpoint_says_so() -> None:
    async with fake_listener(make_delivery(1, state=State.HELD)) as listener:
        listener.refuse = (409, "no", "")
        async with ui(listener) as shown:
            await shown.press("B", "enter")
            await shown.until(lambda: shown.said.count("! no") == 1)
            await shown.press("n")
            await shown.until(lambda: shown.said.count("! no") == 2)


async def test_marks_and_notes() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        await shown.press("m")
        await shown.until_said("#1 is marked")
        await shown.until(lambda: listener.deliveries[1].mark == "*")
        await shown.press("m")
        await shown.until_said("#1 is no longer marked")
        await shown.press("c")
        await shown.paste("look at\x1b[2J this")
        await shown.press("enter")
        await shown.until_said("noted at #1: look at")
        assert listener.deliveries[1].note == "look at␛[2J this"
        await shown.press("c", "ctrl+u", "enter")
        await shown.until_said("the note is gone")
        listener.refuse = (404, "there is no delivery 1", "it may have been pruned")
        await shown.press("m")
        await shown.until_said("there is no delivery 1 (it may have been pruned)")
