"""What is wrong with a line of text, said below the place that it is about."""

import textwrap

from rich.cells import cell_len


def pointed(message: str, at: int, width: int) -> str:
    """The message beside a caret below the cell `at`, within `width` cells.

    Right of the caret, or left of it, or in lines below, as it fits; without a caret where the
    place is not on the screen.
    """
    width = max(width, 12)
    long = cell_len(message)
    if not 0 <= at < width:
        return "\n".join(textwrap.wrap(message, width - 1) or [""])
    if at + 2 + long <= width:
        return f"{' ' * at}^ {message}"
    if long + 1 <= at:
        return f"{message:>{at - 1 - (long - len(message))}} ^"
    below = textwrap.wrap(message, width - 2) or [""]
    return "\n".join([f"{' ' * at}^", *(f" {line}" for line in below)])
