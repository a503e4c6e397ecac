"""The real UI in a real terminal on hostile deliveries: the screen stays whole, and so does memory.

Nothing here is faked: a listener captures what is sent, the UI is a process of its own, and tmux
is the terminal that any escape sequence would reach.
"""

import gzip
import re
import sys
import unicodedata
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.helpers.listener import ListenerProcess, environment, post
from tests.helpers.tmux import Tmux, needs_tmux

pytestmark = [needs_tmux, pytest.mark.alone]

COLUMNS, LINES = 140, 40
MOST_KIB = 200 * 1024
ESCAPES = "\x1b[31mred\x1b]0;TITLE\x07\x1b]52;c;U1RPTEVO\x07\x1b[2J\x1b[H\x1b[?1049l\x9b31m\x08\r"
MARKUP = "[bold red]x[/bold red] [@click=app.quit]y[/] [/] $error"
BIDI = "\u202egnp.exe\u2066\u2069\u200f"
ZERO_WIDTH = "a\u200bb\ufeffc\u2060d\u00ade\u034f"
WIDE = "\u8ba1\u91cf\U0001f468\u200d\U0001f469\u200d\U0001f467e\u0301\u0301\u0301"
EVERYTHING = ESCAPES + MARKUP + BIDI + ZERO_WIDTH + WIDE
SECRET = "whsec_test_secret"


def gigabyte() -> bytes:
    """A gzip body of less than a megabyte with a gigabyte in it."""
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    # What a full flush ends may be repeated.
    return head + 64 * (packer.compress(b"0," * (1 << 23)) + packer.flush(zlib.Z_FULL_FLUSH))


def escaped(text: str) -> str:
    """A JSON text in which every character is escaped: only its reader meets what it says."""
    units = text.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'


NAMED = '{"event":%s,"id":%s,"timestamp":%s,"data":{%s:%s}}' % ((escaped(EVERYTHING),) * 5)
JSON = {"Content-Type": "application/json"}
GZIP = {**JSON, "Content-Encoding": "gzip"}
BODIES: dict[str, tuple[dict[str, str], bytes]] = {
    "named": (JSON, NAMED.encode()),
    "raw": ({"Content-Type": "text/plain; charset=utf-8"}, EVERYTHING.encode() * 50),
    "raw json": (JSON, b'{"event":"x","data":"%s"}' % EVERYTHING.encode()),
    "form": (
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"%1b%5b2J=%1b%5d0;TITLE%07&" * 1000,
    ),
    "parts": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="\x1b[2J"; filename="\xe2\x80\xae"\r\n\r\n'
        b"\x1b[31m\r\n" * 500,
    ),
    "one line": (JSON, b'{"event":"x","data":"' + b"x" * 10_000_000 + b'"}'),
    "deep": (JSON, b"[" * 1_000_000 + b"]" * 1_000_000),
    "deep objects": (JSON, b'{"\x1b":' * 200_000),
    "invalid": (JSON, b'{"event":"\xff\xfe\x9b2J"}' * 50_000),
    "binary": ({}, bytes(range(256)) * 4096),
    "bomb": (GZIP, gigabyte()),
    "bomb in a bomb": ({**JSON, "Content-Encoding": "gzip, gzip"}, gzip.compress(gigabyte())),
    "cut": (GZIP, gzip.compress(b"[" + b",".join([NAMED.encode()] * 100) + b"]", 0)[:-500]),
}


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListenerProcess]:
    folder = tmp_path_factory.mktemp("hostile")
    # Nothing listens on port 1: each attempt fails at once.
    arguments = ("http://127.0.0.1:1", "--retry", "0", "--secret", SECRET)
    with ListenerProcess(folder / "store.db", *arguments) as listener:
        for headers, body in BODIES.values():
            signed = {"X-PacSpace-Signature": "v1=" + "\xe9" * 9, "X-PacSpace-Timestamp": "\x9b2J"}
            post(f"{listener.url}/%1b[2J?q={'%e2%80%ae' * 9}", body, {**headers, **signed})
        listener.wait_for(len(BODIES), kind="attempt")
        yield listener


def screen(listener: ListenerProcess, size: tuple[int, int] = (COLUMNS, LINES)) -> Tmux:
    command = [sys.executable, "-m", "inspector", "tui", "--db", str(listener.db)]
    folder = listener.db.parent
    more = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
    return Tmux(command, size=size, environment=environment(folder, more), folder=folder)


