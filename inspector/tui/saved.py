"""What the UI writes by itself: named filters, the filters typed before, the theme chosen last.

`views.toml` lies beside the user's `config.toml`, the rest in the user's state directory. All are
private (0600), small, and replaced as a whole, so that a crash leaves the old or the new one.
"""

import logging
import os
import tempfile
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import platformdirs

from inspector.domain.plaintext import visible
from inspector.domain.query import MAX_LENGTH
from inspector.errors import ConfigurationError

_log = logging.getLogger(__name__)

MOST = 200
"""Filters in the history, and saved views."""
_LARGEST = 4 * MOST * MAX_LENGTH
_HEADER = "# Filters saved in inspector's UI, which writes this file anew whenever one is saved.\n"


class Saved:
    """Files in two directories; None keeps things in memory, for as long as the UI runs.

    Another UI may write them at the same time: each write begins by reading what is there.
    """

    def __init__(self, config: Path | None = None, state: Path | None = None) -> None:
        self._views_file = config and config / "views.toml"
        self._history_file = state and state / "filters"
        self._theme_file = state and state / "theme"
        self._views: dict[str, str] = {}
        self._history: list[str] = []
        self._theme = ""

    @classmethod
    def at_home(cls) -> "Saved":
        """In the user's own directories."""
        config = platformdirs.user_config_dir("inspector", appauthor=False)
        return cls(Path(config), Path(platformdirs.user_state_dir("inspector", appauthor=False)))

    # Views ---------------------------------------------------------------------------------

    def views(self) -> dict[str, str]:
        """The saved filters by name. Raises `ConfigurationError` for a file that is damaged."""
        file = self._views_file
        if file is not None:
            try:
                found = tomllib.loads(_read(file))
            except (OSError, ValueError) as error:
                raise ConfigurationError(
                    f"cannot read {file}: {error}", "correct it or move it away"
                ) from error
            self._views = {name: query for name, query in found.items() if isinstance(query, str)}
        return dict(self._views)

    def save_view(self, name: str, query: str) -> None:
        """Keep a filter under a name, in place of another one of that name.

        Raises `ConfigurationError` when the file is damaged or cannot be written.
        """
        views = self.views()
        views.pop(name, None)
        self._write_views({**views, name: query})

    def delete_view(self, name: str) -> None:
        """Forget the view of that name, if there is one; raises as `save_view` does."""
        views = self.views()
        if views.pop(name, None) is not None:
            self._write_views(views)

    def _write_views(self, views: dict[str, str]) -> None:
        if len(views) > MOST:
            raise ConfigurationError(f"there are {MOST} views already", "delete one first")
        if self._views_file is not None:
            lines = [f"{_toml(name)} = {_toml(query)}\n" for name, query in views.items()]
            _replace(self._views_file, _HEADER + "".join(lines))
        self._views = views

    # History -------------------------------------------------------------------------------

    def history(self) -> list[str]:
        """The filters applied before, the newest last; none when the file cannot be read."""
        if self._history_file is not None:
            try:
                lines = _read(self._history_file).split("\n")
            except (OSError, ValueError) as error:
                _log.info("no history of filters: %s", error)
                lines = []
            self._history = _without_repeats(visible(line) for line in lines)
        return list(self._history)

    def remember(self, text: str) -> None:
        """A filter was applied. A history that cannot be written is not worth an error."""
        text = visible(text.strip())
        if text:
            self._history = _without_repeats([*self.history(), text])
            self._try_write(self._history_file, "".join(f"{one}\n" for one in self._history))

    # Theme ---------------------------------------------------------------------------------

    def theme(self) -> str:
        """The theme chosen last, or nothing."""
        if self._theme_file is not None:
            with suppress(OSError, ValueError):
                self._theme = _read(self._theme_file).strip()
        return self._theme

    def choose_theme(self, name: str) -> None:
        self._theme = name
        self._try_write(self._theme_file, f"{name}\n")

    def _try_write(self, file: Path | None, text: str) -> None:
        if file is not None:
            try:
                _replace(file, text)
            except ConfigurationError as error:
                _log.warning("%s", error.message)


def _without_repeats(lines: Iterable[str]) -> list[str]:
    """The latest of each, at most `MOST`, in order."""
    kept = [line for line in lines if line and len(line) <= MAX_LENGTH]
    return list(dict.fromkeys(reversed(kept)))[:MOST][::-1]


def _read(file: Path) -> str:
    """The text of a file, empty when there is none; `ValueError` when it is not ours."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except FileNotFoundError:
        return ""
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST} bytes")
    return data.decode("utf-8")


def _replace(file: Path, text: str) -> None:
    # A link to the file, as those keep who have their configuration elsewhere, stays one.
    file = Path(os.path.realpath(file))
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made with mode 0600.
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(text.encode("utf-8", "replace"))
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror or error}") from error


def _toml(text: str) -> str:
    """A basic string of TOML."""
    out = []
    for char in text:
        if char in '"\\':
            out.append(f"\\{char}")
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return f'"{"".join(out)}"'
