"""A Netscape cookie file as browsers and tools write it, and what one address gets of it."""

from pathlib import Path

import pytest

from inspector.account.cookies import CookieFile, parse_cookies, read_cookies
from inspector.domain.base import Base, parse_base
from inspector.errors import ConfigurationError

APP = parse_base("https://app.pacspace.io")
PATH = "/dashboard/webhooks"
NOW = 1_750_000_000.0


def cookies(*lines: str) -> CookieFile:
    return parse_cookies(Path("cookies.txt"), "\n".join(lines).encode())


def line(
    name: str = "sid",
    value: str = "v",
    *,
    domain: str = "app.pacspace.io",
    wide: str = "FALSE",
    path: str = "/",
    secure: str = "TRUE",
    expires: str = "0",
) -> str:
    return "\t".join((domain, wide, path, secure, expires, name, value))


def sent(file: CookieFile, base: Base = APP, path: str = PATH) -> str:
    return file.header(base, path, NOW)


def test_comments_crlf_http_only_and_a_mark_of_the_encoding() -> None:
    text = "\ufeff# Netscape HTTP Cookie File\r\n# https://curl.se\r\n\r\n   \r\n"
    text += f"#HttpOnly_{line('one')}\r\n{line('two', 'a=b')}\r\n#{line('three')}\r\n"
    file = parse_cookies(Path("cookies.txt"), text.encode())
    assert sent(file) == "one=v; two=a=b"
    assert file.bad == ()


@pytest.mark.parametrize(
    ("domain", "wide", "host", "goes"),
    [
        ("app.pacspace.io", "FALSE", "app.pacspace.io", True),
        ("APP.PacSpace.io", "false", "app.pacspace.io", True),
        (".app.pacspace.io", "TRUE", "app.pacspace.io", True),
        (".pacspace.io", "TRUE", "app.pacspace.io", True),
        ("pacspace.io", "TRUE", "app.pacspace.io", True),
        ("pacspace.io", "FALSE", "app.pacspace.io", False),
        (".pacspace.io", "FALSE", "app.pacspace.io", False),
        ("space.io", "TRUE", "app.pacspace.io", False),
        ("app.pacspace.io", "TRUE", "pacspace.io", False),
        ("app.pacspace.io", "TRUE", "evil-app.pacspace.io", False),
        ("other.example.com", "TRUE", "app.pacspace.io", False),
        ("127.0.0.1", "FALSE", "127.0.0.1", True),
        ("0.0.1", "TRUE", "127.0.0.1", False),
    ],
)
def test_only_its_own_host_gets_a_cookie(domain: str, wide: str, host: str, goes: bool) -> None:
    file = cookies(line(domain=domain, wide=wide))
    assert (sent(file, parse_base(f"https://{host}")) == "sid=v") is goes


@pytest.mark.parametrize(
    ("path", "goes"),
    [
        ("/", True),
        ("/dashboard", True),
        ("/dashboard/", True),
        ("/dashboard/webhooks", True),
        ("/dash", False),
        ("/dashboard/webhooks/wh_1", False),
        ("/Dashboard", False),
    ],
)
def test_only_its_own_path(path: str, goes: bool) -> None:
    assert (sent(cookies(line(path=path))) == "sid=v") is goes


def test_a_secure_one_goes_over_tls_alone() -> None:
    file = cookies(line("one", domain="localhost"), line("two", domain="localhost", secure="FALSE"))
    assert sent(file, parse_base("https://localhost")) == "one=v; two=v"
    assert sent(file, parse_base("http://localhost:80")) == "two=v"


@pytest.mark.parametrize(
    ("expires", "goes"),
    [
        ("0", True),
        ("", True),
        ("1750000001", True),
        ("1750000001.75", True),
        ("1750000000", False),
        ("1", False),
        ("-1", False),
        ("9" * 18, True),
    ],
)
def test_an_expired_one_stays_at_home(expires: str, goes: bool) -> None:
    assert (sent(cookies(line(expires=expires))) == "sid=v") is goes


def test_the_more_exact_path_comes_first_and_the_later_line_counts() -> None:
    file = cookies(
        line("one", "old"), line("deep", path="/dashboard"), line("one", "new"),
        line("one", "wide", domain="pacspace.io", wide="TRUE"),
    )  # fmt: skip
    assert sent(file) == "deep=v; one=new; one=wide"


def test_lines_that_say_nothing_are_told_by_their_number() -> None:
    file = cookies(
        "# a comment", "nonsense", line("one"), "a\tb\tc", line(expires="soon"), line(secure="YES"),
        line(path="relative"), line("", ""), line(domain="."), "\t".join(["x"] * 8),
        line("two", ""),
        line("three", "").rstrip("\t"),
    )  # fmt: skip
    assert file.bad == (2, 4, 5, 6, 7, 8, 9, 10)
    assert sent(file) == "one=v; two=; three="


@pytest.mark.parametrize("value", ["a;b", "a\x01b", "a\x7fb", "caf\u00e9", "a\rb"])
def test_what_no_header_can_hold_is_not_sent(value: str) -> None:
    file = cookies(line("bad", value), line("b d", "v"), line("good"))
    assert sent(file) == "good=v"
    with pytest.raises(ConfigurationError, match="hold what cannot be sent"):
        cookies(line("bad", value)).require(APP, PATH, NOW)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([line(expires="1749999999")], "the cookies for app.pacspace.io in cookies.txt expired"),
        ([line(domain="x.test")], "there is no cookie for app.pacspace.io in cookies.txt"),
        ([], "there is no cookie for app.pacspace.io"),
        (['[{"name": "sid"}]'], "cookies.txt is no cookie file: line 1 has not seven fields"),
        (["nonsense", line(domain="x.test")], "there is no cookie for app.pacspace.io"),
    ],
)
def test_a_file_without_one_says_why(lines: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cookies(*lines).require(APP, PATH, NOW)
    assert told in caught.value.message
    assert "log in at https://app.pacspace.io" in caught.value.hint


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.txt", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot read the cookies"):
            read_cookies(path)
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (5 << 20))
    with pytest.raises(ConfigurationError, match="too large"):
        read_cookies(large)
    assert read_cookies(Path("/dev/null")).cookies == ()


def test_no_value_is_shown() -> None:
    file = cookies(line("sid", "s3cr3tvalue"))
    assert "s3cr3tvalue" not in repr(file)
