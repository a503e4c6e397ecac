"""Edit and re-send: in the UI and through the user's editor; what was not edited stays exact."""

import base64
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.domain.delivery import State
from inspector.tui.app import InspectorApp
from inspector.tui.screens.edit import EditScreen
from inspector.tui.screens.main import MainScreen
from inspector.tui.screens.menu import MenuScreen
from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import Content, make_delivery
from tests.helpers.ui import Ui, ui

BODY = b'{"event":"delta.verified",\r\n"data":{"amount":5}}'


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can be lent to an editor; the one of the tests cannot."""

    @contextmanager
    def suspend(self: InspectorApp) -> Iterator[None]:
        yield

    monkeypatch.setattr(InspectorApp, "suspend", suspend)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: None) -> Path:
    """A script that is the user's editor; the file it is given is copied beside it."""
    script = tmp_path / "editor"
    monkeypatch.setenv("VISUAL", f"{script} 'an argument'")
    return script


def edits(script: Path, command: str) -> None:
    seen = script.with_name("seen")
    script.write_text(f'#!/bin/sh\ncp -p "$2" {seen}\n{command}\n')
    script.chmod(0o700)


async def open_editor(shown: Ui) -> EditScreen:
    await shown.press("e")
    await shown.until(lambda: isinstance(shown.app.screen, EditScreen))
    screen = shown.app.screen
    assert isinstance(screen, EditScreen)
    return screen


async def test_editing_makes_a_new_delivery() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        listener.contents[12] = Content((("Host", "x"), ("Content-Type", "application/json")), BODY)
        await open_editor(shown)
        await shown.until_shown("POST /hooks HTTP/1.1")
        await shown.until_shown('"data":{"amount":5}}')
        await shown.press("ctrl+end", "left", "left")
        await shown.press("7", "ctrl+r")
        await shown.until_said("#13 was made from #12")
        await shown.until_said("#13 -> 200 in 8ms")
        posted = listener.posted[0]
        assert posted["re_sign"] is True
        assert base64.b64decode(posted["body_b64"]) == BODY.replace(b":5}", b":57}")
        assert posted["headers"] == [["Host", "x"], ["Content-Type", "application/json"]]
        assert "instead" not in posted
        assert shown.main.session.feed.cursor_id == 13


async def test_sending_to_another_target_and_as_it_is() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await open_editor(shown)
        await shown.press("delete", "delete", "delete", "delete", *"PUT")
        await shown.press("ctrl+t")
        await shown.paste("4000")
        await shown.press("enter")
        await shown.until_shown("target: http://localhost:4000")
        await shown.press("ctrl+s")
        await shown.until_said("#13 was made from #12")
        posted = listener.posted[0]
        assert (posted["method"], posted["to"]) == ("PUT", "http://localhost:4000")
        assert posted["re_sign"] is False


async def test_the_body_can_be_laid_out() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        listener.contents[12] = Content((), b'{"a":1.50,"a":[]}')
        screen = await open_editor(shown)
        await shown.press("ctrl+l")
        await shown.until_shown("laid out: so its bytes are not those of the original")
        laid = 'POST /hooks HTTP/1.1\n\n{\n  "a": 1.50,\n  "a": []\n}'
        assert screen.text == laid
        await shown.press("ctrl+z")
        assert screen.text == 'POST /hooks HTTP/1.1\n\n{"a":1.50,"a":[]}'
        await shown.press("ctrl+end", "x", "ctrl+l")
        await shown.until_shown("the body is no JSON that could be laid out")
        await shown.press("backspace", "ctrl+l", "ctrl+s")
        await shown.until_said("#13 was made from #12")
        assert base64.b64decode(listener.posted[0]["body_b64"]).decode() in laid


async def test_a_held_one_goes_edited_in_its_place() -> None:
    held = make_delivery(12, state=State.HELD)
    async with fake_listener(held) as listener, ui(listener) as shown:
        await open_editor(shown)
        await shown.until_shown("Edit #12, held")
        await shown.press("ctrl+end", "space", "ctrl+s")
        await shown.until_said("#13 was made from #12, in its place")
        assert listener.posted[0]["instead"] is True


async def test_errors_point_at_the_line_and_keep_the_text() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        screen = await open_editor(shown)
        await shown.press("down", "end", "enter", *"nonsense", "ctrl+home", "ctrl+s")
        await shown.until_shown("line 3: this is not a header")
        assert "nonsense" in screen.text
        assert screen._area.cursor_location == (2, 0)
        assert listener.posted == []


async def test_what_is_unchanged_is_not_sent() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await open_editor(shown)
        await shown.press("ctrl+s")
        await shown.until_shown("nothing was changed, so nothing was sent")
        await shown.press("escape")
        assert isinstance(shown.app.screen, MainScreen)
        assert listener.posted == []


async def test_leaving_asks_only_when_changed() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await open_editor(shown)
        await shown.press("x", "escape")
        assert isinstance(shown.app.screen, MenuScreen)
        await shown.press("enter")
        assert isinstance(shown.app.screen, EditScreen)
        await shown.press("escape", "d")
        await shown.until(lambda: isinstance(shown.app.screen, MainScreen))
        assert listener.posted == []


async def test_hostile_and_binary_bodies_are_kept() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        body = b"\x1b[2J\xff\x00"
        listener.contents[12] = Content((("X-Odd", "a\x9b[2Jb"),), body)
        await open_editor(shown)
        await shown.until_shown("is binary and cannot be edited")
        await shown.until_shown("X-Odd: a‹U+009B›[2Jb")
        await shown.press("end", "space", "backspace", "ctrl+home", "delete", "P", "X", "ctrl+s")
        await shown.until_said("#13 was made from #12")
        assert base64.b64decode(listener.posted[0]["body_b64"]) == body
        assert listener.posted[0]["headers"] == [["X-Odd", "a\x9b[2Jb"]]


