"""The webhooks of an account, through either generation of the API and whatever it answers."""

import asyncio
from typing import Any

import pytest

from inspector.account.balance import Balance
from inspector.account.credentials import Bearer
from inspector.account.dashboard import Dashboard
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
    TargetError,
    TimedOutError,
    UsageError,
)
from inspector.providers.pacspace.management import FIRST
from tests.account.conftest import Asking
from tests.helpers.pacspace_api import (
    KEY,
    SESSION,
    TOKEN,
    Fault,
    cut,
    dropped,
    empty,
    huge,
    slow,
)

URL = "https://hooks.example.com/pacspace"
GENERATIONS = pytest.mark.parametrize("generation", [1, 2], ids=["token", "cookies"])
STATUSES: list[tuple[int, type[InspectorError], int]] = [
    (400, UsageError, 2),
    (422, UsageError, 2),
    (401, ConfigurationError, 3),
    (403, ConfigurationError, 3),
    (409, ConfigurationError, 3),
    (404, NotFoundError, 8),
    (405, TargetError, 5),
    (402, TargetError, 5),
    (302, TargetError, 5),
    (500, TargetError, 5),
    (503, TargetError, 5),
]


def told(error: InspectorError) -> str:
    """What the user reads; nothing that says who we are is in it."""
    text = f"{error.message}\n{error.hint}"
    assert not any(secret in text for secret in (TOKEN, SESSION, KEY, "whsec_"))
    assert "\n" not in error.message
    return text


@GENERATIONS
@pytest.mark.parametrize(("status", "kind", "code"), STATUSES)
@pytest.mark.parametrize("shape", ["flat", "nested", "listed", "none"])
async def test_every_status_is_its_error(
    asking: Asking,
    generation: int,
    status: int,
    kind: type[InspectorError],
    code: int,
    shape: str,
) -> None:
    """In every shape, with a server that repeats what must not be told."""
    own = TOKEN if generation == 1 else SESSION
    message: Any = f"no: {own} \x1b[31mwhsec_x\nBearer {own}"
    body = {
        "flat": {"statusCode": status, "error": "Error", "message": message},
        "nested": {"error": {"code": "NO", "message": message}},
        "listed": {"statusCode": status, "message": [message, "second"]},
        "none": b"",
    }[shape]
    asking.api.fail(status, body).fail(status, body).fail(status, body)
    async with asking.dashboard(generation) as dashboard:
        for ask in (dashboard.create(URL), dashboard.webhooks(), dashboard.show("wh_1")):
            with pytest.raises(kind) as caught:
                await ask
            assert caught.value.exit_code == code
            text = told(caught.value)
            assert f"localhost answered {status}" in text
            assert ("no: ••••" in text) is (shape != "none" and status != 302)
    assert len(asking.api.asked) == 3


@GENERATIONS
@pytest.mark.parametrize("fault", [cut, dropped, slow, huge])
async def test_a_creation_without_an_answer_is_not_sent_again(
    asking: Asking, generation: int, fault: Fault
) -> None:
    asking.api.then(fault)
    async with asking.dashboard(generation, answer=0.5 if fault is slow else 30.0) as dashboard:
        with pytest.raises(TargetError) as caught:
            await dashboard.create(URL)
    assert "look with `inspector subscribe list`" in told(caught.value)
    assert len(asking.api.asked) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_nor_one_that_failed_there(asking: Asking, status: int) -> None:
    asking.api.fail(status)
    async with asking.dashboard() as dashboard:
        with pytest.raises(TargetError) as caught:
            await dashboard.create(URL)
    assert "look with `inspector subscribe list`" in told(caught.value)
    assert len(asking.api.asked) == 1


async def test_nor_one_whose_answer_says_nothing(asking: Asking) -> None:
    asking.api.then(empty).fail(200, b"<html>").fail(201, {"data": {"id": "wh_1", "url": URL}})
    async with asking.dashboard() as dashboard:
        for _ in range(3):
            with pytest.raises(TargetError, match="no webhook with its secret is in it") as caught:
                await dashboard.create(URL)
            assert "rotate its secret" in told(caught.value)
    assert len(asking.api.asked) == 3


async def test_but_one_that_was_put_off_is(asking: Asking) -> None:
    asking.api.fail(429, None, {"Retry-After": "2"}).fail(429, None, {"Retry-After": "3"})
    async with asking.dashboard() as dashboard:
        made = await dashboard.create(URL, description="mine")
    assert (made.id, made.url, made.description) == ("wh_1", URL, "mine")
    assert asking.waits == [2, 3]
    assert len(asking.api.webhooks) == 1
    assert {each.body for each in asking.api.created} == {asking.api.created[0].body}


