"""The way to the relay, hop by hop: its name, TCP, TLS, what it says, and who is there."""

import asyncio
import socket
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from inspector import __version__
from inspector.doctor import certificate, clock
from inspector.doctor.apart import apart
from inspector.doctor.model import Check, Subject, Tell
from inspector.doctor.proxy import NONE_USED, set_here
from inspector.domain.base import DEFAULT_PORTS, on_this_machine
from inspector.domain.delivery import iso
from inspector.domain.plaintext import one_line
from inspector.errors import InspectorError, system_text
from inspector.store.lock import holder
from inspector.tunnel.address import RelayAddress, parse_relay
from inspector.tunnel.connecting import Dialler, LostError, why_not
from inspector.tunnel.looking import glimpse
from inspector.tunnel.messages import Member
from inspector.tunnelling import dialler_of

HOP = "relay"
_RESOLVE_SECONDS = 8.0
_CONNECT_SECONDS = 5.0
_MOST_ADDRESSES = 8


class _Tried(NamedTuple):
    """One address of the relay: what a socket connects to, and how long that took or why not."""

    where: Any
    ms: float
    why: str


async def look(subject: Subject, tell: Tell) -> None:
    """Walk to the relay as far as it goes; what lies behind the first hop that fails is not told
    of, but for its certificate."""
    if not subject.settings.relay:
        tell(Check(HOP, "url", None, "no relay is set: --relay URL examines the way through it"))
        return
    address = parse_relay(subject.settings.relay)
    parts = urlsplit(address.origin)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    where = await _reached(host, port, subject, tell)
    if where is None:
        return
    # What is told of other hops comes behind all of this one.
    behind: list[Check] = []
    open_ = True
    if address.secure:
        tls = Dialler(address, "-", "-", "").tls()
        assert tls is not None
        shaken = await certificate.shake_hands(where, host, tls)
        tell(_tls(shaken, address))
        open_ = shaken.error is None
        if shaken.der:
            behind += certificate.judged(shaken, address, host, subject.clock())
    else:
        tell(_in_the_clear(host, where))
    if open_ and (skew := await _greeted(subject, tell)) is not None:
        behind.append(clock.judged("relay", skew))
    for check in behind:
        tell(check)


# The name, and TCP.


async def _reached(host: str, port: int, subject: Subject, tell: Tell) -> Any | None:
    """An address that answers."""
    found = await _resolved(host, port, tell)
    if not found:
        return None
    tried = await asyncio.gather(*map(_connect, found))
    good = sorted((each for each in tried if not each.why), key=lambda each: each.ms)
    bad = [f"{each.where[0]}: {each.why}" for each in tried if each.why]
    value = {each.where[0]: each.why or round(each.ms, 2) for each in tried}
    if not good:
        told = f"no connection to port {port}: {'; '.join(bad)}"
        hint = f"see that the relay runs, and that nothing shuts its port {port} off"
        if named := set_here(subject.environment):
            hint = f"{', '.join(named)}: {NONE_USED}"
        tell(Check(HOP, "tcp", False, told, hint, value))
        return None
    of_all = f", {len(good)} of {len(tried)} addresses" if len(tried) > 1 else ""
    told = f"{good[0].where[0]} port {port} answers in {good[0].ms:.1f} ms{of_all}"
    tell(Check(HOP, "tcp", True, told, f"not so {'; '.join(bad)}" if bad else "", value))
    return good[0].where


async def _resolved(host: str, port: int, tell: Tell) -> list[Any]:
    begun = perf_counter()
    try:
        kind = socket.SOCK_STREAM
        entries = await apart(lambda: socket.getaddrinfo(host, port, type=kind), _RESOLVE_SECONDS)
    except (OSError, UnicodeError, TimeoutError) as error:
        told = f"the name {host} cannot be resolved"
        if isinstance(error, TimeoutError):
            told = f"no name server says within {_RESOLVE_SECONDS:g} s where {host} is"
        hint = "see that the name is spelt right, and that this machine's name server knows it"
        tell(Check(HOP, "name", False, told, hint))
        return []
    ms = (perf_counter() - begun) * 1000
    found = list(dict.fromkeys(entry[4] for entry in entries))[:_MOST_ADDRESSES]
    addresses = [each[0] for each in found]
    told = f"{host} is {', '.join(map(str, addresses[:3]))}, known in {ms:.1f} ms"
    if addresses == [host]:
        told = f"{host} is an address, no name"
    value = {"ms": round(ms, 2), "addresses": addresses}
    tell(Check(HOP, "name", True, told, value=value))
    return found


