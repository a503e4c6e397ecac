"""What is typed in one burst reaches what its keys open, whatever that is."""

from textual.events import Key, Paste
from textual.keys import _character_to_key

from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.ui import Ui, ui


def burst(shown: Ui, text: str) -> None:
    """Keys that are all there before the first of them is acted on; a line's end is Enter."""
    for char in text:
        key = Key("enter", "\r") if char == "\n" else Key(_character_to_key(char), char)
        shown.app.post_message(key)


async def test_a_breakpoint_is_what_was_typed_and_not_the_suggestion() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        burst(shown, "Bevent:none.*\n")
        await shown.until(lambda: listener.breakpoint == "event:none.*")
        assert len(shown.app.screen_stack) == 2


async def test_a_target_is_what_was_typed() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 9))) as listener,
        ui(listener) as shown,
    ):
        burst(shown, "jjo29333\n")
        await shown.until(lambda: len(listener.posted) == 1)
        assert listener.posted[0]["to"] == "http://localhost:29333"


async def test_a_note_a_sample_and_a_copy() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        burst(shown, "cnote1\n")
        await shown.until(lambda: listener.deliveries[1].note == "note1")
        await shown.press("F")
        burst(shown, "tcheckpoint\n")
        await shown.until(lambda: any("checkpoint" in str(one) for one in listener.posted))
        burst(shown, "yi")
        await shown.until_said("copied")
        assert shown.app.clipboard == "1"


async def test_a_dialog_after_a_dialog() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        burst(shown, "xn/q/f")
        await shown.until(lambda: "/q/f" in shown.text)
        assert not shown.app._exit


async def test_keys_after_the_dialog_are_the_lists() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 9))) as listener,
        ui(listener) as shown,
    ):
        burst(shown, "cone\njcanother\njj")
        await shown.until(lambda: shown.main.session.feed.cursor_id == 5)
        await shown.until(lambda: listener.deliveries[7].note == "another")
        assert listener.deliveries[8].note == "one"


async def test_what_is_pasted_right_after_the_key_is_text_of_the_dialog() -> None:
    async with fake_listener(make_delivery(1)) as listener, ui(listener) as shown:
        burst(shown, "c")
        shown.app.post_message(Paste("pasted"))
        burst(shown, "\n")
        await shown.until(lambda: listener.deliveries[1].note == "pasted")


async def test_a_long_burst_is_acted_on_key_by_key() -> None:
    async with (
        fake_listener(*(make_delivery(one) for one in range(1, 200))) as listener,
        ui(listener) as shown,
    ):
        burst(shown, "j" * 150)
        await shown.until(lambda: shown.main.session.feed.cursor_id == 49)
