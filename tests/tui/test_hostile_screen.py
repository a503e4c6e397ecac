"""Whatever a sender puts anywhere, the screen shows plain, harmless text and goes on working."""

import asyncio
import gzip
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.domain.attempt import Failure, FailureKind
from inspector.domain.delivery import Delivery, State
from inspector.domain.headers import Headers
from inspector.domain.plaintext import visible
from inspector.domain.preferences import Preferences
from inspector.tui.memory import give_back_large_blocks
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
    "deep keys": b'{"\\u202e\\u001b":' * 3_000,
    "numbers": b"[1e999, -0, 1" + b"0" * 5000 + b", NaN]",
    "form": b"a=%1b[31m&%e2%80%ae=1&=&" + MARKUP.encode(),
    "invalid": b'{"a":"\xff\xfe\x9b","b":[1]}',
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
        for number in (5, 6):
            await listener.attempt(
                make_attempt(number, 1, target="http://" + EVERYTHING),
                Content((*headers, ("X-Number", str(number))), body + b"%d" % number),
            )
        async with ui(listener, (160, 40)) as shown:
            await shown.until_shown("NOT STORED")
            keys = "1 2 s 3 v v v 4 5 6 D d 5 enter j j h l G k k enter g n"
            for key in keys.split():
                await shown.press(key)
                await shown.pilot.pause()
                _assert_harmless(shown.text)
            await shown.paste(EVERYTHING)
            await shown.pilot.pause()
            _assert_harmless(shown.text)
            await shown.press("escape", "escape", "r", "R")
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


def _assert_no_hidden(text: str) -> None:
    unseen = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs"}} - {"\n"}
    assert not unseen, [f"U+{ord(char):04X}" for char in unseen]


def _assert_harmless(text: str) -> None:
    _assert_no_hidden(text)
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


@pytest.mark.parametrize("typed", ["", "view: "])
async def test_names_and_queries_of_views_are_text_in_the_palette(typed: str) -> None:
    views = {
        "[@click=app.quit]mine[/]": "path:/x[/]",
        "a[/b]": "sig:valid",
        "[bold]b[/bold]": "path:/[a-z]*",
        "B\u202e": 'header.x:"\u202e"',
    }
    async with (
        fake_listener(make_delivery(1)) as listener,
        ui(listener, (160, 50), preferences=Preferences(views=views)) as shown,
    ):
        await shown.press("ctrl+p", *typed)
        await shown.until_shown("View:" if typed else "Open")
        # Where nothing is typed they come after every action.
        names = [f"View: {visible(name)}" for name in views]
        async with asyncio.timeout(20):
            while not all(name in shown.text for name in names):
                await shown.press(*([] if typed else ["pagedown"]))
                await shown.pilot.pause()
        await shown.until_shown("path:/x[/]")
        await shown.until_shown("path:/[a-z]*")
        _assert_no_hidden(shown.text)


async def test_a_view_of_the_palette_is_applied_as_it_is_written() -> None:
    query = 'header.x:"\u202e"'
    async with (
        fake_listener(make_delivery(1)) as listener,
        ui(listener, preferences=Preferences(views={"turned": query})) as shown,
    ):
        await shown.press("ctrl+p", *"view: turned")
        await shown.until_shown("View: turned")
        await shown.press("enter")
        await shown.until(lambda: shown.main.session.filter.text == query)


LARGE: dict[str, Callable[[], bytes]] = {
    "one string": lambda: b'{"k":"' + b"x" * 10_000_000 + b'"}',
    "one line": lambda: b"[" + b",".join([b'{"k":"v","n":[1,2]}'] * 500_000) + b"]",
    "brackets": lambda: b"[" * 10_000_000,
    "escapes": lambda: b'["' + b"\\u202e\x1b" * 1_500_000 + b'"]',
    "lines": lambda: b"\x1b[2J\n" * 2_000_000,
    "wide": lambda: "\U0001f468\u202e".encode() * 1_500_000,
    "bytes": lambda: bytes(range(256)) * 40_000,
    "bomb": lambda: gzip.compress(bytes(100_000_000)),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", LARGE)
def test_large_bodies_leave_the_screen_intact_and_the_process_small(name: str) -> None:
    """In a process of its own, because the most that this one ever had is not about the body."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.tui.test_hostile_screen", name],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    peak = int(told.stdout)
    # The fake listener is in it, with its own three copies of the body.
    assert peak < 200 + 3 * len(LARGE[name]()) // 2**20, f"{peak} MiB"


async def _look_at(body: bytes, headers: Headers) -> None:
    give_back_large_blocks()
    async with fake_listener(make_delivery(1, body_size=len(body)), make_delivery(2)) as listener:
        listener.contents[1] = Content(headers, body)
        async with ui(listener, (160, 40)) as shown:
            await shown.press("3", "j", "b")
            await shown.until(lambda: "#1" in shown.text and "loaded" not in shown.text, 60)
            for key in ("3", "G", "g", "v", "G", "v", "G", "v", "enter", "G", "h", "l", "1", "6"):
                await shown.press(key)
                await shown.until(lambda: "formatting" not in shown.text, 60)
                _assert_harmless(shown.text)
            await shown.press("3", "slash")
            await shown.paste("zzz")
            await shown.until(lambda: "not found" in shown.text, 60)
            _assert_harmless(shown.text)


if __name__ == "__main__":
    coded = (("Content-Encoding", "gzip"),) if sys.argv[1] == "bomb" else ()
    asyncio.run(_look_at(LARGE[sys.argv[1]](), (("Content-Type", "application/json"), *coded)))
    # Unlike `ru_maxrss`, this knows nothing of the process that started this one.
    status = Path("/proc/self/status").read_text()
    sys.stdout.write(str(int(status.partition("VmHWM:")[2].split()[0]) // 1024))
