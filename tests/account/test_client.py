"""One request to an API: what travels, what is waited for, and what a broken answer becomes."""

import asyncio
import gzip
import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from inspector.account import client as module
from inspector.account.client import NoAnswerError
from inspector.account.credentials import ApiKey, Bearer
from inspector.errors import ConfigurationError, TimedOutError, UnreachableError
from inspector.providers.pacspace import management
from tests.account.conftest import Asking
from tests.helpers.certificates import Authority
from tests.helpers.pacspace_api import (
    KEY,
    SESSION,
    TOKEN,
    Fault,
    PacSpaceApi,
    cut,
    dropped,
    empty,
    huge,
    slow,
)

RETRY = management.retry("evt_1")


async def test_what_travels(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the environment is asked, and nothing but the key says who we are."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with asking.client() as client:
        answer = await client.ask(RETRY)
    assert (answer.status, json.loads(answer.body)["success"]) == (200, True)
    (asked,) = asking.api.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/balance/webhooks/evt_1/retry")
    assert asked.headers["x-api-key"] == KEY
    assert asked.headers["content-type"] == "application/json"
    assert not {"authorization", "cookie", "x-pacspace-csrf"} & asked.headers.keys()
    assert KEY not in repr(client.credential) + repr(answer)


async def test_a_path_of_the_base_stays_and_nothing_is_decoded(asking: Asking) -> None:
    async with asking.client(base=f"{asking.api.url}/v1") as client:
        await client.ask(management.show("../a%2fb"))
    assert asking.api.asked[0].path == "/v1/dashboard/webhooks/..%2Fa%252fb"


async def test_cookies_go_by_the_path_and_none_are_taken(asking: Asking) -> None:
    fits = "localhost\tFALSE\t/v1/dashboard\tFALSE\t0\tdeep\t1"
    file = asking.api.cookies(asking.folder, fits, "x.test\tTRUE\t/\tFALSE\t0\tother\t1")
    assert file.exists()
    asking.api.fail(200, [], {"Set-Cookie": "deep=2"})
    async with asking.dashboard() as here:
        credential = here._client.credential
    async with asking.client(credential, base=f"{asking.api.url}/v1") as client:
        for _ in range(2):
            await client.ask(management.listing())
    for asked in asking.api.asked:
        assert asked.headers["cookie"] == f"pacspace_session={SESSION}"


@pytest.mark.parametrize("fault", [cut, dropped, slow, huge])
async def test_without_a_whole_answer_nothing_is_known_and_nothing_repeated(
    asking: Asking, fault: Fault
) -> None:
    asking.api.then(fault)
    async with asking.client(answer=0.5 if fault is slow else 30.0) as client:
        with pytest.raises(NoAnswerError):
            await client.ask(RETRY)
    assert len(asking.api.asked) == 1


async def test_nor_with_a_head_that_is_too_large(asking: Asking) -> None:
    asking.api.fail(200, {}, {"X-Large": "x" * 20_000})
    async with asking.client() as client:
        with pytest.raises(NoAnswerError):
            await client.ask(RETRY)
    assert len(asking.api.asked) == 1


async def test_a_refusal_counts_even_if_its_body_does_not_come(asking: Asking) -> None:
    asking.api.fail(403, b"x" * (2 << 20))
    asking.api.fail(422, b"no gzip", {"Content-Encoding": "gzip"})
    async with asking.client() as client:
        assert (await client.ask(RETRY)).status == 403
        answer = await client.ask(RETRY)
    assert (answer.status, answer.body) == (422, b"")


async def test_codings_are_undone_and_bombs_are_not(asking: Asking) -> None:
    small, bomb = gzip.compress(b'{"success": true}'), gzip.compress(b" " * (64 << 20))
    asking.api.fail(200, small, {"Content-Encoding": "gzip"})
    asking.api.fail(200, bomb, {"Content-Encoding": "gzip"})
    asking.api.then(empty)
    async with asking.client() as client:
        assert (await client.ask(RETRY)).body == b'{"success": true}'
        with pytest.raises(NoAnswerError):
            await client.ask(RETRY)
        assert (await client.ask(RETRY)).body == b""


async def test_a_redirect_is_not_followed(asking: Asking) -> None:
    asking.api.fail(302, b"", {"Location": f"{asking.api.url}/elsewhere"})
    async with asking.client() as client:
        assert (await client.ask(RETRY)).status == 302
    assert len(asking.api.asked) == 1


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"Retry-After": "7"}, None, 7),
        ({"Retry-After": "0"}, None, 1),
        ({"Retry-After": "Wed, 11 Feb 2026 10:30:20 GMT", "Date": "x"}, None, 20),
        ({}, {"error": {"message": "slow down", "retryAfterSeconds": 3}}, 3),
        ({}, None, 5),
    ],
)
async def test_who_asks_to_wait_is_waited_for(
    asking: Asking, headers: dict[str, str], body: object, wait: float
) -> None:
    asking.api.fail(429, body, headers)
    async with asking.client() as client:
        assert (await client.ask(RETRY)).status == 200
    assert asking.waits == [wait]
    assert asking.told == [f"localhost asks to wait {wait} s"]


