"""A value of the query language that means itself."""

from inspector.domain.plaintext import visible


def quoted(value: str) -> str:
    """A value of the query language that means itself, whatever is in it.

    Unseen characters become `?`, any one character: the filter is text that can be read.
    """
    if value and all(char.isalnum() or char in "._-/" for char in value):
        return value
    out = ""
    for char in value:
        if visible(char) != char:
            out += '"?"'
        else:
            out += f"\\{char}" if char in '\\"' else char
    return f'"{out}"'
