"""A relay behind nginx, by the recipe under fixtures/deploy: what the proxy leaves as it was."""

import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inspector.domain.attempt import Response
from inspector.domain.headers import decode_head
from inspector.tunnel import messages, wire
from tests.helpers.consumer import consumer, next_body, next_parcels
from tests.helpers.listener import PATIENCE, Item, ListenerProcess
from tests.helpers.proxy import Nginx
from tests.helpers.relay import RelayProcess

RECIPE = Path(__file__).parents[2] / "fixtures" / "deploy" / "nginx.conf"
# What the recipe sets itself, and what belongs to a connection.
OF_THE_PROXY = {"host", "x-forwarded-for", "connection"}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@dataclass
class Proxied:
    """A relay, and nginx in front of it, through which everything in a test goes."""

    relay: RelayProcess
    nginx: Nginx

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.nginx.certificate))

    def endpoint(self, *arguments: str) -> Item:
        made = self.relay.endpoint("add", *arguments)
        while not any(each["name"] == arguments[0] for each in self.relay.status()["endpoints"]):
            pass
        return {**made, "url": self.nginx.url + urlsplit(made["url"]).path}

    def connection(self) -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", self.nginx.port, timeout=PATIENCE, context=self.tls)

    def send(self, head: bytes, body: bytes = b"") -> tuple[HTTPResponse, bytes]:
        """Send these bytes and read the response."""
        with closing(self.connection()) as connection:
            connection.connect()
            connection.sock.sendall(head.replace(b"\n", b"\r\n") + body)
            response = HTTPResponse(connection.sock)
            response.begin()
            return response, response.read()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("proxied")
    with RelayProcess(folder / "relay.db", "--host", "127.0.0.1", "--trust-proxy") as relay:
        port = urlsplit(relay.url).port
        assert port is not None
        with Nginx(folder, RECIPE, port) as nginx:
            yield Proxied(relay, nginx)


def path_of(endpoint: Item) -> bytes:
    return urlsplit(endpoint["url"]).path.encode()


def test_a_delivery_passes_as_it_was_sent(proxied: Proxied) -> None:
    dev = proxied.endpoint("exact")
    body = bytes(range(256))
    headers = (
        b"X-Dup: one\nx-dup: two\nX-DUP: three\nunder_score: kept\nX-Latin: caf\xe9\n"
        b"Content-Type: application/octet-stream\nX-Signature: a=b, c\n"
    )
    head = (
        b"PUT " + path_of(dev) + b"/a%2Fb//c/../d?x=%7E&y&z=%20+ HTTP/1.1\nHost: relay.example\n"
        + headers + b"Content-Length: 256\n\n"
    )  # fmt: skip
    response, _ = proxied.send(head, body)
    assert (response.status, response.getheader("Inspector-Delivery")) == (200, "1")
    with consumer(dev, tls=proxied.tls) as connection:
        (parcel,) = next_parcels(connection).items
    method, target, _, found = decode_head(parcel.head)
    assert (method, target) == ("PUT", "/a%2Fb//c/../d?x=%7E&y&z=%20+")
    sent = [
        tuple(line.decode("latin-1").split(": ", 1))
        for line in (headers + b"Content-Length: 256").splitlines()
    ]
    kept = [pair for pair in found if pair[0].lower() not in OF_THE_PROXY]
    assert sorted(kept) == sorted(sent)
    assert [pair for pair in kept if pair[0] != "Content-Length"] == sent[:-1]
    assert ("Host", "relay.example") in found
    assert parcel.body == body


def test_the_sender_is_who_the_proxy_says_and_not_who_it_claims_to_be(proxied: Proxied) -> None:
    dev = proxied.endpoint("sender")
    proxied.send(b"GET " + path_of(dev) + b" HTTP/1.1\nHost: x\nX-Forwarded-For: 203.0.113.9\n\n")
    with consumer(dev, tls=proxied.tls) as connection:
        (parcel,) = next_parcels(connection).items
    assert parcel.remote == "127.0.0.1"


def test_large_and_chunked_bodies_pass_and_what_is_too_large_is_the_relay_s_to_say(
    proxied: Proxied,
) -> None:
    dev = proxied.endpoint("large", "--max-body", "3mb")
    body = bytes(range(256)) * (12 << 10)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    with closing(proxied.connection()) as connection:
        connection.request("POST", path_of(dev).decode(), pieces(), encode_chunked=True)
        assert connection.getresponse().status == 200
    with closing(proxied.connection()) as connection:
        connection.request("POST", path_of(dev).decode(), body + b"!")
        assert connection.getresponse().status == 413
    with consumer(dev, tls=proxied.tls) as connected:
        assert next_parcels(connected).items[0].size == len(body)
        assert next_body(connected) == body
        assert next_parcels(connected).items[0].code == "body-too-large"


def test_a_long_header_passes(proxied: Proxied) -> None:
    dev = proxied.endpoint("long")
    long = b"x" * 30_000
    response, _ = proxied.send(
        b"GET " + path_of(dev) + b" HTTP/1.1\nHost: x\nX-Long: " + long + b"\n\n"
    )
    assert response.status == 200


def test_a_listener_mirrors_what_comes_and_is_ready_when_its_canary_came_the_same_way(
    proxied: Proxied, tmp_path: Path
) -> None:
    dev = proxied.endpoint("whole-way")
    known = {
        "INSPECTOR_RELAY_TOKEN": str(dev["token"]),
        "SSL_CERT_FILE": str(proxied.nginx.certificate),
    }
    relay = ("--relay", dev["url"])
    with ListenerProcess(tmp_path / "l.db", *relay, extra_environment=known) as home:
        assert home.ready["relay"]["state"] == "connected"
        response, _ = proxied.send(
            b"POST " + path_of(dev) + b"/hooks?a=%2F HTTP/1.1\nHost: x\nContent-Length: 2\n\n",
            b"{}",
        )
        assert response.status == 200
        (delivery,) = home.wait_for(1, kind="delivery")
    assert delivery["request_target"] == "/hooks?a=%2F"
    assert delivery["remote"] == "127.0.0.1"


def test_the_app_s_own_answer_passes_as_it_gave_it(proxied: Proxied) -> None:
    dev = proxied.endpoint("asked", "--ack", "app")
    answers: list[tuple[HTTPResponse, bytes]] = []
    with consumer(dev, tls=proxied.tls) as connection:
        while not isinstance(wire.decode(connection.recv(PATIENCE)), messages.RelayState):
            pass  # from here on it is the one that is asked
        sender = threading.Thread(
            target=lambda: answers.append(
                proxied.send(b"POST " + path_of(dev) + b" HTTP/1.1\nHost: x\n"
                             b"Content-Length: 2\n\n", b"{}")
            )
        )  # fmt: skip
        sender.start()
        (parcel,) = next_parcels(connection).items
        assert parcel.ask
        headers = (
            ("Location", f"http://127.0.0.1:{urlsplit(proxied.relay.url).port}/elsewhere"),
            ("Server", "the-app"),
            ("X-Accel-Redirect", "/_inspector/healthz"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        )
        answer = Response(201, "Made", headers, b"by the app", 10)
        connection.send(wire.encode(messages.Reply(parcel.id, answer)))
        sender.join(PATIENCE)
    ((response, body),) = answers
    assert (response.status, response.reason, body) == (201, "Made", b"by the app")
    # nginx keeps this one to itself, but does not act on it.
    passed = [pair for pair in headers if pair[0] != "X-Accel-Redirect"]
    assert [pair for pair in response.getheaders() if pair in passed] == passed
