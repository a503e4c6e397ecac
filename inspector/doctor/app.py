"""The app at TARGET: an echo is compared byte for byte, another is judged by its answers."""

import secrets

from inspector.doctor.apart import apart
from inspector.doctor.echo import heard
from inspector.doctor.model import Check, Fidelity, Stage, Subject, Tell
from inspector.doctor.proxy import added_by_proxies
from inspector.doctor.ways import answered, likely
from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.delivery import Request
from inspector.domain.fidelity import Arrived, differences, unjudged_at_the_app
from inspector.domain.headers import replaced
from inspector.domain.plaintext import one_line
from inspector.domain.routes import Target, parse_header, request_target
from inspector.domain.torture import Case, torture_set
from inspector.errors import ConfigurationError
from inspector.forward.message import ours
from inspector.forward.target import Sent, TargetClient
from inspector.providers.pacspace import PACSPACE
from inspector.store.secrets import Secrets

_HOP, _STAGE = "target", "app"
# A proxy may frame a body in its own way; the body itself is compared.
_FRAMING = {"content-length"}
_EVENT = "delta.verified"
_ANSWER_SECONDS = 30.0
_KEYRING_SECONDS = 5.0
_ECHO = "`inspector doctor --echo PORT` in the app's place shows what comes there"


async def look(subject: Subject, tell: Tell) -> None:
    """Send the app webhooks as a listener would forward them; it stores what it stores of any."""
    if subject.target is None:
        told = "none given: `inspector doctor 3000` examines your app, too"
        tell(Check(_HOP, "answer", None, told))
        return
    app = App(subject, subject.target, await _secret(subject))
    try:
        cases = torture_set(sample(subject.clock()))
        sent = await app.send(cases[0])
        if isinstance(sent.outcome, Response) and heard(sent.outcome) is not None:
            await compared(app, cases, sent, subject, tell)
        else:
            await judged(app, cases, sent, subject, tell)
    finally:
        await app.close()


def sample(at: int) -> Request:
    """The event of all of them, which is one that apps know: its headers and its body."""
    made = PACSPACE.sample(_EVENT, at=at, event_id="evt_doctor")
    kept = tuple(pair for pair in made.headers if pair[0].lower() != "content-length")
    return made._replace(headers=kept)


async def _secret(subject: Subject) -> str | None:
    """What signs: the first secret in force, as for a listener."""
    given = subject.settings.secrets()
    try:
        found = await apart(lambda: Secrets.of(subject.files, given)(), _KEYRING_SECONDS)
    except (ConfigurationError, TimeoutError):
        found = tuple(given)
    return found[0] if found else None


class App:
    """The way to the app, as a listener with these settings goes it; counts what it sends."""

    def __init__(self, subject: Subject, target: Target, secret: str | None) -> None:
        settings = subject.settings
        overrides = tuple(map(parse_header, settings.header))
        self.target = target
        self.secret = secret
        self.sent = 0
        self.unjudged = {name.lower() for name, _ in overrides}
        self._clock = subject.clock
        self._timeout = min(settings.timeout or _ANSWER_SECONDS, _ANSWER_SECONDS)
        self._run = secrets.token_hex(4)
        self._client = TargetClient(
            target,
            insecure=settings.insecure,
            keep_host=settings.keep_host,
            overrides=overrides,
        )

    @property
    def event_ids(self) -> str:
        """What the ids of everything that was sent begin with."""
        return f"evt_doctor_{self._run}_"

    def signed(
        self, case: Case, *, over: bytes | None = None, secret: str | None = None
    ) -> Request:
        """A case with an event id of its own, signed if a secret is known; `over` other bytes."""
        self.sent += 1
        number = [("X-Event-ID", f"{self.event_ids}{self.sent}")]
        request = case.request._replace(headers=replaced(case.request.headers, number))
        if (key := secret or self.secret) is None:
            return request
        body = request.body if over is None else over
        made = PACSPACE.sign(request._replace(body=body), key, self._clock())
        return made._replace(body=request.body)

    async def send(self, case: Case) -> Sent:
        return await self.pass_on(self.signed(case))

    async def pass_on(self, request: Request) -> Sent:
        """As a listener passes it on."""
        return await self._client.send(request, timeout=self._timeout, extra=ours(self.sent, 1))

    async def close(self) -> None:
        await self._client.close()


# An echo.


async def compared(
    app: App, cases: tuple[Case, ...], first: Sent, subject: Subject, tell: Tell
) -> None:
    """Tell of each case what an echo at the target saw of it."""
    told = f"an echo of inspector's at {app.target.url}, in {first.duration_ms:.0f} ms"
    tell(Check(_HOP, "answer", True, told, value={"ms": round(first.duration_ms, 1)}))
    added: set[str] = set()
    for number, case in enumerate(cases, 1):
        subject.progress("sending to the target:", number, len(cases))
        request = app.signed(case)
        sent = await app.pass_on(request)
        arrived = heard(sent.outcome) if isinstance(sent.outcome, Response) else None
        if arrived is None:
            differs = [f"{answered(sent.outcome)}, before the echo{likely(sent.outcome)}"]
        else:
            added |= _added(request, arrived)
            due = request._replace(target=request_target(app.target, request.target))
            unjudged = app.unjudged | added | unjudged_at_the_app(request) | _FRAMING
            differs = differences(due, arrived, unjudged)
        stages = {_STAGE: Stage(not differs, tuple(differs))}
        tell(Fidelity(_HOP, case.name, case.tries, stages))
    if added:
        told = f"before it adds {', '.join(sorted(added))}"
        tell(Check(_HOP, "proxy", True, told, value=sorted(added)))


