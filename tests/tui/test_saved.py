"""What the UI writes itself: views, history, theme; and walking through the history."""

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.plaintext import visible
from inspector.errors import ConfigurationError, UsageError
from inspector.tui.recall import Recall
from inspector.tui.saved import MOST, Saved
from inspector.tui.views import NamedViews

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def at(home: Path) -> Saved:
    return Saved(home / "config", home / "state")


def test_nothing_is_written_before_there_is_something(home: Path) -> None:
    saved = at(home)
    assert (saved.views(), saved.history(), saved.theme()) == ({}, [], "")
    saved.remember("  ")
    saved.delete_view("none")
    assert not home.exists()


def test_it_is_there_the_next_time_and_private(home: Path) -> None:
    saved = at(home)
    saved.save_view("failed deltas", 'event:delta.* "a b\\"c"')
    saved.save_view("é", "x")
    saved.remember("state:failed ")
    saved.choose_theme("nord")
    again = at(home)
    assert again.views() == {"failed deltas": 'event:delta.* "a b\\"c"', "é": "x"}
    assert (again.history(), again.theme()) == (["state:failed"], "nord")
    files = [one for one in home.rglob("*") if one.is_file()]
    assert {one.name for one in files} == {"views.toml", "filters", "theme"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


def test_without_files_it_is_kept_in_memory() -> None:
    saved = Saved()
    saved.save_view("a", "x")
    saved.remember("y")
    saved.choose_theme("nord")
    assert (saved.views(), saved.history(), saved.theme()) == ({"a": "x"}, ["y"], "nord")


def test_two_at_a_time_keep_what_the_other_wrote(home: Path) -> None:
    one, other = at(home), at(home)
    one.save_view("a", "1")
    other.save_view("b", "2")
    one.remember("x")
    other.remember("y")
    assert at(home).views() == {"a": "1", "b": "2"}
    assert at(home).history() == ["x", "y"]
    other.delete_view("a")
    assert one.views() == {"b": "2"}


def test_the_history_is_bounded_and_has_each_once(home: Path) -> None:
    saved = at(home)
    for number in range(MOST + 20):
        saved.remember(f"id:{number}")
    saved.remember("id:100")
    history = at(home).history()
    assert len(history) == MOST
    assert history[-2:] == ["id:219", "id:100"]
    assert history.count("id:100") == 1
    saved.remember("x" * 5000)
    assert len(at(home).history()) == MOST
    assert max(map(len, at(home).history())) < 10


def test_a_history_from_elsewhere_is_made_harmless(home: Path) -> None:
    (home / "state").mkdir(parents=True)
    (home / "state" / "filters").write_text("a\x1b[2Jb\n\n\u202ec\n")
    assert at(home).history() == ["a␛[2Jb", "‹U+202E›c"]
    (home / "state" / "filters").write_bytes(b"\xff\xfe")
    assert at(home).history() == []


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"x" * 4_000_000])
def test_a_damaged_file_of_views_is_told_and_never_written_over(home: Path, content: bytes) -> None:
    (home / "config").mkdir(parents=True)
    file = home / "config" / "views.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"cannot read .*views\.toml"):
        at(home).save_view("a", "x")
    assert file.read_bytes() == content
    views = NamedViews({"a": "x"}, at(home))
    assert views.problem is not None
    assert views.all == {"a": "x"}


def test_what_cannot_be_written_is_told(home: Path) -> None:
    home.write_text("not a directory")
    with pytest.raises(ConfigurationError):
        at(home).save_view("a", "x")
    at(home).remember("x")
    at(home).choose_theme("nord")


def test_a_link_stays_a_link(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "dotfiles").mkdir()
    link = home / "config" / "views.toml"
    link.symlink_to(home / "dotfiles" / "views.toml")
    at(home).save_view("a", "x")
    assert link.is_symlink()
    assert tomllib.loads((home / "dotfiles" / "views.toml").read_text()) == {"a": "x"}
    assert [one.name for one in (home / "dotfiles").iterdir()] == ["views.toml"]


@given(views=st.dictionaries(NAMES, NAMES, max_size=5))
def test_any_text_comes_back(
    views: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("saved")
    for name, query in views.items():
        at(home).save_view(name, query)
    assert at(home).views() == views


def test_views_of_the_ui_win_and_only_they_can_be_deleted(home: Path) -> None:
    views = NamedViews({"b": "configured", "C": "other"}, at(home))
    views.save("b", "own")
    views.save("a", "x")
    assert list(views.all.items()) == [("a", "x"), ("b", "own"), ("C", "other")]
    views.delete("b")
    assert views.all["b"] == "configured"
    with pytest.raises(UsageError, match="is in the configuration"):
        views.delete("b")
    for bad in ("", "x" * 61, "a\nb", "\x1b"):
        with pytest.raises(UsageError):
            views.check_name(bad)
    views.check_name("failed deltas")


def test_recalling_is_as_in_a_shell() -> None:
    recall = Recall(["a", "b", "c"])
    assert recall.step(-1, "draft") == "c"
    assert recall.step(-1, "c") == "b"
    assert recall.step(-1, "b") == "a"
    assert recall.step(-1, "a") is None
    assert recall.step(1, "a") == "b"
    assert recall.step(1, "b") == "c"
    assert recall.step(1, "c") == "draft"
    assert recall.step(1, "draft") is None
    assert Recall().step(-1, "x") is None


def test_recalling_passes_over_what_stands_there_already() -> None:
    recall = Recall(["a", "b"])
    assert recall.step(-1, "b") == "a"
    assert recall.step(1, "a") == "b"


@given(
    entries=st.lists(st.sampled_from("abc"), unique=True),
    draft=st.sampled_from(["", "a", "x"]),
    steps=st.lists(st.sampled_from([-1, 1]), max_size=20),
)
def test_recalling_always_comes_back_to_the_draft(
    entries: list[str], draft: str, steps: list[int]
) -> None:
    recall, line = Recall(entries), draft
    for step in steps:
        found = recall.step(step, line)
        line = line if found is None else found
        assert line in {*entries, draft}
        assert visible(line) == line
    for _ in entries:
        found = recall.step(1, line)
        line = line if found is None else found
    assert line == draft
