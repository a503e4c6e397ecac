"""The requests of both generations of PacSpace's API, and what each documented answer says."""

import json
from typing import Any

import pytest

from inspector.errors import UsageError
from inspector.providers.pacspace import management
from inspector.providers.pacspace.management import (
    FIRST,
    SECOND,
    ApiAnswer,
    Generation,
    Refusal,
    RefusalKind,
    Webhook,
    WebhookPage,
    read_created,
    read_page,
    read_webhook,
)

NOW = 1_770_805_800_000_000  # Wed, 11 Feb 2026 10:30:00 GMT
URL = "https://your-app.com/webhooks"
SECRET = "whsec_abc123"
BARE = {"id": "wh_1", "url": URL, "secret": SECRET, "createdAt": "2026-02-11T10:30:00Z"}


def answer(body: Any, status: int = 200, **headers: str) -> ApiAnswer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiAnswer(status, told, data)


def refused(body: Any, status: int, **headers: str) -> Refusal:
    found = management.refusal(answer(body, status, **headers), NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("generation", "headers"),
    [
        (FIRST, {"Content-Type": "application/json"}),
        (SECOND, {"Content-Type": "application/json", "X-Pacspace-CSRF": "1"}),
    ],
)
def test_a_creation_says_what_was_given(generation: Generation, headers: dict[str, str]) -> None:
    call = management.create(generation, URL, description="é", events=["delta.verified"])
    assert (call.method, call.path, dict(call.headers)) == ("POST", "/dashboard/webhooks", headers)
    assert json.loads(call.body) == {
        "url": URL,
        "description": "é",
        "events": ["delta.verified"],
    }
    assert json.loads(management.create(generation, URL).body) == {"url": URL}


def test_lists_and_retries() -> None:
    assert management.listing().path == "/dashboard/webhooks"
    assert management.listing(2).path == "/dashboard/webhooks?page=2"
    assert management.listing(3, 20).path == "/dashboard/webhooks?page=3&limit=20"
    assert management.show("wh_1").path == "/dashboard/webhooks/wh_1"
    call = management.retry("evt_1")
    assert (call.method, call.body) == ("POST", b"{}")
    assert call.path == "/api/v1/balance/webhooks/evt_1/retry"


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("../x", "..%2Fx"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("..\\x", "..%5Cx"),
        ("a b", "a%20b"),
        ("é", "%C3%A9"),
        ("...x", "...x"),
    ],
)
def test_an_id_is_one_step_of_a_path(text: str, step: str) -> None:
    assert management.segment(text) == step


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a\r\nb", "\x00", "\ud800", "x" * 301])
def test_what_can_be_no_id(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be one"):
        management.segment(text)


@pytest.mark.parametrize(
    "body",
    [
        {**BARE, "active": True, "events": ["delta.verified"], "description": "mine"},
        {"statusCode": 201, "data": {**BARE, "active": True}},
        {"success": True, "data": {**BARE, "enabled": True}, "message": f"keep {SECRET}"},
        {"success": True, "data": {**BARE, "id": "webhook_1", "enabled": True}},
        {"statusCode": 201, "data": {"id": 17, "secret": SECRET, "enabled": True}},
    ],
)
def test_every_answer_to_a_creation_is_read(body: Any) -> None:
    made = read_created(answer(body, 201), URL, NOW)
    assert isinstance(made, Webhook)
    assert (made.url, made.enabled, made.secret) == (URL, True, SECRET)
    assert made.id in ("wh_1", "webhook_1", "17")
    assert SECRET not in repr(made)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"\xff", b"[" * 100_000, b"null", [], {}, "text", {"data": None},
        {"id": "wh_1", "url": URL}, {**BARE, "secret": ""}, {**BARE, "secret": None},
        {**BARE, "secret": "a\x1bb"}, {**BARE, "secret": "a b"}, {**BARE, "secret": "x" * 5000},
        {**BARE, "secret": "\ud800"}, {**BARE, "id": None}, {**BARE, "id": ""},
        {**BARE, "id": True},
        {**BARE, "id": "wh\n1"}, {**BARE, "id": "x" * 400}, {**BARE, "url": {}},
    ],
)  # fmt: skip
def test_an_answer_without_a_webhook_and_its_secret_is_not_read(body: Any) -> None:
    made = read_created(answer(body, 201), URL, NOW)
    assert made == Refusal(RefusalKind.UNREADABLE, 201, "")


def test_one_that_is_there_gives_no_secret() -> None:
    for body in (BARE, {"statusCode": 200, "data": BARE}, {"success": True, "data": BARE}):
        found = read_webhook(answer(body), NOW)
        assert isinstance(found, Webhook)
        assert (found.id, found.secret, found.enabled) == ("wh_1", None, None)
    odd = {**BARE, "enabled": "yes", "events": "all", "successCount": -1, "description": {}}
    found = read_webhook(answer(odd), NOW)
    assert isinstance(found, Webhook)
    assert (found.enabled, found.events, found.success_count) == (None, None, None)
    assert read_webhook(answer([]), NOW) == Refusal(RefusalKind.UNREADABLE, 200, "")