def _added(request: Request, arrived: Arrived) -> set[str]:
    """The headers, in lower case, that a proxy put to it, as proxies do; nobody signs them."""
    own = {name.lower() for name, _ in request.headers}
    found = {one_line(name.lower(), 60) for name, _ in arrived.headers}
    return {name for name in found - own if added_by_proxies(name)}


# Another app.


async def judged(
    app: App, cases: tuple[Case, ...], first: Sent, subject: Subject, tell: Tell
) -> None:
    """Tell what the app answers to events that it should take like any other."""
    tell(_answer(app, first))
    if not _accepted(first.outcome):
        tell(Check(_HOP, "gzip", None, "not tried, since the plain event is not accepted"))
        return
    # Passed on with its length, a chunked one is none any more.
    events = [case for case in cases[1:] if case.event and not case.chunked]
    total = len(events) + 2
    subject.progress("sending to the target:", 1, total)
    tell(await _wrongly_signed(app, cases[0]))
    for number, case in enumerate(events, 2):
        subject.progress("sending to the target:", number, total)
        if case.name == "gzip":
            tell(await _gzip(app, case, cases[0].request.body))
        else:
            sent = await app.send(case)
            tell(_alike(case, sent.outcome))
    told = f"{app.sent} webhooks, with the event ids {app.event_ids}*"
    tell(Check(_HOP, "sent", True, told, value={"count": app.sent, "event_ids": app.event_ids}))


def _accepted(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) and 200 <= outcome.status < 300


def _answer(app: App, sent: Sent) -> Check:
    """The check on the plain event."""
    outcome = sent.outcome
    signed = "signed" if app.secret else "unsigned"
    if isinstance(outcome, Failure):
        hint = f"start the app, or see what it does; {_ECHO}"
        if outcome.kind is FailureKind.TLS:
            hint = "name the scheme that it speaks, or skip the check with --insecure"
        return Check(_HOP, "answer", False, outcome.reason, hint)
    ms = sent.duration_ms
    value = {"status": outcome.status, "ms": round(ms, 1), "signed": app.secret is not None}
    told = f"{outcome.status} in {ms:.0f} ms to a {_EVENT}, {signed}"
    if _accepted(outcome):
        return Check(_HOP, "answer", True, told, value=value)
    if app.secret is None and outcome.status in (400, 401, 403):
        hint = "give the app's secret with --secret or INSPECTOR_SECRET, so that they are signed"
        return Check(_HOP, "answer", None, told, hint, value)
    return Check(_HOP, "answer", False, told, _advice(outcome.status), value)


def _advice(status: int) -> str:
    if status in (401, 403):
        return "the app may know another secret: give its own with --secret; and compare the clocks"
    if status in (404, 405):
        return "name the path of its handler, as in http://localhost:3000/webhooks"
    if 300 <= status < 400:
        return "a listener follows no redirect: name the place that it leads to"
    if status >= 500:
        return "see the app's own log for what went wrong"
    return "see why the app refuses it"


async def _wrongly_signed(app: App, case: Case) -> Check:
    """The check on whether the app verifies at all; an app that does not proves nothing else."""
    name = "signature"
    if app.secret is None:
        return Check(_HOP, name, None, "not tried, since no secret is known")
    request = app.signed(case, secret=f"whsec_wrong_{secrets.token_hex(8)}")
    outcome = (await app.pass_on(request)).outcome
    if _accepted(outcome):
        hint = "anybody can send it events: verify before acting on one"
        return Check(_HOP, name, True, "a wrong one is accepted, too", hint)
    return Check(_HOP, name, True, f"a wrong one is refused: {_said(outcome)}")


async def _gzip(app: App, case: Case, unpacked: bytes) -> Check:
    """The check on whether the bytes that were signed are those that are verified."""
    outcome = (await app.send(case)).outcome
    if _accepted(outcome):
        told = f"{_said(outcome)}, signed over the compressed bytes"
        return Check(_HOP, case.name, True, told)
    if app.secret is None:
        return Check(_HOP, case.name, None, f"{_said(outcome)}; no secret is known to find out why")
    other = (await app.pass_on(app.signed(case, over=unpacked))).outcome
    if _accepted(other):
        told = (
            f"{_said(outcome)} to a body signed as it was sent, {_said(other)} to one signed over "
            "its decompressed bytes: it is decompressed before its signature is verified"
        )
        hint = (
            "verify over the raw body (aiohttp: auto_decompress=False), or switch it off in the "
            f"proxy before the app; {_ECHO}"
        )
        value = {"decompresses": True}
        return Check(_HOP, case.name, False, told, hint, value)
    hint = "the app reads no compressed bodies, which is well, if your provider sends none"
    return Check(_HOP, case.name, True, f"{_said(outcome)}, whatever is signed", hint)


def _alike(case: Case, outcome: Outcome) -> Check:
    """A warning where the app takes the plain event and not this one."""
    if _accepted(outcome):
        return Check(_HOP, case.name, True, f"{_said(outcome)}: {case.tries}")
    hint = "which is well, if your provider sends none such"
    return Check(_HOP, case.name, True, f"{_said(outcome)}: {case.tries}", hint)


def _said(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, Failure) else str(outcome.status)
