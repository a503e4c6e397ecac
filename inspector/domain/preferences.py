"""How a user wants the terminal UI: the tables `[ui]` of the configuration, merged."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from inspector.errors import ConfigurationError

Column = Literal[
    "id", "time", "event", "event_id", "request", "signature", "state", "size", "mark", "note"
]
_Time = Literal["clock", "relative"]
_Glyphs = Literal["auto", "unicode", "ascii"]
_CHOICES = {"columns": get_args(Column), "time": get_args(_Time), "glyphs": get_args(_Glyphs)}


class Preferences(BaseModel):
    """Everything about the UI that can be configured; a listener has no use for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str = ""
    """A Textual theme (`textual-light`, `nord`, ...); empty: the one chosen last in the palette."""
    keymap: dict[str, str] = Field(default_factory=dict)
    """Keys by action id, comma-separated: `resend = "r,f5"`."""
    columns: tuple[Column, ...] = ()
    """Columns of the list in order; empty: those that fit."""
    time: _Time = "clock"
    """How times are shown in the list at first."""
    glyphs: _Glyphs = "auto"
    """What the screen is drawn with; `auto` goes by the locale."""
    diff_ignore: tuple[str, ...] = ()
    """Further volatile places that a diff passes over: `data.delta.submittedAt`, `header.date`."""
    views: dict[str, str] = Field(default_factory=dict)
    """Named filters: `"failed deltas" = "event:delta.* state:failed"`."""

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def merged(cls, tables: Iterable[tuple[str, object]]) -> "Preferences":
        """The tables with where each comes from, the later ones winning key by key.

        `keymap` and `views` are merged by their entries. Raises `ConfigurationError` that names
        the file and the key.
        """
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for origin, table in tables:
            if not isinstance(table, Mapping):
                raise ConfigurationError(f"{origin}: ui is not a table", "write it as [ui]")
            for name, value in table.items():
                key = name.replace("-", "_")
                if key in ("keymap", "views") and isinstance(value, Mapping):
                    entries = dict(_flat(value)) if key == "keymap" else dict(value)
                    values[key] = {**values.get(key, {}), **entries}
                    origins |= {f"{key}.{entry}": origin for entry in entries}
                else:
                    values[key] = value
                origins[key] = origin
        try:
            preferences = cls.model_validate(values)
        except ValidationError as error:
            raise _explained(error, origins) from error
        preferences._origins = origins
        return preferences

    def complaint(self, key: str, entry: str, message: str, hint: str = "") -> ConfigurationError:
        """What is wrong with a setting, or with an `entry` of it, and the file that says it."""
        name = f"{key}.{entry}" if entry else key
        origin = self._origins.get(name) or self._origins.get(key, "")
        return ConfigurationError(f"{origin}{origin and ': '}ui.{name}: {message}", hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean resend?`, or nothing when no known name is near."""
    import difflib  # costs 5 ms, and only a mistake needs it

    close = difflib.get_close_matches(name.lower()[:60], list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else ""


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """`tab.1 = "x"` is a table in a table, where an action's id is meant."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _explained(error: ValidationError, origins: Mapping[str, str]) -> ConfigurationError:
    first = error.errors(include_url=False)[0]
    place = [str(step) for step in first["loc"]]
    key = place[0]
    name = ".".join(place) if key in ("keymap", "views") else key
    origin = origins.get(name) or origins.get(key, "")
    if first["type"] == "extra_forbidden":
        known = ", ".join(Preferences.model_fields)
        hint = f"{nearest(key, Preferences.model_fields)} [ui] has {known}".strip()
        return ConfigurationError(f"{origin}: there is no setting ui.{key}", hint)
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        choices = _CHOICES[key]
        hint = f"{nearest(first['input'], choices)} It knows {', '.join(choices)}".strip()
        return ConfigurationError(f"{origin}: ui.{name}: there is no {first['input']!r}", hint)
    return ConfigurationError(f"{origin}: ui.{name}: {first['msg']}")