async def _connect(where: Any) -> _Tried:
    begun = perf_counter()
    why = ""
    with socket.socket(socket.AF_INET6 if len(where) > 2 else socket.AF_INET) as sock:
        sock.setblocking(False)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, where)
        except TimeoutError:
            why = f"no answer within {_CONNECT_SECONDS:g} s"
        except OSError as error:
            why = system_text(error)
    return _Tried(where, (perf_counter() - begun) * 1000, why)


# TLS, or none.


def _tls(shaken: certificate.Shaken, address: RelayAddress) -> Check:
    if shaken.error is None:
        told = f"{shaken.version}, agreed on in {shaken.ms:.1f} ms"
        return Check(HOP, "tls", True, told, value={"ms": round(shaken.ms, 2)})
    if shaken.der:
        return Check(HOP, "tls", None, "no further: the certificate is not accepted, see below")
    why = why_not(shaken.error, address.origin)
    reason = why.message if isinstance(why, InspectorError) else why.reason
    hint = f"see that the port of {address.origin} is one for https"
    return Check(HOP, "tls", False, reason, hint)


def _in_the_clear(host: str, where: Any) -> Check:
    if on_this_machine(str(where[0])):
        return Check(HOP, "tls", None, f"none is needed to {host}, which is this machine")
    hint = "use https://, with a certificate at the relay or at a proxy before it"
    return Check(HOP, "tls", True, "none: webhooks and the token pass in the clear", hint)


# What the relay says.


async def _greeted(subject: Subject, tell: Tell) -> float | None:
    """Tell what the relay says; how many seconds its clock is ahead, None where it says nothing."""
    try:
        dialler = dialler_of(subject.settings)
        seen = await glimpse(dialler, subject.clock)
    except LostError as error:
        hint = "see that a proxy before the relay passes websockets on"
        tell(Check(HOP, "hello", False, error.reason, hint))
        return None
    except InspectorError as error:
        tell(Check(HOP, "hello", False, error.message, error.hint))
        return None
    hello = seen.hello
    told = f"after {seen.ms:.1f} ms, for endpoint {one_line(hello.endpoint, 64)} (ack {hello.ack})"
    value = {"ms": round(seen.ms, 2), "endpoint": hello.endpoint, "ack": hello.ack}
    tell(Check(HOP, "hello", True, told, value=value))
    tell(_version(hello.version))
    if seen.team is not None:
        own = dialler.consumer
        members = seen.team.members
        tell(_consumer(own, members, running=holder(subject.files.lock) is not None))
        tell(_primary(own, members, seen.team.more))
    # It was said half of the way there and back ago, at most.
    return (hello.now - seen.at) / 1_000_000


def _version(theirs: str) -> Check:
    shown = one_line(theirs, 32)
    if theirs == __version__:
        return Check(HOP, "version", True, f"inspector {shown}, as here", value=theirs)
    told = f"inspector {shown}; here it is {__version__}"
    hint = "they understand each other; the older one lacks what is new"
    return Check(HOP, "version", True, told, hint, theirs)


def _consumer(own: str, members: Sequence[Member], *, running: bool) -> Check:
    """The check on the name that a listener of these settings would take."""
    there = next((each for each in members if each.consumer == own), None)
    if there is None:
        return Check(HOP, "consumer", True, f"{own} is free", value={"name": own, "taken": False})
    told = f"{own} is attached since {iso(there.since)[:19]}Z"
    hint = ""
    if not running:
        hint = "not from this store: take another --consumer NAME, or its place with --take-over"
    return Check(HOP, "consumer", True, told, hint, {"name": own, "taken": True})


def _primary(own: str, members: Sequence[Member], more: int) -> Check:
    count = len(members) + more
    name = next((each.consumer for each in members if each.primary), None)
    value = {"primary": name, "attached": count}
    if name is None:
        return Check(HOP, "team", True, "nobody is attached", value=value)
    whose = "yours" if name == own else f"that of {one_line(name, 40)}"
    return Check(HOP, "team", True, f"{count} attached, the app that answers is {whose}", "", value)
