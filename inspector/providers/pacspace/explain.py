"""The whole of what can be said of a signature: each thing that was checked, and what was tried."""

from collections.abc import Iterator, Sequence

from inspector.domain.envelope import Check, Signature, Verdict
from inspector.providers import rewritten
from inspector.providers.pacspace import guesses
from inspector.providers.pacspace.decode import EVENT, EVENT_HEADER, EVENT_ID, ID_HEADER
from inspector.providers.pacspace.form import claims, digests, flaw
from inspector.providers.pacspace.signature import (
    MILLISECONDS_FROM,
    SIGNATURE,
    SIGNATURE_HEADER,
    TIMESTAMP,
    TOLERANCE,
    age_text,
    bad_timestamp,
    matching,
    numbered,
    seconds,
    signature_value,
    verify,
)
from inspector.providers.parts import Parts, scalar_text, shown

_END = "explanation"
_UNSIGNED = (
    "PacSpace signs every delivery: this came from somebody else, or the header was taken away."
)
_STRANGER = (
    "Nothing known explains the value sent: it was signed with a secret that is not known here, or"
    " the body or the timestamp was changed on the way."
)


def explain(parts: Parts, secrets: Sequence[str], at: int) -> tuple[Check, ...]:
    """The checks in order, as `Provider.explain` says. The last one is named `explanation`."""
    signature = parts.headers.get(SIGNATURE, "")
    verdict = verify(parts, secrets, at)
    if verdict.verdict is Verdict.UNSIGNED:
        return _header(parts, signature), Check(_END, None, _UNSIGNED)
    timestamp = parts.headers.get(TIMESTAMP, "")
    moment = seconds(timestamp)
    keys = numbered(secrets)
    checks = [
        _header(parts, signature),
        _form(signature),
        *_time(timestamp, moment, at),
        *_secrets(parts, signature, timestamp, secrets, comparable=moment is not None),
    ]
    if verdict.verdict is not Verdict.INVALID:
        return (*checks, _conclusion(verdict))
    if moment is None:
        return (*checks, Check(_END, False, verdict.reason))
    tried = list(_mistakes(parts, signature, timestamp.encode(), keys, len(secrets)))
    other = _other_event(parts)
    return (*checks, *tried, other, _cause(tried, other, signature))


def _header(parts: Parts, signature: str) -> Check:
    count = parts.repeats(SIGNATURE)
    if not count:
        return Check("header", False, f"{SIGNATURE_HEADER} is missing.")
    if not signature:
        return Check("header", False, f"{SIGNATURE_HEADER} is empty.")
    if count > 1:
        said = f"{SIGNATURE_HEADER} was sent {count} times; the first counts, as in the SDK."
        return Check("header", True, said)
    return Check("header", True, f"{SIGNATURE_HEADER} is there.")


def _form(signature: str) -> Check:
    if wrong := flaw(signature):
        said = f"It is {wrong}; v1= and lower-case hex are expected."
        return Check("form", False, said)
    sent = len(claims(signature))
    parts = signature.count(",") + 1
    if sent == 1 and parts == 1:
        return Check("form", True, "One value: v1= and lower-case hex.")
    values = "one value" if sent == 1 else f"{sent} values"
    said = f"{values} after v1= of {parts} parts" if sent < parts else f"{values} after v1="
    if sent == parts == 2:
        said += ", as for 24 hours after a rotation: the current secret's, then the previous one's"
    return Check("form", True, f"{said[0].upper()}{said[1:]}; any one may match.")


def _time(timestamp: str, moment: int | None, at: int) -> Iterator[Check]:
    if moment is None:
        yield Check("timestamp", False, bad_timestamp(timestamp))
        yield Check("age", None, "Not known without a timestamp.")
        return
    # The header was read by now, so that its digits are not too many.
    unit = "milliseconds" if abs(int(timestamp)) >= MILLISECONDS_FROM else "seconds"
    yield Check("timestamp", True, f"{shown(timestamp)} is read as Unix {unit}.")
    age = at // 1_000_000 - moment
    said = f"The timestamp was {age_text(age)} at capture; {TOLERANCE} s are allowed."
    yield Check("age", abs(age) <= TOLERANCE, said)


def _secrets(
    parts: Parts, signature: str, timestamp: str, secrets: Sequence[str], *, comparable: bool
) -> Iterator[Check]:
    """Each secret by its number: whether it makes one of the values sent."""
    stamp = timestamp.encode("latin-1", "replace")
    sent = claims(signature)
    keys = dict(numbered(secrets))
    if not keys:
        said = "None is known: give it with --secret or INSPECTOR_SECRET."
        yield Check("secret", None, said)
    for number in range(1, len(secrets) + 1) if keys else ():
        name = "secret" if len(secrets) == 1 else f"secret {number} of {len(secrets)}"
        if number not in keys:
            yield Check(name, None, "It is empty and not tried.")
            continue
        place = matching(sent, signature_value(keys[number], stamp, parts.request.body))
        if not comparable:
            right = "would match" if place else "would not match either"
            yield Check(name, None, f"Not compared without a readable timestamp; it {right}.")
        elif place:
            yield Check(name, True, _which(place, len(sent)))
        else:
            yield Check(name, False, "It makes another value than the one sent.")


