"""`--backfill ask`: how much of what waits at the relay shall be fetched."""

import asyncio
import sys

import click

from inspector.cli.printing import tell
from inspector.errors import UnreachableError, UsageError
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.reading import mirrored
from inspector.tunnel.address import parse_backfill
from inspector.tunnel.connecting import Dialler, LostError
from inspector.tunnel.messages import Hello
from inspector.tunnelling import dialler_of

_WHAT = "fetch all, none, or what came since (as since:2h)"


def settled_backfill(settings: Settings) -> Settings:
    """The settings with what the user says, who is asked; without a terminal it is `all`.

    Raises `UnreachableError` when the relay cannot say now what waits.
    """
    answer = "all"
    if _at_a_terminal():
        answer = _asked(settings, asyncio.run(_hello(dialler_of(settings))))
    return settings.model_copy(update={"backfill": answer})


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


async def _hello(dialler: Dialler) -> Hello:
    try:
        connection, hello = await dialler.dial(peek=True)
    except LostError as error:
        raise UnreachableError(
            f"the relay cannot say what waits: {error.reason}",
            "try again, or say --backfill all, since:AGE or none",
        ) from error
    await connection.close()
    return hello


def _asked(settings: Settings, hello: Hello) -> str:
    files = StoreFiles(settings.db)
    first = max(hello.first, mirrored(files, hello.mailbox) + 1)
    count = hello.last - first + 1
    if count <= 0:
        return "all"
    tell(f"{count} deliveries of {hello.endpoint} wait at the relay")
    while True:
        answer: str = click.prompt(_WHAT, default="all", err=True)
        try:
            if parse_backfill(answer).kind != "ask":
                return answer
        except UsageError as error:
            tell(error.hint)
