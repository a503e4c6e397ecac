"""What `trigger` is asked for: which sample, how changed, how signed."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from inspector.domain.delivery import Request
from inspector.domain.headers import replaced
from inspector.errors import UsageError

STALE_SECONDS = 7 * 24 * 3600
_DEEPEST = 32


class TriggerRequest(BaseModel):
    """A sample to make: `data` replaces its payload, `changes` sets values at dotted paths.

    `path` is the request target. `bad_signature` signs with a secret that nobody has, `stale` with
    a week-old timestamp.
    """

    model_config = ConfigDict(extra="forbid")

    event: str = Field(max_length=255)
    envelope: str = "docs"
    data: Any = None
    changes: list[tuple[str, Any]] = Field(default_factory=list, max_length=100)
    bad_signature: bool = False
    stale: bool = False
    path: str = Field(default="/", max_length=8192, pattern=r"^/[\x21-\x7e]*$")
    event_id: str | None = Field(default=None, max_length=255, pattern=r"^[\x21-\x7e]+$")


def changed(request: Request, changes: list[tuple[str, Any]]) -> Request:
    """The sample with values set in its JSON body, and the length that follows from them.

    Raises `UsageError` for a path that leads nowhere.
    """
    if not changes:
        return request
    document = json.loads(request.body)
    for path, value in changes:
        _set(document, path, value)
    try:
        body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise UsageError(f"the changed sample is not JSON: {error}") from error
    headers = replaced(request.headers, [("Content-Length", str(len(body)))])
    return Request(request.method, request.target, request.http_version, headers, body)


def parse_change(text: str) -> tuple[str, Any]:
    """`data.delta.amount=-1` as path and value: JSON where it parses, else text."""
    path, equals, value = text.partition("=")
    if not path or not equals:
        raise UsageError(f"{text!r} is not a change", "write --set PATH=VALUE")
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


def _set(document: Any, path: str, value: Any) -> None:
    steps = path.split(".")
    if len(steps) > _DEEPEST:
        raise UsageError(f"a path has at most {_DEEPEST} steps")
    place = document
    for step in steps[:-1]:
        place = _enter(place, step, path)
    last = steps[-1]
    if isinstance(place, dict):
        place[last] = value
    elif isinstance(place, list) and last.isdigit() and int(last) < len(place):
        place[int(last)] = value
    else:
        raise _nowhere(path)


def _enter(place: Any, step: str, path: str) -> Any:
    if isinstance(place, dict):
        return place.setdefault(step, {})
    if isinstance(place, list) and step.isdigit() and int(step) < len(place):
        return place[int(step)]
    raise _nowhere(path)


def _nowhere(path: str) -> UsageError:
    return UsageError(f"{path} leads nowhere in the sample", "see the sample with --dry-run")
