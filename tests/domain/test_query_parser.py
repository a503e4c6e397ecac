import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.plaintext import visible
from inspector.domain.query import KEYS, MAX_DEPTH, MAX_LENGTH, QueryError, parse
from inspector.domain.query.keys import Kind
from inspector.domain.query.nodes import Not, Pattern, Text, Wild
from inspector.errors import UsageError
from tests.helpers.readme import README, with_table
from tests.query_keys import table

WORDS = [
    "event:",
    "data.",
    "data.a",
    "header.x",
    "status:",
    "size:",
    "age:",
    "id:",
    "is:",
    "state:",
    "sig:",
    "path:",
    ":",
    ".",
    ",",
    "*",
    "?",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    "..",
    "-",
    "!",
    "(",
    ")",
    '"',
    "\\",
    "and",
    "or",
    "not",
    "a",
    "b",
    "1",
    "2h",
    "1mb",
    "5xx",
    "failed",
    "marked",
    "-1.5",
    "1e3",
    "é",
]
pieces = st.lists(st.one_of(st.sampled_from(WORDS), st.just(" "), st.characters())).map("".join)


@given(st.one_of(st.text(), pieces))
def test_any_text_parses_or_is_a_query_error_and_its_own_text_parses_to_the_same(text: str) -> None:
    error = None
    try:
        query = parse(text)
    except QueryError as caught:
        error = caught
    if error is None:
        assert parse(str(query)) == query
    else:
        assert 0 <= error.column <= len(text)
        assert visible(error.message + error.hint) == error.message + error.hint


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("", ""),
        ("a b", "a and b"),
        ("a b or c", "(a b) or c"),
        ("!a", "not a"),
        ("-a", "not a"),
        ("NOT a OR b", "(not a) or b"),
        ("not not a", "a"),
        ("not (not a)", "a"),
        ("((a))", "a"),
        ("(a b) c", "a (b c)"),
        ("EVENT:a", "event:a"),
        ("method:post", "method:POST"),
        ("provider:PacSpace", "provider:pacspace"),
        ("sig:VALID", "sig:valid"),
        (r"event:a\*", 'event:"a*"'),
        ("event:a**", "event:a*"),
        ("status:5XX", "status:500..599"),
        ("status:500", "status:=500"),
        ('data."a.b".c:x', r"data.a\.b.c:x"),
        ("header.x.y:1", 'header."x.y":1'),
        ("path:/a..b", 'path:"/a..b"'),
        ("event:a,b", 'event:"a","b"'),
    ],
)
def test_two_spellings_of_one_query(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("a evnt:x", 2, 'unknown key "evnt"'),
        ("event.x:1", 0, "not used like this"),
        ("data:x", 0, "not used like this"),
        ("data..x:1", 0, "between the dots"),
        (":x", 0, 'unknown key ""'),
        ("a or", 4, "missing at the end"),
        ("or a", 0, 'missing before "or"'),
        ("()", 1, 'missing before ")"'),
        ("a (b", 2, "not closed"),
        ("a)", 1, "closes nothing"),
        ('a "b', 2, "quote is not closed"),
        ('"\\', 0, "quote is not closed"),
        ("a\\", 1, "backslash"),
        ("event:", 6, "value is missing"),
        ("state:,failed", 6, "value is missing"),
        ("state:failed,", 13, "value is missing"),
        ("state:lost", 6, '"lost" is not one of kept'),
        ("is:new", 3, "is not one of duplicate"),
        ("event:<5", 6, "cannot be compared"),
        ("size:x", 5, "not a number"),
        ("size:..", 5, "not a number"),
        ("id:1.5", 3, "not a number"),
        ("id:99999999999999999999", 3, "too large"),
        ("id:9..2", 3, "ends before it begins"),
        ("age:5", 4, "not a number"),
        ("age:5m", 4, "needs a comparison"),
        ("data.x:<y", 7, "number is missing"),
        ("a \ud800", 2, "not valid text"),
        ("a" * (MAX_LENGTH + 1), MAX_LENGTH, "longer than"),
        ("(" * (MAX_DEPTH + 1), MAX_DEPTH, "deeper than"),
    ],
)
def test_a_mistake_is_told_with_its_column(text: str, column: int, part: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.column == column
    assert part in caught.value.message
    assert isinstance(caught.value, UsageError)


def test_the_readme_has_every_key() -> None:
    readme = README.read_text("utf-8")
    assert with_table(readme, "query", table()) == readme, "run `python -m tests.query_keys`"


def test_a_mistyped_key_gets_the_nearest_one_as_a_hint() -> None:
    with pytest.raises(QueryError) as caught:
        parse("evnt:x")
    assert "event" in caught.value.hint


def test_the_longest_chains_and_the_deepest_brackets_parse() -> None:
    parse("!" * (MAX_LENGTH - 1) + "a")
    parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)
    parse("a " * (MAX_LENGTH // 2))


def test_free_text_is_literal_and_a_lone_minus_is_a_word() -> None:
    assert parse("a*b").root == Text("a*b")
    assert parse("-").root == Text("-")
    assert parse("--a").root == Text("a")
    assert parse("-a").root == Not(Text("a"))
    assert parse('"and"').root == Text("and")
    assert parse('"event":x').root == Text("event:x")


def test_a_pattern_knows_whether_it_is_one_text_or_a_prefix() -> None:
    assert Pattern.of(["a", "", "b"]).literal == "ab"
    assert Pattern(()).literal == ""
    assert Pattern((Wild.ONE,)).literal is None
    assert Pattern((Wild.MANY,)).prefix == ""
    assert Pattern(("a", Wild.MANY)).prefix == "a"
    assert Pattern((Wild.ONE, Wild.MANY)).prefix is None
    assert Pattern(("a",)).prefix is None


def test_only_content_conditions_need_content() -> None:
    assert not parse("event:a state:failed or not (age:<2h is:marked)").needs_content
    assert not parse("").needs_content
    for text in ("a", "not (event:a header.x:1)", "event:a or data.x:1"):
        assert parse(text).needs_content


def test_every_documented_example_is_a_query_for_its_key() -> None:
    for name, doc in KEYS.items():
        assert f"{name.partition('.')[0]}" in str(parse(doc.example))
        assert doc.choices or doc.kind not in (Kind.CHOICE, Kind.FLAG)
