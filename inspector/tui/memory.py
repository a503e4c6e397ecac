"""What a large body took is given back to the system once it is not looked at any more."""

import ctypes

# glibc's name for the size from which a block is a mapping of its own, and that size.
_M_MMAP_THRESHOLD = -3
_LARGE = 1024 * 1024


def give_back_large_blocks() -> None:
    """Keep glibc from raising its threshold as large blocks come and go; elsewhere do nothing.

    Measured with bodies of 10 MB looked at in turn: 117 MiB instead of 226, and 88 afterwards.
    """
    try:
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
    except (OSError, AttributeError, TypeError):
        # Not glibc: nothing is to be kept from anything.
        return
