"""The values that settings may have: read from text as people write it."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from inspector.domain.base import parse_base

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZES = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
# A hundred years, an exbibyte: no timer, and not SQLite either, takes any number.
_MOST_SECONDS = 100 * 365 * 86400
_MOST_BYTES = 1 << 60


# What each setting looks like: the hint of a mistake in it.
EXAMPLES = {
    "port": "for example 8400; 0 is any free one",
    "forward_to": "for example 3000, or http://localhost:3000/hooks",
    "secret": "for example whsec_..., or env:NAME for a variable",
    "status": "for example 200",
    "timeout": "for example 30s, 2m, or 0 for ever",
    "retry": "for example 300s, or 5m",
    "max_connections": "for example 1; at most 256",
    "max_body": "for example 25mb",
    "max_in_flight": "for example 64mb",
    "keep": "for example 30d, 12h, 90s, or 0 for ever",
    "max_size": "for example 2gb; at least 1mb",
    "header": "for example 'X-Name: value'",
    "web_port": "for example 8401; 0 is any free one",
    "health_port": "for example 8402; 0 is any free one",
    "max_stored": "for example 2gb; at least 1mb",
}


def seconds(value: object) -> object:
    """`30d`, `2h`, `90` as seconds."""
    if not isinstance(value, str):
        return value
    if (found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", value.strip())) is None:
        raise ValueError("this is no time")
    return float(found[1]) * _UNITS[found[2] or "s"]


def age(value: object) -> object:
    """A time with its unit: what is older is deleted, and a bare 30 may be meant as days."""
    bare = value.strip() if isinstance(value, str) else value
    if isinstance(bare, int | float) and bare != 0:
        raise ValueError("a unit is missing")
    if isinstance(bare, str) and re.fullmatch(r"[\d.]+", bare) and bare.strip("0."):
        raise ValueError("a unit is missing")
    return seconds(value)


def size(value: object) -> object:
    """`25mb`, `2GiB`, `1048576` as bytes."""
    if isinstance(value, str):
        text = value.lower().replace("ib", "b").replace(" ", "")
        if found := re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?b?)", text):
            unit = found[2] if found[2] in _SIZES else found[2] + "b"
            amount = float(found[1]) * _SIZES[unit]
            return int(amount) if amount <= _MOST_BYTES else amount
        raise ValueError("this is no size")
    return value


def several(value: object) -> object:
    """One text where a list is expected: a list of its comma-separated parts."""
    return _parts(value, ",") if isinstance(value, str) else value


def targets(value: object) -> object:
    """Targets, where a port may be a number."""
    given = value if isinstance(value, list) else [value] if isinstance(value, int) else value
    if not isinstance(given, list):
        return several(given)
    return [str(each) if type(each) is int else each for each in given]


def lines(value: object) -> object:
    """The same for what may have commas in it: a list of its lines."""
    return _parts(value, "\n") if isinstance(value, str) else value


def _parts(text: str, separator: str) -> list[str]:
    return [part for each in text.split(separator) if (part := each.strip())]


def whole_path(path: Path) -> Path:
    """A path that means the same in every folder, with the home folder for `~`."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{path.parts[0]} has no home folder") from error


def address(value: object) -> object:
    """An address to listen on; none would be every interface, which nobody asked for so."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("name an address, 127.0.0.1 for example; 0.0.0.0 is every one")
    return value


def public_url(value: object) -> object:
    """An address without anything behind its port, as capture URLs begin with it."""
    if isinstance(value, str) and value:
        if not re.fullmatch(r"https?://[^/\s?#@]+/?", value):
            raise ValueError("write http(s)://HOST or http(s)://HOST:PORT, without a path")
        return value.rstrip("/")
    return value


def api_url(value: object) -> object:
    """The address of a provider's API, where a token may be sent."""
    return parse_base(value).url if isinstance(value, str) and value else value


Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=_MOST_SECONDS)]
# In JSON it has its unit again.
Age = Annotated[
    float,
    BeforeValidator(age),
    Field(ge=0, le=_MOST_SECONDS),
    PlainSerializer(lambda given: f"{given:f}s", when_used="json"),
]
Bytes = Annotated[int, BeforeValidator(size), Field(gt=0, le=_MOST_BYTES)]
# Less than the smallest database takes would delete everything.
StoreSize = Annotated[int, BeforeValidator(size), Field(ge=1 << 20, le=_MOST_BYTES)]
Secret = Annotated[str, Field(min_length=1)]
PublicUrl = Annotated[str, BeforeValidator(public_url)]
ApiUrl = Annotated[str, BeforeValidator(api_url)]
Address = Annotated[str, BeforeValidator(address)]
WholePath = Annotated[Path, AfterValidator(whole_path)]
Texts = Annotated[list[str], BeforeValidator(several)]
Targets = Annotated[list[str], BeforeValidator(targets)]
Lines = Annotated[list[str], BeforeValidator(lines)]
Secrets = Annotated[list[Secret], BeforeValidator(several)]
