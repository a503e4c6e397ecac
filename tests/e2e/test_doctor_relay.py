"""The doctor on the way through a relay: each thing that is wrong there is found and named."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from inspector.clock import wall_clock
from inspector.doctor import hops, proxy, run
from inspector.doctor.guest import guest_of
from inspector.doctor.model import Check, Finding, Subject, Tell
from inspector.doctor.run import Section
from inspector.relay import Relay
from inspector.server.guard import error_response
from inspector.server.guests import Guests
from inspector.settings import RelaySettings, Settings
from inspector.store.endpoints import EndpointsFile
from inspector.store.files import StoreFiles
from inspector.tunnel.address import parse_relay
from inspector.tunnel.connecting import Dialler
from tests.helpers.certificates import Authority
from tests.helpers.fake_target import FakeTarget
from tests.helpers.listener import PATIENCE, Item, environment
from tests.helpers.proxy import Nginx
from tests.helpers.relay import RelayProcess
from tests.helpers.tunnelled import consumer, port_of

RECIPE = Path(__file__).parents[2] / "fixtures" / "deploy" / "nginx.conf"
DOCTOR_PATIENCE = 8 * PATIENCE


class Examined(NamedTuple):
    """What the doctor said."""

    code: int
    items: list[Item]
    errors: str

    def check(self, name: str) -> Item:
        hop, _, which = name.partition(".")
        found = [
            each
            for each in self.items
            if each["kind"] == "check" and (each["hop"], each["name"]) == (hop, which)
        ]
        assert len(found) == 1, (name, self.items)
        return found[0]

    def case(self, name: str) -> Item:
        return next(each for each in self.cases() if each["case"] == name)

    def cases(self) -> list[Item]:
        return [each for each in self.items if each["kind"] == "fidelity"]

    @property
    def last(self) -> Item:
        assert self.items[-1]["kind"] == "doctor"
        return self.items[-1]

    @property
    def told(self) -> str:
        return json.dumps(self.items) + self.errors


def examine(
    folder: Path, url: str, token: str, *, db: str = "inspector.db", **variables: str
) -> Examined:
    """`inspector doctor --relay URL --json` for a store in that folder."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "inspector", "doctor", "--relay", url, "--json",
         "--db", str(folder / db)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(folder, {"INSPECTOR_RELAY_TOKEN": token, **variables}),
        timeout=DOCTOR_PATIENCE,
        check=False,
    )  # fmt: skip
    items = [json.loads(line) for line in done.stdout.splitlines()]
    examined = Examined(done.returncode, items, done.stderr.decode())
    assert "Traceback" not in examined.errors
    assert not token or token not in examined.told
    return examined


@contextmanager
def with_endpoint(
    folder: Path, *arguments: str, options: tuple[str, ...] = ()
) -> Iterator[tuple[RelayProcess, Item]]:
    """A relay that runs, and its endpoint `dev`, which it knows from the start."""
    relay = RelayProcess(folder / "relay.db", *arguments)
    dev = relay.endpoint("add", "dev", *options)
    with relay:
        here = f"http://127.0.0.1:{port_of(relay)}{urlsplit(dev['url']).path}"
        yield relay, {**dev, "url": here}


@contextmanager
def behind(folder: Path, *changes: tuple[str, str]) -> Iterator[tuple[RelayProcess, Item, Nginx]]:
    """A relay behind nginx with the README's recipe, changed so."""
    recipe = RECIPE.read_text("utf-8")
    for before, after in changes:
        assert before in recipe, before
        recipe = recipe.replace(before, after)
    changed = folder / "recipe.conf"
    changed.write_text(recipe, "utf-8")
    with (
        with_endpoint(folder, "--trust-proxy") as (relay, dev),
        Nginx(folder, changed, port_of(relay)) as nginx,
    ):
        yield relay, dev, nginx


def through(folder: Path, nginx: Nginx, endpoint: Item) -> Examined:
    url = nginx.url + urlsplit(endpoint["url"]).path
    trusted = {"SSL_CERT_FILE": str(nginx.certificate)}
    return examine(folder / "home", url, endpoint["token"], **trusted)


