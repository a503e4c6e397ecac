"""What is told of a sent request is what `compose` wrote then."""

from hypothesis import given
from hypothesis import strategies as st

from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Request
from inspector.domain.headers import decode_head
from inspector.domain.routes import parse_target
from inspector.forward.message import Message, compose, ours
from inspector.forward.rebuilt import FRESH, rebuild_with
from inspector.providers.pacspace import PACSPACE
from tests.helpers.pacspace import AT, SECRET
from tests.helpers.summaries import make_attempt, make_delivery
from tests.store.strategies import requests

OWN = (("X-Own", "1"), ("host", "mine"))


def attempt(target: str = "http://localhost:3000", **more: object) -> Attempt:
    return make_attempt(9, 5, target=target, number=3, **more)


@given(requests, st.sampled_from(["http://localhost:3000", "https://a:1/x/*"]), st.booleans())
def test_the_same_head_as_was_sent(request: Request, target: str, keep_host: bool) -> None:
    sent = compose(
        request,
        parse_target(target),
        extra=ours(5, 3),
        overrides=OWN[:1],
        keep_host=keep_host,
    )
    delivery = make_delivery(5, body_size=len(request.body))
    told = rebuild_with(OWN[:1], keep_host)(request._replace(body=b""), delivery, attempt(target))
    if not isinstance(sent, Message):
        assert told is None
        return
    assert told is not None
    written = told.method, told.target, told.http_version, told.headers
    assert written == decode_head(sent.head[:-2])


def test_fresh_signatures_are_not_known() -> None:
    body = b'{"event":"delta.verified"}'
    plain = Request("POST", "/", "1.1", (("Host", "x"), ("X-Two", "2")), body)
    signed = PACSPACE.sign(plain, SECRET, AT)
    delivery = make_delivery(5, body_size=len(body))
    rebuild = rebuild_with(OWN, False)
    for request in (plain, signed):
        told = rebuild(request._replace(body=b""), delivery, attempt(resigned=True))
        assert told is not None
        assert dict(told.headers) == {
            "Host": "mine",
            "X-Two": "2",
            "X-PacSpace-Signature": FRESH,
            "X-PacSpace-Timestamp": FRESH,
            "X-Own": "1",
            "Content-Length": str(len(body)),
            "Inspector-Delivery": "5",
            "Inspector-Attempt": "3",
        }
    # Of a sender whose scheme is not known nothing was signed.
    unknown = make_delivery(5, body_size=len(body), provider="generic")
    told = rebuild(plain._replace(body=b""), unknown, attempt(resigned=True))
    assert told is not None
    assert FRESH not in dict(told.headers).values()


def test_a_target_that_cannot_be_read_any_more() -> None:
    request = Request("POST", "/", "1.1", (), b"")
    assert rebuild_with((), False)(request, make_delivery(5), attempt("ftp://x")) is None