def _which(place: int, values: int) -> str:
    if values == 1:
        return "It makes the value sent."
    said = f"It makes value {place} of {values}"
    if values == 2 and place == 2:
        return f"{said}, the previous secret's in a rotation: put the new one in within 24 hours."
    return f"{said}."


def _conclusion(verdict: Signature) -> Check:
    ok = {Verdict.VALID: True, Verdict.STALE: False}.get(verdict.verdict)
    return Check(_END, ok, verdict.reason)


def _mistakes(
    parts: Parts, signature: str, timestamp: bytes, keys: guesses.Keys, secrets: int
) -> Iterator[Check]:
    """Every known mistake, whether it was ruled out, and which it was."""
    sent, wrong = list(digests(signature)), flaw(signature)
    found = guesses.found(parts, timestamp, keys, secrets, sent, wrong, thorough=True)
    causes: dict[guesses.Mistake, str] = {}
    for guess in found:
        causes.setdefault(guess.mistake, guess.cause)
    for mistake in guesses.MISTAKES:
        if mistake in causes:
            yield Check(mistake.name, False, f"This is it: {causes[mistake]}.")
        elif why_not := _untried(mistake, parts, sent, keys):
            yield Check(mistake.name, None, f"Not tried: {why_not}.")
        else:
            yield Check(mistake.name, True, f"Ruled out: {mistake.tried}.")


def _untried(
    mistake: guesses.Mistake, parts: Parts, sent: Sequence[bytes], keys: guesses.Keys
) -> str:
    size = len(parts.request.body)
    if not sent:
        return "the header holds no HMAC, in no spelling"
    if size > guesses.MAX_BODY_THOROUGH:
        return f"the body is larger than {guesses.MAX_BODY_THOROUGH >> 20} MiB"
    if mistake is guesses.LAYOUT and (why_not := _not_laid_out(parts)):
        return why_not
    if mistake is guesses.UNIT and size > guesses.MAX_BODY_MILLISECONDS:
        return (
            f"not with each millisecond, of a body above {guesses.MAX_BODY_MILLISECONDS >> 10} kB"
        )
    if len(keys) > guesses.MAX_KEYS:
        return f"only the first {guesses.MAX_KEYS} secrets were, and ruled it out"
    return ""


def _not_laid_out(parts: Parts) -> str:
    if not guesses.readable(parts):
        return "the body is coded" if parts.encoding else "the body is no JSON that is read whole"
    if len(parts.request.body) > guesses.MAX_LAID_OUT_THOROUGH:
        return f"the body is larger than {guesses.MAX_LAID_OUT_THOROUGH >> 10} kB"
    if not rewritten.indentable(parts.request.body, parts.json.value):
        return "indented, because the body is nested too deeply; the rest was, and ruled out"
    return ""


def _other_event(parts: Parts) -> Check:
    """Whether the headers speak of another event than the body; a hint, never a proof."""
    name, value = "other event", parts.json.value
    body = value if isinstance(value, dict) else {}
    compared = 0
    for header, spelling, key in ((EVENT, EVENT_HEADER, "event"), (EVENT_ID, ID_HEADER, "id")):
        outside, inside = parts.text(header), scalar_text(body.get(key))
        if outside is None or inside is None:
            continue
        compared += 1
        if outside != inside:
            said = f"{spelling} says {shown(outside)}, the body {shown(inside)}"
            return Check(name, False, f"{said}: the headers may be those of another event.")
    if not compared:
        return Check(name, None, "Not decided: headers and body name nothing that both name.")
    return Check(name, True, "Ruled out: headers and body name the same event.")


def _cause(tried: Sequence[Check], other: Check, signature: str) -> Check:
    advice = {mistake.name: mistake.advice for mistake in guesses.MISTAKES}
    for check in tried:
        if check.ok is False:
            cause = check.said.removeprefix("This is it: ")
            wrong = "" if check.name == guesses.SPELLING.name else flaw(signature)
            besides = f" Besides, the value is {wrong}." if wrong else ""
            said = f"{cause[0].upper()}{cause[1:]}{besides} {advice[check.name]}"
            return Check(_END, False, said)
    if other.ok is False:
        return Check(_END, False, f"{other.said} Or a secret is not known here.")
    return Check(_END, False, _STRANGER)
