"""`GET api/deliveries/ID/signature`: what the listener's secrets say, without saying them."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from inspector.client.control import Control
from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.errors import NotFoundError
from inspector.providers.pacspace import PACSPACE, guesses
from tests.helpers.pacspace import SECRET
from tests.helpers.served import Served, served
from tests.server.conftest import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD = "whsec_the_one_before"
BODY = b'{"event":"delta.verified","data":{"amount":-42.5}}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(tmp_path_factory.mktemp("store"), secret=[SECRET, OLD]) as listener:
        yield listener


def head(request: Request) -> bytes:
    """The headers that signing made, as lines."""
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in request.headers)


def signed(body: bytes, secret: str = SECRET, age: int = 0) -> bytes:
    at = wall_clock() - age * 1_000_000
    return head(PACSPACE.sign(Request("POST", "/", "1.1", (), body), secret, at))


async def test_a_re_indented_body_is_named(signing: Served) -> None:
    id_ = await signing.post(BODY, signed(json.dumps(json.loads(BODY), indent=2).encode(), OLD))
    status, told = await signing.api(f"deliveries/{id_}/signature")
    assert status == 200
    assert set(told) == {"verdict", "reason", "checks"}
    assert told["verdict"] == "invalid"
    assert "by secret 2" in told["reason"]
    assert {tuple(check) for check in told["checks"]} == {("name", "ok", "said")}
    assert "by secret 2 the body was signed" in told["checks"][-1]["said"].lower()
    assert "indented by 2" in told["checks"][-1]["said"]
    text = json.dumps(told)
    assert SECRET not in text
    assert OLD not in text


async def test_the_client_gives_the_checks(signing: Served) -> None:
    id_ = await signing.post(BODY, signed(BODY, age=301))
    async with Control(f"{signing.runtime.url}/_inspector", signing.token) as control:
        checks = {check.name: check for check in await control.explain(id_)}
        assert checks["secret 1 of 2"].ok is True
        assert checks["secret 2 of 2"].ok is False
        assert checks["age"].ok is False
        assert "re-sign" in checks["explanation"].said
        with pytest.raises(NotFoundError):
            await control.explain(999_999)


async def test_a_large_body_is_bounded(signing: Served) -> None:
    body = b'{"event":"delta.verified","data":"' + b"x" * (4 << 20) + b'"}'
    id_ = await signing.post(body, signed(body))
    _, told = await signing.api(f"deliveries/{id_}/signature")
    assert told["verdict"] == "valid"
    id_ = await signing.post(body, signed(b"another"))
    _, told = await signing.api(f"deliveries/{id_}/signature")
    untried = [check for check in told["checks"] if check["said"].startswith("Not tried")]
    assert len(untried) == len(guesses.MISTAKES)


async def test_anybody_s_and_what_was_refused(signing: Served) -> None:
    id_ = await signing.post(b"x")
    _, told = await signing.api(f"deliveries/{id_}/signature")
    assert told["verdict"] == "unsigned"
    assert told["checks"]
    for refused in (
        b"\0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
    ):
        answer = await signing.ask(refused)
        status, told = await signing.api(f"deliveries/{answer.delivery}/signature")
        assert (status, told["checks"]) == (200, [])
        assert told["verdict"] == (await signing.delivery(answer.delivery)).verdict


async def test_it_needs_the_token_and_a_delivery(signing: Served) -> None:
    id_ = await signing.post(BODY)
    assert (await signing.api(f"deliveries/{id_}/signature", token="no"))[0] == 401
    assert (await signing.api("deliveries/999999/signature"))[0] == 404
    assert (await signing.api("deliveries/x/signature"))[0] == 404


async def test_a_secret_given_since_is_told_beside_the_list(serve: Serve) -> None:
    async with serve() as listener:
        id_ = await listener.post(BODY, signed(BODY))
        _, told = await listener.api(f"deliveries/{id_}/signature")
        assert told["verdict"] == "unchecked"
        assert "--secret" in told["checks"][-1]["said"]
    async with serve(secret=[SECRET]) as listener:
        _, told = await listener.api(f"deliveries/{id_}/signature")
        assert told["verdict"] == "valid"
        assert "`inspector reindex`" in told["checks"][-1]["said"]
