"""Coverage is measured where it is asked for: elsewhere it would take most of the time.

No test reaches the keyring of whoever runs it, not even from a process of its own. How long an
example of a law takes is the machine's affair: what shall be quick has a test of its own. A law is
tried on 50 examples a run, others each time, and on as many as INSPECTOR_EXAMPLES says.

What a shell runs in the background has interrupts ignored, and so would every process that a test
starts and interrupts.
"""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# The tests of what is counted; others run much of it by the way.
_COUNTED = tuple(
    Path(__file__).parent / name
    for name in ("domain", "providers", "store", "forward", "server", "tunnel")
)

# The slowest first: a file is one worker's, and begun last the others would wait for it.
_SLOW = tuple(Path(__file__).parent / name for name in ("web", "e2e", "tui", "cli"))

EXAMPLES = int(os.environ.get("INSPECTOR_EXAMPLES", "50"))
settings.register_profile("patient", deadline=None, max_examples=EXAMPLES)
settings.load_profile("patient")
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
signal.signal(signal.SIGINT, signal.default_int_handler)


def _rank(item: pytest.Item) -> int:
    found = (n for n, folder in enumerate(_SLOW) if folder in item.path.parents)
    return next(found, len(_SLOW))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Without tracing for what counts nothing, and for `uncounted` ones.

    The plugin's own `no_cover` does nothing in the processes of pytest-xdist: a second measuring
    lies below the one that it stops.
    """
    if item.get_closest_marker("uncounted") is None and any(
        folder in item.path.parents for folder in _COUNTED
    ):
        return (yield)
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracing)
