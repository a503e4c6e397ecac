"""What an API's refusal is to the user: one line with its own words, a hint, an exit code."""

from inspector.account.client import Client
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
    TargetError,
    TimedOutError,
    UsageError,
)
from inspector.providers.pacspace.management import Kind, Refusal

_ADDRESS = "see whether the address of the API is right"


def error_of(
    refused: Refusal, client: Client, *, missing: str = "", hint: str = ""
) -> InspectorError:
    """`missing` names what is not there when it answers 404, and `hint` what to do then."""
    told = _told(refused, client)
    match refused.kind:
        case Kind.INVALID:
            return UsageError(told, "correct what was given")
        case Kind.FORBIDDEN:
            return ConfigurationError(told, client.credential.hint)
        case Kind.MISSING if missing:
            return NotFoundError(f"{missing}: {told}", hint)
        case Kind.MISSING:
            return NotFoundError(told, _ADDRESS)
        case Kind.CONFLICT:
            return ConfigurationError(told, "see what there is with `inspector subscribe list`")
        case Kind.LIMITED:
            return TimedOutError(told, "try again later")
        case Kind.MOVED:
            # A page for logging in, most often; where it leads to is not followed, nor shown.
            return TargetError(f"{told}, which leads elsewhere", client.credential.hint)
        case Kind.UNREADABLE:
            return unreadable(client)
    return TargetError(told, "try again later; " + _ADDRESS)


def unsure(refused: Refusal) -> bool:
    """Whether what was asked for may have been done all the same."""
    return refused.kind is Kind.BROKEN or refused.status < 300


def unreadable(client: Client) -> TargetError:
    """It answered something else than the API does, or not to the end."""
    # The page for logging in is one, where the session has ended.
    return TargetError(
        f"the answer of {client.base.host} cannot be read",
        f"{_ADDRESS}; if it is, {client.credential.hint}",
    )


def _told(refused: Refusal, client: Client) -> str:
    message = client.hiding.message(refused.message)
    return f"{client.base.host} answered {refused.status}" + (f": {message}" if message else "")