ITEMS = [{"id": "wh_1", "url": URL, "active": False}, {"id": "wh_2", "url": URL}]
PAGED = {"webhooks": ITEMS, "pagination": {"page": 2, "limit": 2, "total": 9, "totalPages": 5}}


@pytest.mark.parametrize(
    ("body", "number", "pages", "limit"),
    [
        (ITEMS, 1, 1, None),
        ({"statusCode": 200, "data": ITEMS}, 1, 1, None),
        ({"success": True, "data": PAGED}, 2, 5, 2),
        (PAGED, 2, 5, 2),
        ({"webhooks": ITEMS, "pagination": "odd"}, 1, 1, None),
    ],
)
def test_every_list_is_read(body: Any, number: int, pages: int, limit: int | None) -> None:
    page = read_page(answer(body), NOW)
    assert isinstance(page, WebhookPage)
    assert [each.id for each in page.webhooks] == ["wh_1", "wh_2"]
    assert page[1:] == (number, pages, limit, 0)
    assert page.webhooks[0].enabled is False


def test_entries_that_are_none_are_counted() -> None:
    page = read_page(answer([ITEMS[0], None, "x", {"id": "wh_3"}]), NOW)
    assert isinstance(page, WebhookPage)
    assert (len(page.webhooks), page.odd) == (1, 3)


@pytest.mark.parametrize("body", [b"", b"<html>", {}, "x", {"data": {"webhooks": "none"}}])
def test_what_is_no_list(body: Any) -> None:
    assert read_page(answer(body), NOW) == Refusal(RefusalKind.UNREADABLE, 200, "")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusalKind.INVALID),
        (422, RefusalKind.INVALID),
        (401, RefusalKind.FORBIDDEN),
        (403, RefusalKind.FORBIDDEN),
        (404, RefusalKind.MISSING),
        (409, RefusalKind.CONFLICT),
        (429, RefusalKind.LIMITED),
        (302, RefusalKind.MOVED),
        (500, RefusalKind.BROKEN),
        (503, RefusalKind.BROKEN),
        (405, RefusalKind.OTHER),
        (402, RefusalKind.OTHER),
    ],
)
@pytest.mark.parametrize("reader", [read_page, read_webhook])
def test_every_status_means_something(status: int, kind: RefusalKind, reader: Any) -> None:
    assert reader(answer(b"", status), NOW).kind is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"statusCode": 400, "error": "Bad Request", "message": "url is bad"}, "url is bad"),
        ({"statusCode": 400, "message": ["url is bad", "and more"]}, "url is bad; and more"),
        ({"error": {"code": "INVALID", "message": "url is bad"}}, "url is bad"),
        ({"error": {"code": "INVALID", "message": ["url is bad", 7, {}]}}, "url is bad"),
        ({"error": {"code": "INVALID"}}, "INVALID"),
        ({"error": {"code": 7}, "message": "flat"}, "flat"),
        ({"error": "Bad Request"}, "Bad Request"),
        ({"message": {}, "error": []}, ""),
        ({"message": " "}, ""),
        ([], ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_every_error_body_gives_its_message(body: Any, message: str) -> None:
    assert refused(body, 400).message == message


def test_a_wrapper_may_refuse_whatever_the_status_says() -> None:
    assert refused({"success": False, "message": "no"}, 200)[:3] == (RefusalKind.OTHER, 200, "no")
    assert refused({"statusCode": 409, "message": "no"}, 200)[:3] == (
        RefusalKind.CONFLICT,
        200,
        "no",
    )
    assert management.refusal(answer({"statusCode": 201, "data": {}}, 201), NOW) is None
    assert refused({"message": "moved"}, 302).message == ""


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry_after": "7"}, b"", 7),
        ({"retry_after": " 0 "}, b"", 0),
        ({"retry_after": "9" * 30}, b"", 999_999_999),
        ({"retry_after": "Wed, 11 Feb 2026 10:30:30 GMT"}, b"", 30),
        ({"retry_after": "Wed, 11 Feb 2026 10:29:00 GMT"}, b"", 0),
        # The server's clock is an hour behind ours.
        (
            {
                "retry_after": "Wed, 11 Feb 2026 09:30:05 GMT",
                "date": "Wed, 11 Feb 2026 09:30:00 GMT",
            },
            b"",
            5,
        ),
        ({}, {"error": {"retryAfterSeconds": 2.5}}, 2.5),
        ({}, {"retryAfterSeconds": 3}, 3),
        ({"retry_after": "soon"}, {"retryAfterSeconds": 3}, 3),
        ({"retry_after": "-5"}, b"", None),
        ({"retry_after": "٣"}, b"", None),
        ({}, {"retryAfterSeconds": True}, None),
        ({}, {"retryAfterSeconds": -1}, None),
        ({}, b'{"retryAfterSeconds": NaN}', None),
        ({}, b"", None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], body: Any, seconds: float | None) -> None:
    assert refused(body, 429, **headers).retry_after == seconds
