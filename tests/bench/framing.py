"""What the benchmark's own small servers need to know of HTTP."""

import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def body_size(head: bytes) -> int:
    """How many bytes follow the head; chunked bodies are not understood."""
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0
