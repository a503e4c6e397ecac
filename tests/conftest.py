"""Coverage is measured where it is asked for: elsewhere it would take most of the time.

No test reaches the keyring of whoever runs it, not even from a process of its own. How long an
example of a law takes is the machine's affair: what shall be quick has a test of its own. A law is
tried on 50 examples a run, others each time, and on as many as INSPECTOR_EXAMPLES says.
"""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# The UI and the web server are not counted; their tests run much of the rest by the way.
_UNCOUNTED = tuple(Path(__file__).parent / name for name in ("tui", "web"))

EXAMPLES = int(os.environ.get("INSPECTOR_EXAMPLES", "50"))
settings.register_profile("patient", deadline=None, max_examples=EXAMPLES)
settings.load_profile("patient")
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Without tracing for `uncounted` ones.

    The plugin's own `no_cover` does nothing in the processes of pytest-xdist: a second measuring
    lies below the one that it stops.
    """
    if item.get_closest_marker("uncounted") is None and not any(
        folder in item.path.parents for folder in _UNCOUNTED
    ):
        return (yield)
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracing)
