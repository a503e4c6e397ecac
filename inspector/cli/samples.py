"""Samples for `trigger`: what the user asks for, and what is documented of it."""

import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inspector.cli.printing import print_item, print_row, tell
from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.export import body_json
from inspector.domain.plaintext import one_line, visible
from inspector.domain.trigger import TriggerRequest, parse_change
from inspector.errors import UsageError, said, system_text
from inspector.providers.pacspace import PACSPACE
from inspector.providers.triggering import build

_GRADES = {
    "documented": "every field is documented",
    "sdk": "some fields are known from the SDK alone",
    "inferred": "some field names are inferred from the documentation's prose",
    "synthetic": "synthetic: fields are on no public page",
}
_HINTS = {"path": "for example /webhooks/pacspace?a=1"}


class Sample:
    """Makes the request as often as it is sent, each with an event id and a time of its own."""

    def __init__(self, asked: TriggerRequest, secret: str | None) -> None:
        self.asked = asked
        self._secret = secret

    def make(self) -> Request:
        """Raises as `build` does."""
        at = wall_clock()
        event_id = f"evt_{secrets.token_hex(8)}"
        return build(self.asked, at=at, event_id=event_id, secret=self._secret)

    def introduce(self, *, signed_here: bool) -> None:
        """Tell what the payload is worth, and that nobody could sign it."""
        tell(self._provenance())
        if signed_here and self._secret is None and not self.asked.bad_signature:
            tell("inspector: no secret is known, so it is not signed; see --secret")

    def _provenance(self) -> str:
        """Whether the payload is documented or invented, in a few lines."""
        event, envelope = self.asked.event, self.asked.envelope
        if self.asked.data is not None:
            return f"sample of {event}: the payload is yours"
        grade = PACSPACE.sample_grade(event, envelope)
        lines = [f"sample of {event}: {_GRADES.get(grade, grade)}"]
        if grade != "documented":
            lines += [f"  {note}" for note in PACSPACE.sample_notes(event, envelope)]
        return "\n".join(lines)


def asked_for(event: str, data: str | None, sets: Sequence[str], **how: Any) -> TriggerRequest:
    """What is asked for; raises `UsageError` for a part of it that cannot be read."""
    try:
        changes = [parse_change(text) for text in sets]
        json.dumps(changes, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--set: {error}", "the value is JSON, or else text") from error
    payload = None if data is None else _payload(data)
    try:
        return TriggerRequest(event=event, data=payload, changes=changes, **how)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise UsageError(f"{name}: {said(first)}", _HINTS.get(name, "")) from error


def _payload(text: str) -> Any:
    """The value of `--data`: JSON, or `@FILE` with JSON in it (`@-`: standard input)."""
    source = "--data"
    if text.startswith("@"):
        source = text[1:]
        try:
            text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
        except (OSError, ValueError) as error:
            why = system_text(error) if isinstance(error, OSError) else str(error)
            raise UsageError(
                f"cannot read {one_line(source, 200)}: {why}",
                "write --data @FILE, or the JSON itself",
            ) from error
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{one_line(source, 200)} is not JSON: {error}", "quote it for the shell: '{\"a\": 1}'"
        ) from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")


def as_sent(request: Request, *, as_json: bool) -> None:
    """Print the request of a dry run."""
    if as_json:
        item = {
            "method": request.method,
            "request_target": request.target,
            "headers": [list(pair) for pair in request.headers],
            **body_json(request.body),
        }
        print_item("request", item)
        return
    print_row(f"{request.method} {request.target} HTTP/{request.http_version}")
    for name, value in request.headers:
        print_row(visible(f"{name}: {value}"))
    print_row("")
    print_row(visible(request.body.decode("utf-8", "replace"), keep_layout=True))
