"""The clock: a signature's timestamp holds for five minutes, by the clock that checks it."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from inspector.doctor.model import Check, Subject, Tell
from inspector.domain.attempt import Failure
from inspector.domain.delivery import Request
from inspector.domain.headers import first
from inspector.domain.routes import Target
from inspector.forward.target import TargetClient

_HOP = "clock"
_SECONDS = 5.0
# What a clock may be wrong without anybody's noticing, and from where on no signature holds.
_NOTICED = 5.0
_TOO_FAR = 300.0


async def look(subject: Subject, tell: Tell) -> None:
    if subject.target is None and subject.settings.relay:
        return  # the relay's own is told of with it
    if subject.target is None:
        told = "nothing to compare it with: name a TARGET, or a relay"
        tell(Check(_HOP, "target", None, told))
        return
    tell(await of_target(subject.target, subject))


async def of_target(target: Target, subject: Subject) -> Check:
    """The check on the clock of an app, by the date of its answer to a HEAD."""
    client = TargetClient(target, insecure=subject.settings.insecure)
    request = Request("HEAD", "/", "1.1", (), b"")
    before = subject.clock()
    try:
        sent = await client.send(request, timeout=_SECONDS)
    finally:
        await client.close()
    after = subject.clock()
    if isinstance(sent.outcome, Failure):
        return Check(_HOP, "target", None, sent.outcome.reason)
    try:
        moment = parsedate_to_datetime(first(sent.outcome.headers, "date") or "")
        # `-0000` is UTC of nobody's zone, and parsed as of none.
        theirs = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return Check(_HOP, "target", None, "the target does not say what time it is")
    # Its date is of some moment between both, and is cut to whole seconds.
    early, late = theirs - after / 1e6, theirs + 1 - before / 1e6
    skew = early if early > 0 else late if late < 0 else 0.0
    return judged("target", skew)


def judged(whose: str, skew: float) -> Check:
    """The check on a clock that is so many seconds ahead of ours, or behind where it is below 0."""
    value = {"skew_seconds": round(skew, 3)}
    if abs(skew) < 1:
        exact = f", but for {abs(skew) * 1000:.0f} ms" if abs(skew) >= 0.001 else ""
        return Check(_HOP, whose, True, f"the same as here{exact}", value=value)
    told = f"{_duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} the one here"
    hint = ""
    if abs(skew) >= _NOTICED:
        hint = "set both by NTP: signatures hold for 5 min, by the clock that checks them"
    return Check(_HOP, whose, abs(skew) <= _TOO_FAR, told, hint, value)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
