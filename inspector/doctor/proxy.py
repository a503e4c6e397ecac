"""Who stands in between: proxies that this machine is told of, and what is before the relay."""

from collections.abc import Mapping

from inspector.doctor.model import Check, Subject, Tell
from inspector.doctor.visit import Sighting, visiting
from inspector.domain.attempt import Response
from inspector.domain.delivery import Request
from inspector.domain.fidelity import OF_PROXIES
from inspector.domain.forwarded import address_of, sender_of
from inspector.domain.headers import first
from inspector.domain.plaintext import one_line
from inspector.domain.torture import Case
from inspector.errors import InspectorError
from inspector.tunnelling import dialler_of

HOP = "proxy"
NONE_USED = "the tunnel goes straight to the relay and uses no proxy"
_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_SECONDS = 10.0
# By these a proxy shows itself in an answer of the relay's, which has none of them.
_IN_ANSWERS = ("server", "via", "x-served-by", "x-cache", "cf-ray", "x-amz-cf-id")
# What else those of hosting companies put to a request.
_IN_REQUESTS = (
    "x-forwarded-", "x-correlation-id", "x-request-start", "x-amzn-", "x-envoy-", "x-cloud-trace-",
    "traceparent", "tracestate", "cf-", "cdn-loop", "true-client-ip", "fly-", "x-vercel-",
    "x-azure-",
)  # fmt: skip
_BODY = b'{"event":"inspector.doctor"}'


def set_here(environment: Mapping[str, str]) -> list[str]:
    """The variables that name a proxy; their values may hold a password."""
    return [name for name in environment if name.upper() in _VARIABLES and environment[name]]


def added_by_proxies(name: str) -> bool:
    """Whether a header of this name, in lower case, is one that proxies add."""
    return name in OF_PROXIES or name.startswith(_IN_REQUESTS)


async def look(subject: Subject, tell: Tell) -> None:
    tell(_environment(set_here(subject.environment)))
    if not subject.settings.relay:
        tell(Check(HOP, "relay", None, "no relay is set"))
        return
    try:
        async with visiting(dialler_of(subject.settings)) as visit:
            await visit.open()
            sighting = await visit.send(_plain(visit.host), _SECONDS)
    except InspectorError as error:
        tell(Check(HOP, "relay", None, f"not examined: {error.message}", error.hint))
        return
    tell(_before(sighting))
    if (check := sender(sighting)) is not None:
        tell(check)


def _plain(host: str) -> Case:
    headers = (("Host", host), ("Content-Type", "application/json"))
    framed = (*headers, ("Content-Length", str(len(_BODY))))
    return Case("plain", "", Request("POST", "/hooks", "1.1", framed, _BODY))


def _environment(named: list[str]) -> Check:
    if not named:
        return Check(HOP, "environment", True, "names none", value=[])
    are = "are" if len(named) > 1 else "is"
    told = f"{' and '.join(named)} {are} set; {NONE_USED}"
    return Check(HOP, "environment", True, told, value=named)


def _before(sighting: Sighting) -> Check:
    """The check on what shows itself before the relay."""
    outcome, seen = sighting.outcome, sighting.seen
    shown: dict[str, str] = {}
    if isinstance(outcome, Response):
        shown = {name: text for name in _IN_ANSWERS if (text := first(outcome.headers, name))}
    if seen is None or seen.arrived is None:
        why = f"answered {outcome.status}" if isinstance(outcome, Response) else outcome.reason
        by = f" by {one_line(shown['server'], 40)}" if "server" in shown else ""
        told = f"a plain POST does not come to the relay: {why}{by}"
        hint = "see that what is before the relay passes everything under /in/ on to it"
        return Check(HOP, "relay", False, told, hint, {"answers": shown, "requests": {}})
    added = [pair for pair in seen.arrived.headers if added_by_proxies(pair[0].lower())]
    value = {"answers": shown, "requests": dict(added)}
    if not added and not shown:
        return Check(HOP, "relay", True, "nothing before it that shows itself", value=value)
    who = one_line(shown.get("server") or shown.get("via") or "a proxy", 40)
    names = ", ".join(one_line(name, 40) for name, _ in added) or "nothing"
    return Check(HOP, "relay", True, f"{who} is before it, and adds {names}", value=value)


def sender(sighting: Sighting) -> Check | None:
    """The check on whom the relay takes for the sender, where a proxy says who that is."""
    if sighting.seen is None or sighting.seen.arrived is None:
        return None
    headers = sighting.seen.arrived.headers
    if first(headers, "x-forwarded-for") is None:
        return None
    said, remote = sender_of(headers, ""), sighting.seen.parcel.remote
    noted = one_line(remote, 60)
    # What the relay has seen by itself has a port, and an IPv6 address no brackets.
    seen = address_of(remote.rpartition(":")[0])
    if said and (said == remote or address_of(said) == seen):
        return Check(HOP, "sender", True, f"noted as {noted}, as the proxy says", value=noted)
    told = f"noted as {noted}, which is the proxy"
    hint = "start `inspector relay` with --trust-proxy, if nobody can get past the proxy"
    return Check(HOP, "sender", True, told, hint, noted)
