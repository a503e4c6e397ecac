"""Whatever a sender puts anywhere, the screen shows plain, harmless text and goes on working."""

import unicodedata

import pytest

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import Delivery, State
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_attempt, make_delivery
from tests.helpers.ui import ui

ESCAPES = "\x1b[31mred\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\r\n\t\x00\x08"
MARKUP = "[bold red]x[/bold red] [@click=app.quit]y[/] [/] [link=http://x]z[/link] $error"
BIDI = "\u202egnp.exe\u2066\u2069\u200f"
ZERO_WIDTH = "a\u200bb\ufeffc\u2060d\u00ade\u034f"
WIDE = "\u8ba1\u91cf\U0001f468\u200d\U0001f469\u200d\U0001f467e\u0301\u0301\u0301"
EVERYTHING = ESCAPES + MARKUP + BIDI + ZERO_WIDTH + WIDE

BODIES = {
    "escapes": EVERYTHING.encode(),
    "json": b'{"data":{"[red]k\\u001b[1m":"\\u202e\\ud800 \\u0000"},"event":"\\u001b[31m"}',
    "latin": bytes(range(256)) * 4,
    "binary": b"\x00\x01\x02" * 1000,
    "one line": b'{"k":"' + b"x" * 300_000 + b'"}',
    "deep": b"[" * 50_000,
    "numbers": b"[1e999, -0, 1" + b"0" * 5000 + b", NaN]",
    "empty": b"",
}


def hostile(body: bytes) -> Delivery:
    return make_delivery(
        1,
        event=EVERYTHING,
        event_id=EVERYTHING,
        event_time=EVERYTHING,
        request_target="/" + EVERYTHING,
        method="POST" + EVERYTHING,
        remote=EVERYTHING,
        content_type=EVERYTHING,
        provider=EVERYTHING,
        reason=EVERYTHING,
        notes=(EVERYTHING,),
        state=State.FAILED,
        state_reason=EVERYTHING,
        last_failure=EVERYTHING,
        body_size=len(body),
    )


@pytest.mark.parametrize("name", BODIES)
async def test_the_screen_shows_only_harmless_text(name: str) -> None:
    body = BODIES[name]
    headers = (("X-\x1b[31m", EVERYTHING), ("Content-Type", "application/json" + BIDI))
    async with fake_listener(hostile(body)) as listener:
        listener.contents[1] = Content(headers, body)
        listener.outcome = Failure(FailureKind.CUT, EVERYTHING)
        listener.store_error = EVERYTHING
        await listener.attempt(
            make_attempt(5, 1, target="http://" + EVERYTHING), Content(headers, body)
        )
        async with ui(listener, (160, 40)) as shown:
            await shown.until_shown("NOT STORED")
            for key in ("1", "2", "s", "3", "v", "v", "v", "4", "5", "r", "R"):
                await shown.press(key)
                await shown.pilot.pause()
                _assert_harmless(shown.text)
            await shown.until_said("no answer")
            _assert_harmless(shown.text)
            await shown.filter(MARKUP + BIDI)
            _assert_harmless(shown.text)
            await shown.press("escape", "escape")
            await shown.until(lambda: shown.main.session.feed.complete)
            await shown.press("shift+tab", "end", "enter")
            await shown.until(lambda: shown.main.session.filter.text.startswith("event:"))
            await shown.until(lambda: len(shown.main.session.feed) == 1)
            _assert_harmless(shown.text)


def _assert_harmless(text: str) -> None:
    unseen = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs"}} - {"\n"}
    assert not unseen, [f"U+{ord(char):04X}" for char in unseen]
    lines = text.split("\n")
    assert lines[0].strip()
    assert "Quit" in lines[-1] or "Leave" in lines[-1]


async def test_markup_is_text_wherever_it_stands() -> None:
    name = "[b]x[/b]"
    delivery = make_delivery(1, event=name, event_id=name, reason=name, notes=(name,))
    async with fake_listener(delivery) as listener, ui(listener, (160, 40)) as shown:
        # The sidebar, the list's event and event id, the detail's heading, note and id.
        await shown.until(lambda: shown.text.count(name) == 6)
        await shown.press("y", "e")
        await shown.until_shown(f"copied event id {name}")
