"""The torture set on the real way: to a listener, into its journal, on to an app of the doctor's.

The listener is one of its own, with a store that is thrown away: nothing comes to the user's.
"""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from inspector.doctor.echo import Echo
from inspector.doctor.living import Living
from inspector.doctor.model import Check, Fidelity, Stage, Subject, Tell
from inspector.doctor.relayed import relayed
from inspector.doctor.ways import SECONDS, Direct, Way
from inspector.domain.delivery import Request
from inspector.domain.envelope import Verdict
from inspector.domain.fidelity import Arrived, differences, unjudged_at_the_app
from inspector.domain.headers import first, replaced
from inspector.domain.torture import LARGE, Case, torture_set
from inspector.errors import ConfigurationError, InspectorError
from inspector.forward.message import DELIVERY_HEADER
from inspector.providers.pacspace import PACSPACE
from inspector.runtime import Runtime
from inspector.settings import Settings
from inspector.tunnelling import dialler_of

JOURNAL, APP = "journal", "app"
_HOP = "fidelity"
_HOST = "127.0.0.1"
# How long a stored delivery may take to the app.
_ARRIVAL_SECONDS = 20.0
# What stopping may take: when it is due, and when somebody waits for us to end.
_CLOSE_SECONDS = 10.0
_HURRY_SECONDS = 0.2
# Requests at the app that nobody has asked for yet.
_HELD = 4
_PLAIN = Request(
    "POST",
    "/",
    "1.1",
    (("Content-Type", "application/json"), ("X-Webhook-Event", "inspector.doctor")),
    b'{"event":"inspector.doctor","data":{"note":"caf\xc3\xa9"}}',
)


async def look(subject: Subject, tell: Tell) -> None:
    """Send the set round, and tell of each request what every place saw of it."""
    if subject.settings.relay and await _through_relay(subject, tell):
        return
    async with opened(Direct(), subject) as trip:
        await sent_round(trip, torture_set(_PLAIN), subject, tell)


async def _through_relay(subject: Subject, tell: Tell) -> bool:
    """Whether the set could be sent that way, whatever came of it."""
    begun = False
    try:
        async with relayed(dialler_of(subject.settings)) as way, opened(way, subject) as trip:
            begun = True
            await sent_round(trip, torture_set(_PLAIN), subject, tell)
    except InspectorError as error:
        # What cannot be begun is another hop's fault, or nobody's.
        what = "broken off" if begun else "not sent through the relay"
        ok = False if begun else None
        tell(Check(_HOP, "relay", ok, f"{what}: {error.message}", error.hint))
    return begun


