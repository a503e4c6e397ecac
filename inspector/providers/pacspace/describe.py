"""PacSpace's fields with their documentation, and what is invented in a sample."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, get_args

from inspector.domain.envelope import Field
from inspector.providers.fields import DocOf, Path, fields
from inspector.providers.pacspace.decode import event_name
from inspector.providers.pacspace.models import Payload, model_of
from inspector.providers.pacspace.samples import sample_data
from inspector.providers.parts import Parts

_ANY = "*"
_ENVELOPE: Mapping[Path, tuple[str, str]] = MappingProxyType(
    {
        ("event",): ("Event type.", "documented"),
        ("timestamp",): ("When the event occurred, ISO 8601.", "documented"),
        ("data",): ("Payload of the event.", "documented"),
        ("id",): ("Unique id of the event.", "sdk"),
        ("tenantId",): ("Your tenant.", "sdk"),
        ("createdAt",): ("When the event was created.", "sdk"),
    }
)
# From the surest to the least sure; a field on no public page is synthetic in a sample.
_GRADES = ("documented", "sdk", "inferred", "synthetic")


def describe(parts: Parts) -> tuple[Field, ...]:
    """The body's fields in order, each with what is public about it for this event."""
    if not parts.json.ok:
        return ()
    return fields(parts.json.value, _doc_of(event_name(parts)))


def sample_grade(event: str, envelope: str = "docs") -> str:
    """The least sure grade among the fields of the event's sample payload."""
    return list(_sample_paths(event, envelope))[-1]


def sample_notes(event: str, envelope: str = "docs") -> tuple[str, ...]:
    """`documented: data.fromIndex, data.toIndex`: one line a grade, the surest first."""
    paths = _sample_paths(event, envelope)
    return tuple(f"{grade}: {', '.join(found)}" for grade, found in paths.items())


def _sample_paths(event: str, envelope: str) -> dict[str, list[str]]:
    data = sample_data(event, at=0, envelope=envelope)
    found: dict[str, list[str]] = {grade: [] for grade in _GRADES}
    for field in fields({"data": data}, _doc_of(event)):
        found["synthetic" if field.grade == "unknown" else field.grade].append(field.path)
    return {grade: paths for grade, paths in found.items() if paths}


def _doc_of(event: str | None) -> DocOf:
    table = _table(model_of(event))

    def doc_of(path: Path) -> tuple[str, str]:
        return table.get(path) or table.get((*path[:-1], _ANY), ("", "unknown"))

    return doc_of


@cache
def _table(model: type[Payload]) -> Mapping[Path, tuple[str, str]]:
    return MappingProxyType({**_ENVELOPE, **_documented(model, ("data",))})


def _documented(model: type[Payload], prefix: Path) -> dict[Path, tuple[str, str]]:
    table: dict[Path, tuple[str, str]] = {}
    for name, info in model.model_fields.items():
        path = (*prefix, name)
        extra: Any = info.json_schema_extra
        table[path] = (info.description or "", extra["grade"])
        if extra["items"]:
            table[(*path, _ANY)] = (extra["items"], extra["grade"])
        for part in get_args(info.annotation):
            if isinstance(part, type) and issubclass(part, Payload):
                table |= _documented(part, path)
    return table