# What is well.


def test_all_holds_and_nobody_at_the_endpoint_notices(tmp_path: Path) -> None:
    with with_endpoint(tmp_path) as (relay, dev):
        mine = consumer(tmp_path / "home", relay, dev)
        mate = consumer(tmp_path / "mate", relay, dev, "--consumer", "mate")
        with mine, mate:
            # The same name, the same store: my own listener goes on meanwhile.
            examined = examine(tmp_path / "home", dev["url"], dev["token"], db="store.db")
            assert examined.code == 0, examined.last
            assert len(examined.cases()) > 20
            for case in examined.cases():
                assert list(case["stages"]) == ["relay", "journal", "app"]
                assert case["ok"], case
            assert examined.check("proxy.relay")["told"] == "nothing before it that shows itself"
            assert examined.check("clock.relay")["ok"]
            assert examined.check("relay.consumer")["value"]["taken"]
            assert examined.check("relay.consumer")["hint"] == ""
            assert examined.check("relay.team")["value"]["attached"] == 2
            assert examined.check("fidelity.answers")["ok"]
            # Nothing of it is left there, and nobody was disturbed.
            status = relay.status()
            assert status["guests"] == 0
            (endpoint,) = status["endpoints"]
            assert endpoint["captured"] == 0
            assert [each["attached"] for each in endpoint["consumers"]] == [True, True]
            for home in (mine, mate):
                ledger = home.request("GET", "status")["ledger"]
                assert ledger["received"] == 0
                changes = [each["state"] for each in home.wait_for(1, kind="connection")]
                assert changes == ["connected"]


def test_all_holds_behind_the_readmes_nginx(tmp_path: Path) -> None:
    with behind(tmp_path) as (_, dev, nginx):
        examined = through(tmp_path, nginx, dev)
        assert examined.code == 0, examined.last
        assert "adds X-Forwarded-For" in examined.check("proxy.relay")["told"]
        assert examined.check("proxy.sender")["hint"] == ""
        assert examined.check("certificate.host")["ok"]


# What a proxy does to requests.


def test_what_a_proxy_does_to_requests_is_found_and_named(tmp_path: Path) -> None:
    changes = [
        # Slashes merged, %2F decoded, steps back taken: what a path behind proxy_pass does.
        ("proxy_pass http://inspector_relay;", "proxy_pass http://inspector_relay/;"),
        ("underscores_in_headers on;", "underscores_in_headers off;"),
        ("ignore_invalid_headers off;", "ignore_invalid_headers on;"),
        ("client_max_body_size 0;", "client_max_body_size 1m;"),
        (
            "proxy_set_header Host $http_host;",
            'proxy_set_header Host $http_host;\n proxy_set_header X-Other "";\n'
            "proxy_set_header X-Renamed $http_x_other;",
        ),
    ]
    with behind(tmp_path, *changes) as (_, dev, nginx):
        examined = through(tmp_path, nginx, dev)
    assert examined.code == 6
    broken = {
        "X-Dup, x-dup": ["the header X-Other did not arrive", "the header X-Renamed was added"],
        "under_score": ["the header under_score did not arrive"],
        "%2F": ["the path and query '/a%2Fb%2f%7E' arrived as '/a/b/~'"],
        "//": ["the path and query '//a//b/' arrived as '/a/b/'"],
        "..": ["the path and query '/a/../b/./c' arrived as '/b/c'"],
        "?": ["the path and query '/hooks?' arrived as '/hooks'"],
        "25 MB": ["answered 413 by nginx", "client_max_body_size"],
    }
    for name, told in broken.items():
        case = examined.case(name)
        assert case["breaks_at"] == "relay", case
        said = " ".join(case["stages"]["relay"]["differs"])
        for each in told:
            assert each in said, (each, said)
        assert f"fidelity.{name}" in examined.last["failed"]
    for name in ("plain", "\\xff", "values", "?a=1&a=2", "gzip", "chunked", "empty", "NUL"):
        assert examined.case(name)["ok"], examined.case(name)


