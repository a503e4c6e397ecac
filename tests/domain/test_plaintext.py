import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.plaintext import one_line, visible

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
anything = st.text(
    st.one_of(st.characters(), st.characters(categories=("Cc", "Cf", "Cs", "Zl", "Zp")))
)


def harmless(text: str) -> bool:
    return not any(unicodedata.category(char) in UNSEEN for char in text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 😀", "plain é 漢 😀"),
        ("\x00\x1b[31m\x7f", "␀␛[31m␡"),
        ("\x85\x9b", "‹U+0085›‹U+009B›"),
        ("\u202egpj.exe", "‹U+202E›gpj.exe"),
        ("a\u200bb\ufeff\u2060", "a‹U+200B›b‹U+FEFF›‹U+2060›"),
        ("\ud800", "‹U+D800›"),
        ("\u2028\u2029", "‹U+2028›‹U+2029›"),
        ("❤\ufe0f\U000e0041\U000e0100", "❤‹U+FE0F›‹U+E0041›‹U+E0100›"),
        ("\u3164\u115f\u034f", "‹U+3164›‹U+115F›‹U+034F›"),
        ("a\n\tb\r", "a␊␉b␍"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_unseen_character_of_unicode_is_spelled_out() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in UNSEEN:
            assert chr(code) not in visible(chr(code)), hex(code)


@given(anything)
def test_the_result_is_harmless_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert harmless(shown)
    assert visible(shown) == shown


@given(anything)
def test_layout_is_kept_only_where_asked(text: str) -> None:
    shown = visible(text, keep_layout=True)
    assert harmless(shown.replace("\n", "").replace("\t", ""))
    assert (shown.count("\n"), shown.count("\t")) == (text.count("\n"), text.count("\t"))
    assert visible(shown, keep_layout=True) == shown


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("{\r\n   \t1\n}", 9, "{␊1␊}"),
        ("a\tb", 9, "a␉b"),
        ("x", 0, ""),
        ("x", -1, ""),
        ("", 0, ""),
        ("xy", 1, "…"),
        ("\n" + " " * 1000 + "x", 10, "␊…"),
    ],
)
def test_one_line(text: str, limit: int, line: str) -> None:
    assert one_line(text, limit) == line


@given(anything, st.integers(-1, 12))
def test_one_line_is_harmless_short_and_stays_as_it_is(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert harmless(line)
    assert len(line) <= max(limit, 0)
    assert one_line(line, limit) == line


def test_a_preview_of_a_huge_text_reads_only_its_beginning() -> None:
    huge = "\u202e" * 20_000_000
    began = time.process_time()
    assert len(one_line(huge, 100)) == 100
    assert time.process_time() - began < 0.1
