"""Reading from the store until it works."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_STORE_PAUSE = 1.0

_log = logging.getLogger(__name__)


async def insist(
    read: Callable[[], Awaitable[T]], pause: Callable[[float], Awaitable[None]], purpose: str
) -> T:
    """What `read` gives, tried again after a pause whenever it raises.

    To skip a delivery would break the order or lose it. `purpose` tells the log what waits.
    """
    while True:
        try:
            return await read()
        except Exception as error:
            _log.warning("the store cannot be read for %s: %s", purpose, error)
            await pause(_STORE_PAUSE)