class Trip:
    """A listener of the doctor's own with an app behind it, and the way to it."""

    def __init__(self, way: Way, subject: Subject) -> None:
        self._way = way
        self._clock = subject.clock
        self._secret = f"whsec_doctor_{secrets.token_hex(16)}"
        self._echo = Echo(self._hear, kept=2 * LARGE)
        self._arrived: dict[int, Arrived] = {}
        self._news = asyncio.Event()
        self._living: Living | None = None
        # Of the signature at the app, by case.
        self.verdicts: dict[str, Verdict] = {}

    async def open(self, folder: Path) -> None:
        """Start all of it, the store in that folder; raises `InspectorError`."""
        await self._echo.start(_HOST, 0)
        own = {
            "db": folder / "doctor.db",
            "host": _HOST,
            "port": 0,
            "forward_to": [f"http://{_HOST}:{self._echo.port}"],
            "secret": [self._secret],
            "timeout": SECONDS,
            "retry": 0.0,
        }
        self._living = Living(Runtime(Settings.model_validate({**own, **self._way.settings()})))
        await self._living.start()
        await self._way.open(self._living.runtime)

    def stop_app(self) -> None:
        """From now on nothing comes to the app."""
        self._echo.stop()

    async def close(self, patience: float) -> None:
        """Stop it, within about so many seconds; may be called again."""
        self.stop_app()
        if self._living is not None:
            await self._living.stop(patience)

    async def send(self, case: Case) -> dict[str, Stage]:
        """What each stage saw of a case, the stages in the order of the way."""
        whole = case.request
        if self._way.host:
            headers = replaced(whole.headers, [("Host", self._way.host)])
            whole = whole._replace(headers=headers)
        request = PACSPACE.sign(whole, self._secret, self._clock())
        passage = await self._way.send(case._replace(request=request))
        seen, stopped = dict(passage.seen), passage.stopped
        if passage.delivery is not None:
            stopped = await self._follow(passage.delivery, seen)
        if (app := seen.get(APP)) is not None:
            self.verdicts[case.name] = self._verdict(app)
        return dict(self._stages(request, seen, stopped))

    def checks(self) -> list[Check]:
        """What its way tells besides."""
        return self._way.checks()

    async def _follow(self, delivery: int, seen: dict[str, Arrived]) -> str:
        """Add what the journal and the app have of a delivery; why one of them has nothing."""
        assert self._living is not None
        stored = await self._living.runtime.load(delivery)
        if stored is None:
            return f"it was stored as {delivery}, and is not there"
        seen[JOURNAL] = Arrived.of(stored)
        try:
            async with asyncio.timeout(_ARRIVAL_SECONDS):
                while (arrived := self._arrived.pop(delivery, None)) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return f"it did not come within {_ARRIVAL_SECONDS:g} s"
        seen[APP] = arrived
        return ""

    def _hear(self, arrived: Arrived) -> None:
        number = first(arrived.headers, DELIVERY_HEADER) or ""
        if number.isdigit():
            self._arrived[int(number)] = arrived
            while len(self._arrived) > _HELD:
                del self._arrived[next(iter(self._arrived))]
            self._news.set()

    def _verdict(self, app: Arrived) -> Verdict:
        request = Request(app.method, app.target, "1.1", app.headers, app.body or b"")
        return PACSPACE.verify(request, [self._secret], self._clock()).verdict

    def _stages(
        self, sent: Request, seen: dict[str, Arrived], stopped: str
    ) -> Iterator[tuple[str, Stage]]:
        for name in (*self._way.stages, JOURNAL, APP):
            if name in seen:
                unjudged = self._way.unjudged
                if name == APP:
                    unjudged = unjudged | unjudged_at_the_app(sent)
                differs = tuple(differences(sent, seen[name], unjudged))
                yield name, Stage(not differs, differs)
            else:
                # The first that did not see it says why; those behind it could not.
                yield name, Stage(False, (stopped,)) if stopped else Stage(None)
                stopped = ""


@asynccontextmanager
async def opened(way: Way, subject: Subject) -> AsyncIterator[Trip]:
    """A trip that can be made; its store is gone afterwards, however that comes."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="inspector-doctor-"))
    except OSError as error:
        raise ConfigurationError(
            f"there is no place for a temporary store: {error.strerror or error}",
            "name one with the variable TMPDIR",
        ) from error
    trip = Trip(way, subject)
    try:
        await trip.open(folder)
        yield trip
        await trip.close(_CLOSE_SECONDS)
    finally:
        await trip.close(_HURRY_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


async def sent_round(trip: Trip, cases: Sequence[Case], subject: Subject, tell: Tell) -> None:
    """Send the cases one after the other, and tell of each; then how long they took."""
    times: list[float] = []
    for number, case in enumerate(cases, 1):
        subject.progress("sending the torture set:", number, len(cases))
        begun = perf_counter()
        stages = await trip.send(case)
        times.append((perf_counter() - begun) * 1000)
        tell(Fidelity(_HOP, case.name, case.tries, stages))
    tell(_signatures(trip.verdicts))
    for check in trip.checks():
        tell(check)
    p50, last = median(times), times[-1]
    told = f"{p50:.0f} ms from the sender to the app; {cases[-1].name} in {last / 1000:.1f} s"
    tell(Check(_HOP, "way", True, told, value={"p50_ms": round(p50, 1), "large_ms": round(last)}))


def _signatures(verdicts: dict[str, Verdict]) -> Check:
    """The check on what each signature was worth at the app."""
    lost = [name for name, verdict in verdicts.items() if verdict is not Verdict.VALID]
    value = {"valid": len(verdicts) - len(lost), "arrived": len(verdicts)}
    if not verdicts:
        return Check(_HOP, "signatures", None, "nothing came to the app", value=value)
    if lost:
        told = f"not valid any more at the app: {', '.join(lost)}"
        hint = "see above what became of their bodies"
        return Check(_HOP, "signatures", False, told, hint, value)
    return Check(_HOP, "signatures", True, f"all {len(verdicts)} valid at the app", value=value)
