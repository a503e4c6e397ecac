"""Where a token may be sent: over TLS, or to this machine."""

import pytest

from inspector.domain.base import on_this_machine, parse_base


@pytest.mark.parametrize(
    ("text", "url", "host", "path"),
    [
        ("https://app.pacspace.io", "https://app.pacspace.io", "app.pacspace.io", ""),
        (" HTTPS://App.PacSpace.io/ ", "https://app.pacspace.io", "app.pacspace.io", ""),
        ("https://x.test:8443/v1/", "https://x.test:8443/v1", "x.test", "/v1"),
        ("http://localhost:9000", "http://localhost:9000", "localhost", ""),
        ("http://127.0.0.9", "http://127.0.0.9", "127.0.0.9", ""),
        ("http://[::1]:80/a/b", "http://[::1]:80/a/b", "::1", "/a/b"),
    ],
)
def test_an_address_is_read(text: str, url: str, host: str, path: str) -> None:
    base = parse_base(text)
    assert (base.url, base.host, base.path) == (url, host, path)
    assert base.secure is url.startswith("https:")


@pytest.mark.parametrize(
    "text",
    [
        "", "x.test", "ftp://x.test", "https://", "https://u:p@x.test", "https://x.test?a=1",
        "https://x.test/#a", "https://x.test/../a", "https://x.test/a b", "https://x.test\\@y.test",
        "https://x.test:0", "https://x.test:99999", "https://x.test:port", "https://ex\u00e4mple.test",
    ],
)  # fmt: skip
def test_what_is_no_address_is_not(text: str) -> None:
    with pytest.raises(ValueError, match="write https://HOST"):
        parse_base(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://app.pacspace.io", "http://localhost.evil.test", "http://127.0.0.1.evil.test",
        "http://10.0.0.1", "http://[2001:db8::1]", "http://0.0.0.0",
    ],
)  # fmt: skip
def test_nothing_travels_in_the_clear(text: str) -> None:
    with pytest.raises(ValueError, match="must begin with https"):
        parse_base(text)


def test_this_machine_is_known_by_name_and_address() -> None:
    assert all(map(on_this_machine, ("localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(on_this_machine, ("x.test", "128.0.0.1", "::2", "", "[::1]")))
