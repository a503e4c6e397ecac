"""How a user wants the terminal UI: the table `[ui]` of the configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Column = Literal[
    "id", "time", "event", "event_id", "request", "signature", "state", "size", "mark", "note"
]


class Preferences(BaseModel):
    """Everything about the UI that can be configured; a listener has no use for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str = ""
    """A Textual theme (`textual-light`, `nord`, ...); empty: Textual's own default."""
    keymap: dict[str, str] = Field(default_factory=dict)
    """Keys by action id, comma-separated: `resend = "r,f5"`."""
    columns: tuple[Column, ...] = ()
    """Columns of the list in order; empty: those that fit."""
    time: Literal["clock", "relative"] = "clock"
    """How times are shown in the list at first."""
    glyphs: Literal["auto", "unicode", "ascii"] = "auto"
    """What the screen is drawn with; `auto` goes by the locale."""
    diff_ignore: tuple[str, ...] = ()
    """Further volatile places that a diff passes over: `data.delta.submittedAt`, `header.date`."""
    views: dict[str, str] = Field(default_factory=dict)
    """Named filters: `"failed deltas" = "event:delta.* state:failed"`."""