def peak_kib(pid: int) -> int:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def assert_whole(shown: Tmux, lines: int = LINES) -> None:
    """Nothing moved, cleared or left the screen, and nothing unseen stands on it."""
    text = shown.text
    rows = text.splitlines()
    assert len(rows) <= lines
    assert "TITLE" not in shown.title
    assert rows[0].strip(), text
    assert "Quit" in rows[-1] or "Leave" in rows[-1], text
    unseen = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs"}} - {"\n"}
    assert not unseen, [f"U+{ord(char):04X}" for char in unseen]


def test_every_tab_and_mode_of_hostile_deliveries_leaves_the_screen_whole(
    listener: ListenerProcess,
) -> None:
    with screen(listener) as shown:
        shown.until_shown(f"received {len(BODIES)}")
        assert_whole(shown)
        shown.keys("g", "Enter")
        for number in range(len(BODIES), 0, -1):
            shown.until(partial(looked_at, shown, number), f"delivery {number}")
            through_tabs(shown)
            shown.keys("J")
        shown.keys("Escape")
        # Both at once would be Alt+q.
        shown.until_shown("Enter Open")
        shown.keys("q")
        shown.until(lambda: shown.exit_code is not None, "the UI to end")
        assert shown.exit_code == 0
        with pytest.raises(AssertionError, match="no buffers"):
            assert shown.clipboard


# What is there to read once a tab has come.
SAID = {
    "1": ("received",),
    "2": ("HTTP/1.1",),
    "4": ("explanation: ",),
    "5": ("the sender got",),
    "6": (" differ", "nothing differs", "nothing to compare", "not loaded"),
}


def through_tabs(shown: Tmux) -> None:
    """All tabs of the delivery that is looked at, and its body in all modes, by keys."""
    for tab, texts in SAID.items():
        shown.keys(tab)
        shown.until(partial(any_of, shown, texts), f"tab {tab}")
        assert_whole(shown)
        shown.keys("s")
    shown.keys("3")
    shown.until(partial(any_of, shown, (", pretty, ", "b fetches it")), "the body")
    if "b fetches it" in shown.text:
        shown.keys("b")
    for mode in ("pretty", "raw", "hex"):
        shown.until_shown(f", {mode}, ")
        assert_whole(shown)
        shown.keys("G")
        assert_whole(shown)
        shown.keys("g", "v")
    assert peak_kib(shown.pid) < MOST_KIB


def any_of(shown: Tmux, texts: tuple[str, ...]) -> bool:
    text = shown.text
    return any(one in text for one in texts)


def looked_at(shown: Tmux, number: int) -> bool:
    """Whether the detail is of that delivery, as its title says."""
    return re.search(rf"(6 Diff.*|[─═])#{number}(?!\d)", shown.text) is not None


def test_a_small_screen_stays_whole_through_search_filter_copy_and_help(
    listener: ListenerProcess,
) -> None:
    """The delivery whose every name is hostile, where the panes stack."""
    with screen(listener, (80, 24)) as shown:
        shown.until_shown(f"received {len(BODIES)}")
        assert_whole(shown, 24)
        shown.keys("G", "Enter")
        shown.until(partial(looked_at, shown, 1), "delivery 1")
        assert_whole(shown, 24)
        shown.keys("3")
        shown.until_shown(", pretty, ")
        assert_whole(shown, 24)
        shown.keys("/")
        shown.type("u202e")
        shown.until_shown("\n u202e", " 1/5")
        assert_whole(shown, 24)
        shown.keys("Enter")
        shown.until_gone("\n u202e")
        shown.keys("y")
        shown.until_shown("Copy of #1")
        assert_whole(shown, 24)
        # What is copied is the value as it was sent: JSON's escapes, none of the terminal's.
        shown.keys("Enter")
        shown.until(lambda: "u202e" in copied(shown), "a copy")
        assert copied(shown).isprintable()
        shown.keys("f")
        shown.type(f"{MARKUP}{BIDI}")
        shown.keys("Enter")
        shown.until_shown("No delivery matches")
        assert_whole(shown, 24)
        shown.keys("C-c")
        shown.until(lambda: shown.exit_code is not None, "the UI to end")


def copied(shown: Tmux) -> str:
    try:
        return shown.clipboard
    except AssertionError:
        return ""
