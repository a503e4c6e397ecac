"""The clock on the wall, which is passed to whatever needs one."""

import time


def wall_clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000
