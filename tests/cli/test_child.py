"""The listener in a process of its own, as who started it sees it end."""

import os
import signal
from pathlib import Path

import pytest

from inspector.cli.child import listening
from inspector.errors import UnreachableError
from inspector.settings import Settings


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGKILL, "signal 9"), (signal.SIGTERM, "exit code 0")],
    ids=["killed", "asked to end"],
)
def test_how_it_ended_is_known(tmp_path: Path, number: signal.Signals, told: str) -> None:
    with listening(Settings(db=tmp_path / "store.db", port=0), demo=False) as child:
        ready = child.ready()
        assert child.gone() is None
        os.kill(ready["pid"], number)
        # Its output ends when it does.
        with child.output:
            child.output.read()
        child.failure()
        error = child.gone()
    assert isinstance(error, UnreachableError)
    assert error.message == f"the listener ended ({told}), nothing is captured"
