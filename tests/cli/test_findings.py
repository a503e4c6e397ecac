"""The page that the doctor prints: its width, its signs, its table, and nothing in it from outside
that could act on the terminal."""

import json
from collections.abc import Iterator

import pytest

from inspector.cli.findings import AsJson, AsText
from inspector.doctor.model import Check, Fidelity, Finding, Stage

WELL, LOST = Stage(True), Stage(False, ("the header under_score did not arrive",))
CUT = Stage(False, ("it was answered 413: too large",))
FOUND: tuple[Finding, ...] = (
    Check("files", "folder", True, "it can be written"),
    Check("files", "token", False, "store.db-token is open to others (0644)", "chmod 600 it " * 9),
    Check("disk", "writes", True, "on disk after 80.0 ms", "a faster disk"),
    Check("relay", "url", None, "no relay is set"),
    Fidelity("fidelity", "plain", "JSON", {"relay": WELL, "journal": WELL, "app": WELL}),
    Fidelity("fidelity", "odd", "a name " * 9, {"relay": WELL, "journal": LOST, "app": LOST}),
    Fidelity("fidelity", "large", "much", {"relay": WELL, "journal": CUT, "app": Stage(None)}),
    Check("fidelity", "way", True, "5 ms"),
)
PLAIN = {"TERM": "xterm-256color"}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def page(
    capsys: pytest.CaptureFixture[str], printed: AsText, found: tuple[Finding, ...] = FOUND
) -> Iterator[str]:
    for finding in found:
        printed.tell(finding)
    printed.end()
    return iter(capsys.readouterr().out.splitlines())


def test_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*page(capsys, AsText("utf-8", PLAIN, terminal=False))]
    assert rows == [
        "",
        "files               who may read and write what is stored",
        "  ✓ folder          it can be written",
        "  ✗ token           store.db-token is open to others (0644)",
        "                    → chmod 600 it chmod 600 it chmod 600 it chmod 600 it chmod",
        "                      600 it chmod 600 it chmod 600 it chmod 600 it chmod 600",
        "                      it",
        "",
        "disk                how soon a capture is safe, and how many fit",
        "  ! writes          on disk after 80.0 ms",
        "                    → a faster disk",
        "",
        "relay               the way to it, and what it says",
        "  · url             no relay is set",
        "",
        "fidelity            what each place saw                  relay  journal   app",
        "  ✓ plain           JSON                                   ✓       ✓       ✓",
        "  ✗ odd             a name a name a name a name a name…    ✓       ✗       ✗",
        "                    journal: the header under_score did not arrive",
        "  ✗ large           much                                   ✓       ✗       ·",
        "                    journal: it was answered 413: too large",
        "  ✓ way             5 ms",
        "",
        "3 of 7 do not hold: files.token, fidelity.odd, fidelity.large; 1 not looked at.",
    ]


def test_a_terminal_without_such_signs_gets_others(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(page(capsys, AsText("ascii", PLAIN, terminal=False)))
    assert "  + folder" in text
    assert "  x token" in text
    assert ": chmod" in text


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        (PLAIN, True, True),
        (PLAIN, False, False),
        (PLAIN | {"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    terminal: bool,
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    text = "\n".join(page(capsys, AsText("utf-8", environment, terminal=terminal)))
    assert ("\x1b" in text) is coloured


def test_nothing_from_outside_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bad = "\x1b[31mred\n\u202eback"
    found = (
        Check("target", bad, False, bad, bad),
        Fidelity("fidelity", bad, bad, {"app": Stage(False, (bad,))}),
    )
    text = "\n".join(page(capsys, AsText("utf-8", PLAIN, terminal=False), found))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "red\n" not in text


def test_one_that_fails_is_said_in_the_singular(capsys: pytest.CaptureFixture[str]) -> None:
    *_, last = page(capsys, AsText("utf-8", PLAIN, terminal=False), FOUND[:2])
    assert last == "1 of 2 does not hold: files.token."


def test_a_warning_is_not_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    *_, last = page(capsys, AsText("utf-8", PLAIN, terminal=False), FOUND[2:4])
    assert last == "All 1 hold; look after disk.writes; 1 not looked at."


def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    printed = AsJson()
    for finding in FOUND:
        printed.tell(finding)
    assert printed.end() is False
    items = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert all(item["v"] == 1 for item in items)
    assert items[-1] == {
        "v": 1,
        "kind": "doctor",
        "ok": False,
        "failed": ["files.token", "fidelity.odd", "fidelity.large"],
        "skipped": ["relay.url"],
        "warned": ["disk.writes"],
    }
    assert items[6]["breaks_at"] == "journal"
    assert items[6]["stages"]["app"] == {"ok": None, "differs": []}