async def test_a_minute_in_all_is_waited_and_no_more(asking: Asking) -> None:
    for _ in range(20):
        asking.api.fail(429, None, {"Retry-After": "25"})
    async with asking.client() as client:
        with pytest.raises(TimedOutError, match="takes no more requests for 25 s"):
            await client.ask(RETRY)
        with pytest.raises(TimedOutError):
            await client.ask(RETRY)
    assert asking.waits == [25, 25]
    assert len(asking.api.asked) == 4


async def test_a_long_wait_is_not_begun(asking: Asking) -> None:
    asking.api.fail(429, None, {"Retry-After": "3600"})
    async with asking.client() as client:
        with pytest.raises(TimedOutError, match="for 3600 s"):
            await client.ask(RETRY)
    assert asking.waits == []


async def test_nobody_there(asking: Asking) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with asking.client(base=f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            with pytest.raises(UnreachableError, match=r"no connection to 127\.0\.0\.1: "):
                await client.ask(RETRY)
    async with asking.client(base="https://nowhere.invalid") as client:
        with pytest.raises(UnreachableError, match=r"nowhere\.invalid cannot be resolved"):
            await client.ask(RETRY)
    async with asking.client(base=asking.api.url.replace("http", "https")) as client:
        with pytest.raises(UnreachableError, match="does not speak TLS"):
            await client.ask(RETRY)


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue drops connections on Linux")
async def test_somebody_who_takes_no_connection(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CONNECT_SECONDS", 0.3)
    with socket.socket() as full, ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        async with asking.client(base=f"http://127.0.0.1:{full.getsockname()[1]}") as client:
            with pytest.raises(UnreachableError, match=r"within 0\.3 s"):
                await client.ask(RETRY)


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        ({}, None),
        ({"ends": -0.5}, "certificate has expired"),
        ({"host": "other.test"}, "Hostname mismatch"),
        ({"own": True}, "self-signed certificate"),
    ],
)
async def test_certificates_are_checked(
    tmp_path: Path,
    certificate: dict[str, object],
    why: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    context = authority.server(**certificate)  # type: ignore[arg-type]
    with PacSpaceApi(tls=context) as api:
        async with Asking(api, tmp_path).client() as client:
            if why is None:
                assert (await client.ask(RETRY)).status == 200
                return
            with pytest.raises(UnreachableError) as caught:
                await client.ask(RETRY)
    assert "the certificate of localhost is not accepted" in caught.value.message
    assert why in caught.value.message
    assert api.asked == []


@pytest.mark.parametrize("kind", [Bearer, ApiKey])
def test_what_no_header_can_hold_is_told_without_it(kind: type[Bearer] | type[ApiKey]) -> None:
    for text, told in (
        ("", "is not set"),
        ("secret\r\nX: y", "cannot be sent"),
        ("sécret", "cannot be sent"),
        ("a b", "cannot be sent"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            kind(text)
        assert told in caught.value.message
        assert not text or text not in caught.value.message + caught.value.hint
    assert TOKEN not in repr(kind(TOKEN))


async def test_interrupted_it_ends_at_once(asking: Asking) -> None:
    asking.api.then(slow)
    async with asking.client() as client:
        task = asyncio.ensure_future(client.ask(RETRY))
        await asyncio.to_thread(asking.api.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
