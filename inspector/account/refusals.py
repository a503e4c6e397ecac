"""What an API's refusal is to the user: one line with its own words, a hint, an exit code."""

import asyncio

from inspector.account.client import ApiClient, NoAnswerError
from inspector.errors import (
    ConfigurationError,
    InspectorError,
    NotFoundError,
    TargetError,
    TimedOutError,
    UsageError,
)
from inspector.providers.pacspace.management import ApiAnswer, Call, Refusal, RefusalKind

_ADDRESS = "see whether the address of the API is right"


def error_of(
    refused: Refusal, client: ApiClient, *, missing: str = "", hint: str = ""
) -> InspectorError:
    """`missing` names what is not there when it answers 404, and `hint` what to do then."""
    told = _told(refused, client)
    match refused.kind:
        case RefusalKind.INVALID:
            return UsageError(told, "correct what was given")
        case RefusalKind.FORBIDDEN:
            return ConfigurationError(told, client.credential.hint)
        case RefusalKind.MISSING if missing:
            return NotFoundError(f"{missing}: {told}", hint)
        case RefusalKind.MISSING:
            return NotFoundError(told, _ADDRESS)
        case RefusalKind.CONFLICT:
            return ConfigurationError(told, "see what there is with `inspector subscribe list`")
        case RefusalKind.LIMITED:
            return TimedOutError(told, "try again later")
        case RefusalKind.MOVED:
            # A page for logging in, most often; where it leads to is not followed, nor shown.
            return TargetError(f"{told}, which leads elsewhere", client.credential.hint)
        case RefusalKind.UNREADABLE:
            return unreadable(client)
    return TargetError(told, "try again later; " + _ADDRESS)


async def asked_once(client: ApiClient, call: Call, what: str, look: str) -> ApiAnswer:
    """The answer to a request that changes something, `what` is asked for in words.

    Where none comes, or nobody waits for it any more, `look` says how to know what became of it.
    """
    asked = f"{client.base.host} was asked{what}"
    try:
        return await client.ask(call)
    except NoAnswerError:
        raise TargetError(f"{asked} and gave no answer", look) from None
    except asyncio.CancelledError:
        client.tell(f"{asked}: {look}")
        raise


def unsure(refused: Refusal) -> bool:
    """Whether what was asked for may have been done all the same."""
    return refused.kind is RefusalKind.BROKEN or refused.status < 300


def unreadable(client: ApiClient) -> TargetError:
    """It answered something else than the API does, or not to the end."""
    # The page for logging in is one, where the session has ended.
    return TargetError(
        f"the answer of {client.base.host} cannot be read",
        f"{_ADDRESS}; if it is, {client.credential.hint}",
    )


def _told(refused: Refusal, client: ApiClient) -> str:
    message = client.hiding.message(refused.message)
    return f"{client.base.host} answered {refused.status}" + (f": {message}" if message else "")
