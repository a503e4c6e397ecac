"""The relay's certificate: who made it, for whom, and until when, trusted here or not."""

import asyncio
import socket
import ssl
from time import perf_counter
from typing import Any, NamedTuple

from inspector.doctor.model import Check
from inspector.domain.certificate import Certificate, is_for, read_certificate
from inspector.domain.delivery import iso
from inspector.domain.plaintext import one_line
from inspector.errors import InspectorError
from inspector.tunnel.address import RelayAddress
from inspector.tunnel.connecting import why_not

HOP = "certificate"
_SECONDS = 10.0
_DAY = 86_400_000_000
# Most are renewed a month before their end: at two weeks somebody has to look.
_SOON_DAYS = 14
_RENEW = "renew it at the proxy, or as --tls-cert of the relay, which sees that it is another"
_WHOLE_CHAIN = "; or --tls-cert at the relay lacks the intermediate certificates (fullchain.pem)"
# OpenSSL's codes for what has nothing to do with who made it: validity, host and address.
_NOT_OF_ITS_ISSUER = (9, 10, 62, 64)
# An issuer that is not at hand.
_INCOMPLETE = (20, 21)


class Shaken(NamedTuple):
    """A handshake: how long it took and what was agreed on, or why there is none; and the server's
    certificate in either case, if it gave one."""

    ms: float
    version: str
    error: Exception | None
    der: bytes


async def shake_hands(where: Any, host: str, context: ssl.SSLContext) -> Shaken:
    """Agree on TLS with the server at a socket's address, as any consumer does."""
    first = await _once(where, host, context)
    if isinstance(first.error, ssl.SSLCertVerificationError):
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        return first._replace(der=(await _once(where, host, blind)).der)
    return first


async def _once(where: Any, host: str, context: ssl.SSLContext) -> Shaken:
    sock = socket.socket(socket.AF_INET6 if len(where) > 2 else socket.AF_INET)
    begun = perf_counter()
    try:
        async with asyncio.timeout(_SECONDS):
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, where)
            begun = perf_counter()
            _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host)
    except (OSError, EOFError, TimeoutError) as error:
        sock.close()
        return Shaken((perf_counter() - begun) * 1000, "", error, b"")
    ms = (perf_counter() - begun) * 1000
    found = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return Shaken(ms, found.version() or "", None, found.getpeercert(True) or b"")


def judged(shaken: Shaken, address: RelayAddress, host: str, now: int) -> list[Check]:
    """The checks on a certificate, as it is at that time."""
    try:
        certificate = read_certificate(shaken.der)
    except ValueError:
        told = "the relay shows none that can be read"
        return [Check(HOP, "issuer", None, told)]
    own = [_host(certificate, host), _validity(certificate, now)]
    error = shaken.error
    if isinstance(error, ssl.SSLCertVerificationError) and not all(check.ok for check in own):
        # Of several faults only one is told to us; where it is one of these, the others hold.
        error = None if error.verify_code in _NOT_OF_ITS_ISSUER else error
    return [_issuer(error, certificate, address), *own]


def _issuer(error: Exception | None, certificate: Certificate, address: RelayAddress) -> Check:
    made = "made by itself" if certificate.self_issued else f"made by {_bare(certificate.issuer)}"
    value = certificate.issuer
    if error is not None:
        code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
        told, hint = _why(error, address)
        more = _WHOLE_CHAIN if code in _INCOMPLETE and not certificate.self_issued else ""
        return Check(HOP, "issuer", False, f"{told} ({made})", hint + more, value)
    return Check(HOP, "issuer", True, f"{made}, trusted here", value=value)


def _host(certificate: Certificate, host: str) -> Check:
    shown = ", ".join(map(_bare, certificate.names[:4])) or "no host at all"
    names = [*certificate.names]
    if is_for(certificate, host):
        return Check(HOP, "host", True, f"for {shown}", value=names)
    hint = "use the host name that the certificate is made for, or get one for this one"
    return Check(HOP, "host", False, f"{host} is another host: it is for {shown}", hint, names)


def _validity(certificate: Certificate, now: int) -> Check:
    begins, ends = certificate.begins, certificate.ends
    left = (ends - now) / _DAY
    value = {"from": iso(begins), "until": iso(ends), "days_left": round(left, 1)}
    if now < begins:
        told = f"it is not yet valid: from {_date(begins)} on"
        return Check(HOP, "validity", False, told, "is this machine's clock right?", value)
    if now > ends:
        told = f"it has expired {_days(-left)} ago, on {_date(ends)}"
        return Check(HOP, "validity", False, told, _RENEW, value)
    hint = _RENEW if left < _SOON_DAYS else ""
    return Check(HOP, "validity", True, f"{_days(left)} left, until {_date(ends)}", hint, value)


def _why(error: Exception, address: RelayAddress) -> tuple[str, str]:
    told = why_not(error, address.origin)
    if isinstance(told, InspectorError):
        return told.message, told.hint
    return told.reason, ""


def _date(at: int) -> str:
    return iso(at)[:10]


def _days(number: float) -> str:
    if number < 2:
        return f"{number * 24:.0f} hours"
    return f"{number:.0f} days"


def _bare(text: str) -> str:
    return one_line(text, 60)
