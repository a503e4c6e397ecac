"""Colours of text that can be read on their background, whatever the theme."""

from functools import lru_cache

from textual.color import Color

# What WCAG asks of text (level AA).
LEAST = 4.5
_STEPS = 10
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)


@lru_cache(maxsize=1024)
def readable(color: Color, background: Color) -> Color:
    """The colour, moved towards black or white as far as it takes to be read.

    The terminal's own colours are left alone: nobody here knows how they look.
    """
    if color.ansi is not None or background.ansi is not None:
        return color
    text = background + color
    if ratio(text, background) >= LEAST:
        return text
    end = max(_BLACK, _WHITE, key=lambda one: ratio(one, background))
    steps = (text.blend(end, step / _STEPS) for step in range(1, _STEPS))
    return next((one for one in steps if ratio(one, background) >= LEAST), end)


def ratio(one: Color, other: Color) -> float:
    """The contrast of two opaque colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
