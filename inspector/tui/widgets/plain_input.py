"""A line of input that shows what is in it."""

from textual.widgets import Input

from inspector.domain.plaintext import visible


class PlainInput(Input):
    """Text from outside gets into it by pasting, too: unseen characters are spelled out."""

    def validate_value(self, value: str) -> str:
        return visible(value)