async def test_what_is_pasted_is_harmless() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        screen = await open_editor(shown)
        await shown.press("ctrl+end")
        await shown.paste("\x1b[2J\u202e\r\nnext\x85line")
        await shown.until_shown("next‹U+0085›line")
        assert "␛[2J‹U+202E›\nnext" in screen.text


async def test_a_refused_delivery_cannot_be_edited() -> None:
    refused = make_delivery(12, state=State.REFUSED)
    async with fake_listener(refused) as listener, ui(listener) as shown:
        await shown.press("e")
        await shown.until_said("#12 was refused")


async def test_one_that_is_gone_says_so() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        listener.broken = "deliveries/12"
        await shown.press("e")
        await shown.until_said("it broke")
        assert isinstance(shown.app.screen, MainScreen)
        listener.broken = ""
        await open_editor(shown)
        listener.refuse = (404, "there is no delivery 12", "it may have been pruned")
        await shown.press("ctrl+end", "space", "ctrl+s")
        # What was edited is not lost.
        await shown.until_shown("there is no delivery 12 (it may have been pruned)")
        listener.refuse = None
        await shown.press("ctrl+s")
        await shown.until_said("#13 was made from #12")
        await shown.until(lambda: isinstance(shown.app.screen, MainScreen))


async def test_editing_on_a_small_screen() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener, (40, 10)) as shown:
        await open_editor(shown)
        await shown.until_shown("POST /hooks HTTP/1.1")
        for text in ("Ctrl+S send", "Ctrl+R re-sign, send", "Ctrl+E $EDITOR", "Esc leave"):
            assert text in shown.text
        await shown.press("x", "escape")
        await shown.until_shown("keep on editing")
        await shown.press("escape", "ctrl+c")
        await shown.until(lambda: shown.app._exit)
        assert shown.app.return_code == 130


# In the user's editor -----------------------------------------------------------------------


async def test_the_users_editor(editor: Path) -> None:
    edits(editor, 'sed -i \'s/amount":5/amount":700/\' "$2"')
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("E")
        # What it left is looked at before it goes.
        await shown.until_shown('"amount":700')
        await shown.press("ctrl+s")
        await shown.until_said("#13 was made from #12")
        body = base64.b64decode(listener.posted[0]["body_b64"])
        assert body == Content().body.replace(b'"amount":5', b'"amount":700')
    seen = editor.with_name("seen")
    assert seen.read_text().startswith("POST /hooks HTTP/1.1\nContent-Type")
    assert stat.S_IMODE(seen.stat().st_mode) == 0o600


async def test_an_editor_continues_what_was_begun(editor: Path) -> None:
    edits(editor, "sed -i 's/^PUT/PATCH/' \"$2\"")
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await open_editor(shown)
        await shown.press("delete", "delete", "delete", "delete", *"PUT", "ctrl+e")
        await shown.until_shown("PATCH /hooks")
        await shown.press("ctrl+e")
        await shown.until_shown("the editor left it as it was")
        await shown.press("ctrl+s")
        await shown.until(lambda: len(listener.posted) == 1)
        assert listener.posted[0]["method"] == "PATCH"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", "the editor left it as it was: nothing was sent"),
        ("exit 3", "failed with exit code 3: nothing was sent"),
        ("kill -TERM $$", "failed with signal 15: nothing was sent"),
        ('rm "$2"', "the edited text is gone"),
        ("printf '\\377' > \"$2\"", "the edited text is not UTF-8: nothing was sent"),
    ],
)
async def test_an_editor_that_fails_sends_nothing(editor: Path, command: str, said: str) -> None:
    edits(editor, command)
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("E")
        await shown.until_said(said)
        assert isinstance(shown.app.screen, MainScreen)
        assert listener.posted == []


@pytest.mark.parametrize(
    ("command", "said"),
    [("/nowhere/editor", "cannot be started"), ("vi 'x", "$VISUAL is no command")],
)
async def test_an_editor_that_is_not_there(
    terminal: None, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.setenv("VISUAL", command)
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("E")
        await shown.until_said(said)


async def test_without_a_terminal_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "true")
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("E")
        await shown.until_said("there is no terminal to lend to an editor")


async def test_what_an_editor_made_unreadable_is_kept(editor: Path) -> None:
    edits(editor, "printf '\\033[2J nonsense\\n' > \"$2\"")
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await shown.press("E")
        await shown.until_shown("line 1: this is not a request line")
        await shown.until_shown("␛[2J nonsense")


async def test_very_long_lines_are_for_an_editor_alone(editor: Path) -> None:
    edits(editor, "sed -i 's/aaa/b/' \"$2\"")
    seen = editor.with_name("seen")
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        listener.contents[12] = Content(body=b"a" * 70_000)
        await shown.press("e")
        await shown.until_said("a line of #12 is too long to be edited here: E opens $EDITOR")
        await shown.press("E")
        await shown.until_shown("#12 was edited")
        await shown.press("e")
        # Its second run finds what the first one left.
        await shown.until(lambda: b"baaa" in seen.read_bytes())
        await shown.until_shown("#12 was edited")
        listener.refuse = (409, "not now", "")
        await shown.press("s")
        await shown.until_said("not now")
        listener.refuse = None
        await shown.until_shown("#12 was edited")
        await shown.press("r")
        await shown.until_said("#13 was made from #12")
        assert base64.b64decode(listener.posted[-1]["body_b64"]) == b"bb" + b"a" * 69_994
        await shown.press("E")
        await shown.until_shown("was edited")
        await shown.press("escape")
        await shown.until_said("was dropped")
