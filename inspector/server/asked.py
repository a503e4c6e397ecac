"""What a request to the API asks: its numbers, its ids, its JSON, each checked."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from inspector.errors import NotFoundError, UsageError, said

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


async def model_of(request: web.Request, model: type[M]) -> M:
    """The body as a model; an empty body is an empty object."""
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        hint = f"it takes {', '.join(model.model_fields)}, as JSON"
        raise UsageError(f"{where or 'the body'}: {said(first)}", hint) from error


def number(request: web.Request, name: str) -> int | None:
    """A whole number of the query string, None where it is not given."""
    text = request.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise UsageError(f"{name} must be a number")
    return int(text)


def delivery_id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise NotFoundError(f"there is no delivery {text[:20]!r}")
    return int(text)


def found(value: T | None, wanted: int) -> T:
    """The delivery that was looked for, or what belongs to it; raises `NotFoundError`."""
    if value is None:
        raise NotFoundError(
            f"there is no delivery {wanted}", "it may have been pruned; see `inspector list`"
        )
    return value
