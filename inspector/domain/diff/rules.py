"""Rules for what a comparison passes over: places that differ in every delivery."""

import re
from collections.abc import Sequence
from functools import lru_cache

from inspector.domain.diff.model import Difference, Part

_HEADERS = (
    "*signature*", "*-timestamp", "x-event-id", "x-request-id", "x-correlation-id", "webhook-id",
    "x-github-delivery", "x-shopify-webhook-id", "date", "age", "content-length", "traceparent",
    "tracestate", "x-amzn-trace-id", "x-cloud-trace-context", "cf-ray", "x-forwarded-for",
    "inspector-delivery", "inspector-attempt",
)  # fmt: skip
_BODY = (
    "id", "timestamp", "createdAt", "created_at", "created", "eventId", "event_id",
    # PacSpace: what the verification layer gives each event.
    "data.receiptId", "data.recordId", "data.deltaIndex", "data.sequenceNumber",
    "data.verificationId", "data.verificationReference", "data.verifiedAt", "data.failedAt",
    "data.blockTimestamp", "data.delta.submittedAt", "data.proof", "data.proofHash",
    "data.contentHash", "data.verification.latencyMs",
)  # fmt: skip
DEFAULT_IGNORE: tuple[str, ...] = (*(f"header.{name}" for name in _HEADERS), *_BODY)
"""Ids, times and signatures, of PacSpace and of webhooks in general."""

_ANY_STEPS = r"(?:[^.]*\.)*"
_NUMBER = re.compile(r"#[0-9]+(?=\.|$)")


def ruled(differences: Sequence[Difference], rules: Sequence[str]) -> tuple[Difference, ...]:
    """The differences, each with the first rule that passes over it.

    A rule is a dotted path with globs and matches that place and all below it: `*` within a step,
    `**` for any number of steps. It speaks of the body, or of a header as `header.NAME` in any
    case, or of the first line as `start`, and never of two of them; `**` alone is everything.
    """
    compiled = [(rule, _part(rule), _compiled(rule)) for rule in rules]
    return tuple(one._replace(ignored_by=_first(one, compiled)) for one in differences)


def _part(rule: str) -> Part | None:
    """What the rule speaks of; None: everything."""
    if rule == "**":
        return None
    if rule.lower().startswith("header.") or rule == "header":
        return "header"
    return "start" if rule == "start" else "body"


def _first(one: Difference, rules: Sequence[tuple[str, Part | None, re.Pattern[str]]]) -> str:
    path = _NUMBER.sub("", one.path)
    if one.part == "header":
        path = f"header.{path.lower()}"
    elif one.part == "start":
        path = "start"
    return next(
        (rule for rule, part, found in rules if part in (one.part, None) and found.match(path)), ""
    )


@lru_cache(maxsize=256)
def _compiled(rule: str) -> re.Pattern[str]:
    steps = (rule.lower() if rule.lower().startswith("header.") else rule).split(".")
    while len(steps) > 1 and steps[-1] == "**":
        steps.pop()  # all below is matched anyway
    if steps == ["**"]:
        return re.compile("")
    out = [_ANY_STEPS if step == "**" else _globbed(step) + r"\." for step in steps]
    # Behind the last step stands nothing, or another step.
    return re.compile("".join(out).removesuffix(r"\.") + r"(?:\.|\Z)")


def _globbed(step: str) -> str:
    return "".join({"*": "[^.]*", "?": "[^.]"}.get(char, re.escape(char)) for char in step)