async def test_a_proxy_that_answers_itself_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [
        ("location / {", "location /in/ { return 302 https://elsewhere.example/; }\nlocation / {"),
    ]
    with behind(tmp_path, *changes) as (_, dev, nginx):
        monkeypatch.setenv("SSL_CERT_FILE", str(nginx.certificate))
        url = nginx.url + urlsplit(dev["url"]).path
        told = await looked(tmp_path, url, dev["token"], proxy.look)
    check = told["proxy.relay"]
    assert not check.ok
    assert "answered 302 by nginx" in check.told
    assert check.hint


async def test_a_proxy_that_passes_no_websockets_on_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [("proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Upgrade "";')]
    with behind(tmp_path, *changes) as (_, dev, nginx):
        monkeypatch.setenv("SSL_CERT_FILE", str(nginx.certificate))
        url = nginx.url + urlsplit(dev["url"]).path
        told = await looked(tmp_path, url, dev["token"], hops.look)
    check = told["relay.hello"]
    assert not check.ok
    assert "websocket" in check.told + check.hint


def test_an_endpoint_that_takes_less_is_told_with_the_flag(tmp_path: Path) -> None:
    with with_endpoint(tmp_path, options=("--max-body", "1mb")) as (_, dev):
        examined = examine(tmp_path / "home", dev["url"], dev["token"])
    case = examined.case("25 MB")
    assert case["breaks_at"] == "relay"
    (told,) = case["stages"]["relay"]["differs"]
    assert "the relay refused it" in told
    assert "--max-body" in told
    assert examined.last["failed"] == ["fidelity.25 MB"]


# Clocks, and relays of other kinds.


@asynccontextmanager
async def relay_here(
    folder: Path, clock: Callable[[], int] = wall_clock, tls: tuple[Path, Path] | None = None
) -> AsyncIterator[tuple[Relay, str, str]]:
    """A relay in this process; it, the URL of its endpoint, and the token."""
    db = folder / "relay.db"
    cert, key = tls or (None, None)
    settings = RelaySettings(
        db=db, host="127.0.0.1", port=0, health_port=0, tls_cert=cert, tls_key=key
    )
    endpoint, token = EndpointsFile(StoreFiles(db).endpoints).add("dev", {})
    async with Relay(settings, clock=clock) as relay:
        yield relay, f"{relay.url}/in/{endpoint.slug}", token


async def looked(
    folder: Path, url: str, token: str, *looks: Callable[[Subject, Tell], Awaitable[None]]
) -> dict[str, Check]:
    """The checks that these tell, by their names."""
    settings = Settings(relay=url, relay_token=token, db=folder / "home" / "inspector.db")
    told: list[Finding] = []
    sections = tuple(Section(f"look {n}", look, PATIENCE) for n, look in enumerate(looks))
    await run.examine(Subject(settings), told.append, sections)
    assert not any(token in repr(each) for each in told if token)
    return {each.key: each for each in told if isinstance(each, Check)}


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(10, "10 min ahead of the one here"), (-10, "10 min behind the one here")],
)
async def test_a_clock_ten_minutes_off_is_found(tmp_path: Path, minutes: int, told: str) -> None:
    async with relay_here(tmp_path, lambda: wall_clock() + minutes * 60_000_000) as (_, url, token):
        examined = await asyncio.to_thread(examine, tmp_path / "home", url, token)
    check = examined.check("clock.relay")
    assert (check["ok"], check["told"]) == (False, told)
    assert examined.code == 6
    # The tunnel would not be opened; that is no other fault, and the rest is examined.
    assert examined.last["failed"] == ["clock.relay"]
    assert "not sent through the relay" in examined.check("fidelity.relay")["told"]
    assert all(case["ok"] for case in examined.cases())


@pytest.mark.parametrize(("seconds", "hint"), [(0, False), (20, True), (-290, True)])
async def test_a_clock_that_is_a_little_off_is_warned_of(
    tmp_path: Path, seconds: int, hint: bool
) -> None:
    async with relay_here(tmp_path, lambda: wall_clock() + seconds * 1_000_000) as (_, url, token):
        check = (await looked(tmp_path, url, token, hops.look))["clock.relay"]
    assert check.ok
    assert bool(check.hint) is hint


