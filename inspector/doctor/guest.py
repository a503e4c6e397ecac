"""A guest endpoint at the relay: the way to it is walked, and nobody's mailbox is touched."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from inspector import __version__
from inspector.domain.attempt import Failure, Response
from inspector.domain.delivery import Request
from inspector.domain.headers import first
from inspector.domain.plaintext import one_line
from inspector.domain.routes import parse_target
from inspector.errors import ConfigurationError, NotFoundError, UnreachableError
from inspector.forward.target import TargetClient
from inspector.tunnel.address import RelayAddress
from inspector.tunnel.connecting import Dialler
from inspector.tunnel.messages import GUEST_PATH

_SECONDS = 10.0
_LEAVE_SECONDS = 3.0
_NAME = "doctor"


@dataclass(frozen=True)
class Guest:
    """The guest's capture address and token; a body may have `max_body` bytes, as at the endpoint
    that it is a guest of."""

    address: RelayAddress
    token: str = field(repr=False)
    max_body: int = 0

    def dialler(self, name: str = _NAME) -> Dialler:
        """For a consumer of that name."""
        return Dialler(self.address, self.token, name, instance="")


@asynccontextmanager
async def guest_of(dialler: Dialler) -> AsyncIterator[Guest]:
    """A guest of the dialler's endpoint, gone at the end with all that was sent to it.

    Raises `NotFoundError` where the relay has none to give, with the reason, and the like of it
    where there is no way there.
    """
    address = dialler.address
    client = TargetClient(parse_target(address.origin))
    try:
        made = await _ask(client, "POST", address.slug, dialler.token)
        guest = _guest(made, dialler)
        try:
            yield guest
        finally:
            # Where it does not get there, the relay forgets all the same some minutes later.
            with suppress(TimeoutError, UnreachableError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await _ask(client, "DELETE", guest.address.slug, guest.token)
    finally:
        await client.close()


async def _ask(client: TargetClient, method: str, slug: str, token: str) -> Response:
    headers = (
        ("Authorization", f"Bearer {token}"),
        ("User-Agent", f"inspector/{__version__}"),
        ("Content-Length", "0"),
    )
    request = Request(method, GUEST_PATH + slug, "1.1", headers, b"")
    outcome = (await client.send(request, timeout=_SECONDS)).outcome
    if isinstance(outcome, Failure):
        raise UnreachableError(f"no answer of the relay: {outcome.reason}")
    return outcome


def _guest(made: Response, dialler: Dialler) -> Guest:
    item = _json(made.body)
    if made.status == 201:
        try:
            address = RelayAddress(dialler.address.origin, str(item["slug"]))
            return Guest(address, str(item["token"]), int(item["limits"]["max_body"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UnreachableError("the relay's answer cannot be read") from error
    told = item.get("error")
    code, message, hint = "", "", ""
    if isinstance(told, dict):
        code = str(told.get("code", ""))
        message, hint = (dialler.told(str(told.get(name, ""))) for name in ("message", "hint"))
    if made.status == 401:
        raise ConfigurationError(message or "the relay refuses the token", hint)
    if code == "not-found":
        raise NotFoundError(
            "the relay has no guest endpoints: its inspector is older than this one",
            "install the same version there, and the way through it is examined as well",
        )
    if code:
        raise NotFoundError(f"the relay gives no guest endpoint: {message}", hint)
    who = first(made.headers, "server")
    by = f" by {one_line(who, 40)}" if who else ""
    raise NotFoundError(
        f"no guest endpoint: POST {GUEST_PATH} was answered {made.status}{by}",
        "see that a proxy before the relay passes everything under /_inspector/ on to it",
    )


def _json(body: bytes) -> dict[str, Any]:
    try:
        item = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return item if isinstance(item, dict) else {}