async def test_interrupted_it_says_what_is_not_known(asking: Asking) -> None:
    asking.api.then(slow)
    async with asking.dashboard() as dashboard:
        task = asyncio.ensure_future(dashboard.create(URL))
        await asyncio.to_thread(asking.api.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert "it may be there all the same" in asking.told[0]


async def test_every_page_is_read(asking: Asking) -> None:
    asking.api.page = 3
    for number in range(8):
        asking.api.add(f"https://x.test/{number}")
    async with asking.dashboard() as dashboard:
        listed = await dashboard.webhooks()
    assert [each.id for each in listed.webhooks] == [f"wh_{n}" for n in range(1, 9)]
    assert listed.flaw == ""
    assert [each.path.partition("?")[2] for each in asking.api.asked] == [
        "",
        "page=2&limit=3",
        "page=3&limit=3",
    ]


async def test_but_fifty_pages_at_most(asking: Asking) -> None:
    asking.api.page = 1
    for number in range(60):
        asking.api.add(f"https://x.test/{number}")
    async with asking.dashboard() as dashboard:
        listed = await dashboard.webhooks()
    assert (len(listed.webhooks), listed.flaw) == (50, "only 50 pages of it were read")


async def test_a_server_that_knows_no_pages_is_asked_twice(asking: Asking) -> None:
    """It gives the first one whatever is asked for."""
    asking.api.add(URL)
    pages = {"page": 1, "limit": 1, "total": 9, "totalPages": 9}
    body = {"webhooks": asking.api.webhooks, "pagination": pages}
    asking.api.fail(200, body).fail(200, body)
    async with asking.dashboard() as dashboard:
        listed = await dashboard.webhooks()
    assert (len(listed.webhooks), len(asking.api.asked)) == (1, 2)
    assert listed.flaw == "of its 9 pages, page 2 does not come"


@pytest.mark.parametrize("status", [404, 405, 400, 409, 500, 302])
async def test_before_a_creation_a_list_may_be_missing(asking: Asking, status: int) -> None:
    asking.api.fail(status, {"message": "no list"})
    async with asking.dashboard() as dashboard:
        listed = await dashboard.known()
    assert listed.webhooks == ()
    assert f"localhost answered {status}" in listed.flaw


@pytest.mark.parametrize("fault", [cut, huge, dropped])
async def test_or_be_cut_off(asking: Asking, fault: Fault) -> None:
    asking.api.page = 1
    asking.api.add(URL)
    asking.api.add("https://x.test/2")
    # A GET whose connection is dropped is asked again, once.
    asking.api.then(None, fault, fault)
    async with asking.dashboard() as dashboard:
        listed = await dashboard.known()
    assert [each.url for each in listed.webhooks] == [URL]
    assert listed.flaw == "the answer of localhost cannot be read"


@pytest.mark.parametrize(("status", "kind"), [(401, ConfigurationError), (403, ConfigurationError)])
async def test_but_who_is_not_let_in_is_told(
    asking: Asking, status: int, kind: type[InspectorError]
) -> None:
    asking.api.fail(status)
    async with asking.dashboard() as dashboard:
        with pytest.raises(kind):
            await dashboard.known()
    asking.api.fail(429, None, {"Retry-After": "100"})
    async with asking.dashboard() as dashboard:
        with pytest.raises(TimedOutError):
            await dashboard.known()


async def test_a_wrapper_that_says_to_wait_is_raised(asking: Asking) -> None:
    asking.api.fail(200, {"statusCode": 429, "message": "slow down"})
    async with asking.dashboard() as dashboard:
        with pytest.raises(TimedOutError, match="slow down"):
            await dashboard.known()


async def test_entries_that_cannot_be_read_are_counted(asking: Asking) -> None:
    asking.api.fail(200, [{"id": "wh_1", "url": URL}, {"id": "wh_2"}, 7])
    async with asking.dashboard() as dashboard:
        listed = await dashboard.webhooks()
    assert (len(listed.webhooks), listed.flaw) == (1, "2 entries of it cannot be read")


async def test_a_page_for_logging_in_is_no_answer(asking: Asking) -> None:
    asking.api.fail(200, b"<html>Log in").fail(200, b"<html>Log in")
    async with asking.dashboard() as dashboard:
        for ask in (dashboard.webhooks(), dashboard.show("wh_1")):
            with pytest.raises(TargetError, match="cannot be read") as caught:
                await ask
            assert "log in again" in told(caught.value)


async def test_the_stand_in_itself_wants_what_the_documentation_says(asking: Asking) -> None:
    async with asking.client(Bearer("another")) as client:
        with pytest.raises(ConfigurationError, match="answered 401: Unauthorized"):
            await Dashboard(client, FIRST).webhooks()
    async with asking.client(asking.credential(2)) as client:
        with pytest.raises(ConfigurationError, match="answered 403: CSRF header missing"):
            await Dashboard(client, FIRST).create(URL)
    assert asking.api.webhooks == []


@pytest.mark.parametrize(("status", "kind", "code"), STATUSES)
async def test_a_redelivery_is_asked_for_once(
    asking: Asking, status: int, kind: type[InspectorError], code: int
) -> None:
    asking.api.fail(status, {"error": {"message": f"no {KEY}"}})
    async with asking.client() as client:
        with pytest.raises(kind) as caught:
            await Balance(client).redeliver("evt_1")
        assert caught.value.exit_code == code
        text = told(caught.value)
        assert ("look at what arrives" in text) is (status >= 500)
        await Balance(client).redeliver("evt_1")
    assert len(asking.api.asked) == 2


async def test_interrupted_a_redelivery_says_what_is_not_known(asking: Asking) -> None:
    asking.api.then(slow)
    async with asking.client() as client:
        task = asyncio.ensure_future(Balance(client).redeliver("evt_1"))
        await asyncio.to_thread(asking.api.wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert "it may come all the same" in asking.told[0]


@pytest.mark.parametrize("fault", [cut, dropped, slow])
async def test_even_without_an_answer(asking: Asking, fault: Fault) -> None:
    asking.api.then(fault)
    async with asking.client(answer=0.5 if fault is slow else 30.0) as client:
        with pytest.raises(TargetError) as caught:
            await Balance(client).redeliver("evt_1")
    assert "look at what arrives before asking again" in told(caught.value)
    assert len(asking.api.asked) == 1
