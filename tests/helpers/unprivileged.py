"""Commands without root's right to read and write whatever it likes."""

import os
import shutil

import pytest

_RIGHTS = "-dac_override,-dac_read_search,-fowner"


def unprivileged() -> list[str]:
    """What to put before a command, so that modes count for it; skips where nothing does."""
    if os.name != "posix" or not hasattr(os, "geteuid"):
        pytest.skip("this system has no modes of files")
    if os.geteuid() != 0:
        return []
    if (setpriv := shutil.which("setpriv")) is None:
        pytest.skip("root may read and write everything, and there is no setpriv")
    return [setpriv, f"--bounding-set={_RIGHTS}"]