async def test_an_older_relay_has_no_guests_and_that_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_there(self: Guests, request: web.Request) -> web.StreamResponse:
        return error_response(404, "not-found", "there is nothing here")

    monkeypatch.setattr(Guests, "handle", nothing_there)
    async with relay_here(tmp_path) as (_, url, token):
        examined = await asyncio.to_thread(examine, tmp_path / "home", url, token)
    assert examined.code == 0, examined.last
    for name in ("proxy.relay", "fidelity.relay"):
        check = examined.check(name)
        assert check["ok"] is None
        assert "older" in check["told"]
        assert name in examined.last["skipped"]
    assert examined.cases()
    assert all(list(case["stages"]) == ["journal", "app"] for case in examined.cases())


async def test_too_many_guests_are_told_and_are_no_fault(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as (_, url, token), AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(guest_of(Dialler(parse_relay(url), token, "x", "")))
        check = (await looked(tmp_path, url, token, proxy.look))["proxy.relay"]
    assert check.ok is None
    assert "4 guests" in check.told


# Who is not let in, and what is no relay.


async def test_a_wrong_token_is_told_once(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as (_, url, _token):
        examined = await asyncio.to_thread(examine, tmp_path / "home", url, "itun_wrong")
    assert examined.code == 6
    check = examined.check("relay.hello")
    assert (check["ok"], check["told"]) == (False, "the relay refuses the token")
    assert examined.last["failed"] == ["relay.hello"]


@pytest.mark.parametrize("token", ["", "a b"])
async def test_a_token_that_is_none_is_told(tmp_path: Path, token: str) -> None:
    async with relay_here(tmp_path) as (_, url, _):
        told = await looked(tmp_path, url, token, hops.look)
    assert told["relay.tcp"].ok
    assert not told["relay.hello"].ok
    assert "INSPECTOR_RELAY_TOKEN" in told["relay.hello"].hint


async def test_an_endpoint_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with relay_here(tmp_path) as (relay, _, token):
        told = await looked(tmp_path, f"{relay.url}/in/another", token, hops.look)
    assert told["relay.hello"].told == "the relay has no such endpoint"


async def test_where_no_relay_is_the_hop_is_told_that_fails(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()[1]
        url = f"http://127.0.0.1:{nobody}/in/slug"
        told = await looked(tmp_path, url, "itun_nobodys", hops.look)
        assert list(told) == ["relay.name", "relay.tcp"]
        assert "connection refused" in told["relay.tcp"].told
    told = await looked(tmp_path, "http://nothing.invalid/in/slug", "itun_nobodys", hops.look)
    assert list(told) == ["relay.name"]
    assert not told["relay.name"].ok
    async with FakeTarget() as app:
        told = await looked(tmp_path, f"{app.url}/in/slug", "itun_nobodys", hops.look)
        assert not told["relay.hello"].ok
        secure = app.url.replace("http:", "https:", 1)
        told = await looked(tmp_path, f"{secure}/in/slug", "itun_nobodys", hops.look)
        assert list(told) == ["relay.name", "relay.tcp", "relay.tls"]
        assert not told["relay.tls"].ok


async def test_a_proxy_in_the_environment_is_named_without_its_password(tmp_path: Path) -> None:
    settings = Settings(db=tmp_path / "inspector.db")
    variables = {"HTTPS_PROXY": "http://me:pa55word@proxy.example:3128", "http_proxy": ""}
    told: list[Finding] = []
    await proxy.look(Subject(settings, environment=variables), told.append)
    (first, second) = told
    assert isinstance(first, Check)
    assert (first.ok, first.value) == (True, ["HTTPS_PROXY"])
    assert second.ok is None
    assert "pa55word" not in repr(told)


# Certificates.


@pytest.mark.parametrize(
    ("options", "failed", "told"),
    [
        ({}, [], ""),
        ({"ends": 3}, [], ""),
        ({"begins": -40, "ends": -0.5}, ["validity"], "it has expired 12 hours ago"),
        ({"begins": 3}, ["validity"], "it is not yet valid"),
        ({"host": "other.example"}, ["host"], "localhost is another host: it is for other.example"),
        ({"own": True}, ["issuer"], "is self-signed (made by itself)"),
        ({"own": True, "ends": -0.5, "host": "x.example"}, ["issuer", "host", "validity"], ""),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    failed: list[str],
    told: str,
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    pair = authority.pair(**{"ends": 60.0, **options})
    async with relay_here(tmp_path, tls=pair) as (_, url, token):
        url = url.replace("127.0.0.1", "localhost")
        checks = await looked(tmp_path, url, token, hops.look)
    found = {name: check for name, check in checks.items() if name.startswith("certificate.")}
    assert [name for name, check in found.items() if not check.ok] == [
        f"certificate.{name}" for name in failed
    ]
    soon = "begins" in options or options.get("ends", 60) < 14
    assert bool(found["certificate.validity"].hint) is soon
    if failed:
        assert told in " ".join(check.told for check in found.values())
        assert all(check.hint for check in found.values() if not check.ok)
        # It is told once, and the way ends there.
        assert checks["relay.tls"].ok is None
        assert "relay.hello" not in checks
    else:
        assert checks["relay.tls"].ok
        assert checks["relay.hello"].ok
        assert "made by Test Root" in found["certificate.issuer"].told


async def test_an_issuer_that_nobody_knows_is_told(tmp_path: Path) -> None:
    pair = Authority(tmp_path).pair()
    async with relay_here(tmp_path, tls=pair) as (_, url, token):
        url = url.replace("127.0.0.1", "localhost")
        check = (await looked(tmp_path, url, token, hops.look))["certificate.issuer"]
    assert not check.ok
    assert "unknown issuer (made by Test Root)" in check.told
    assert "fullchain.pem" in check.hint


async def test_an_expired_certificate_in_the_whole_examination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    pair = authority.pair(begins=-40, ends=-0.5)
    async with relay_here(tmp_path, tls=pair) as (_, url, token):
        url = url.replace("127.0.0.1", "localhost")
        trusted = {"SSL_CERT_FILE": str(authority.root)}
        examined = await asyncio.to_thread(examine, tmp_path / "home", url, token, **trusted)
    assert examined.code == 6
    assert examined.last["failed"] == ["certificate.validity"]
    assert "has expired" in examined.check("fidelity.relay")["told"]


# Ends that come too soon.


@contextmanager
def under_way(folder: Path, relay: RelayProcess, dev: Item) -> Iterator[subprocess.Popen[bytes]]:
    """A doctor that has begun to send the set round."""
    command = ["doctor", "--relay", dev["url"], "--json", "--db", str(folder / "inspector.db")]
    with subprocess.Popen(
        [sys.executable, "-m", "inspector", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(folder, {"INSPECTOR_RELAY_TOKEN": dev["token"]}),
    ) as doctor:
        try:
            assert doctor.stdout is not None
            for line in doctor.stdout:
                if json.loads(line)["kind"] == "fidelity":
                    break
            assert relay.status()["guests"] == 1
            yield doctor
        finally:
            doctor.kill()


def test_one_that_is_interrupted_leaves_no_guest(tmp_path: Path) -> None:
    with with_endpoint(tmp_path) as (relay, dev):
        with under_way(tmp_path, relay, dev) as doctor:
            doctor.send_signal(signal.SIGINT)
            assert doctor.wait(PATIENCE) == 130
        assert relay.status()["guests"] == 0
        assert relay.status_of("dev")["captured"] == 0


def test_a_relay_that_is_lost_meanwhile_is_told_once(tmp_path: Path) -> None:
    with with_endpoint(tmp_path) as (relay, dev), under_way(tmp_path, relay, dev) as doctor:
        relay.kill()
        assert doctor.stdout is not None
        items = [json.loads(line) for line in doctor.stdout]
        assert doctor.wait(PATIENCE) == 6
    assert [each for each in items if each["kind"] == "fidelity" and not each["ok"]] == []
    (broken,) = [each for each in items if each["kind"] == "check" and each["ok"] is False]
    assert (broken["hop"], broken["name"]) == ("fidelity", "relay")
    assert broken["told"].startswith("broken off: the relay is lost")
