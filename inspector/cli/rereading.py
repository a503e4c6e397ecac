"""History read again with the secrets of now: by the running listener, or here without one."""

import time
from typing import NamedTuple

from inspector.cli.opened import existing, known_secrets, opened
from inspector.cli.printing import Progress
from inspector.cli.running import Api, running
from inspector.errors import InspectorError, NotFoundError
from inspector.settings import Settings
from inspector.store.reading import catch_up, locked

_LOOK_SECONDS = 0.1


class Reread(NamedTuple):
    """How many deliveries were read again, and whether a listener did it, which goes on with the
    secrets of now."""

    deliveries: int
    by_listener: bool


def read_again(settings: Settings) -> Reread | None:
    """Read every stored delivery again, also with what was kept just now; None without a store.

    Raises an `InspectorError` where it cannot be done; nothing is lost then, and `inspector
    reindex` does it later.
    """
    try:
        files = existing(settings)
    except NotFoundError:
        return None
    listener = running(files)
    return through(Api(listener)) if listener else by_ourselves(settings)


def after_keeping(settings: Settings) -> str:
    """The same for who has just kept a secret: what came of it, in a line; never an error."""
    try:
        done = read_again(settings)
    except InspectorError as error:
        return (
            f"history is not read again with it: {error.message}; `inspector reindex` does it later"
        )
    if done is None:
        return ""
    count = "1 delivery is" if done.deliveries == 1 else f"{done.deliveries} deliveries are"
    return f"{count} read again with it" + (", by the listener" if done.by_listener else "")


def through(api: Api) -> Reread:
    """Have the listener do it, and wait until its index has reached the journal's end."""
    api.post("reindex", {})
    # A fresh read waits for the new index; the lag alone could still be that of the old one.
    api.get("events")
    with Progress("indexing fact") as progress:
        while lag := (status := api.get("status"))["index_lag"]["facts"]:
            progress.show(status["last_seq"] - lag, status["last_seq"])
            time.sleep(_LOOK_SECONDS)
    ledger = status["ledger"]
    return Reread(int(ledger["received"] - ledger["pruned"] - ledger["unindexed"]), True)


def by_ourselves(settings: Settings) -> Reread:
    """Do it here; raises `UnreachableError` when another process holds the store."""
    files = existing(settings)
    with locked(files, "reindex"), Progress("indexing fact") as progress:
        catch_up(files, lambda: known_secrets(settings), anew=True, progress=progress.show)
    with opened(settings) as reader:
        return Reread(sum(reader.ledger().states.values()), False)
