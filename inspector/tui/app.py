"""The terminal UI of one listener."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from inspector.client.control import Control
from inspector.client.models import Status
from inspector.client.stream import Stream
from inspector.clock import wall_clock
from inspector.domain.preferences import Preferences
from inspector.errors import InspectorError
from inspector.tui.actions import BY_ID, Where, bindings
from inspector.tui.glyphs import AsciiFilter, resolved
from inspector.tui.in_turn import KeysInTurn
from inspector.tui.memory import give_back_large_blocks
from inspector.tui.preferences import check
from inspector.tui.saved import Saved
from inspector.tui.screens.main import MainScreen

_INTERRUPTED = 130


class InspectorApp(KeysInTurn):
    """Holds the theme, the one `.tcss` and the main screen; no feature is in here.

    `now` gives microseconds since the epoch, `tz` is what times are shown in (the machine's own
    by default). `saved` is what the UI writes itself, nowhere by default. `failure` says why it
    ended by itself, if it did.
    """

    TITLE = "inspector"
    CSS_PATH = "inspector.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.EVERYWHERE)]
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-narrow"),
        (100, "-normal"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-flattest"),
        (5, "-flat"),
        (10, "-high"),
    ]

    def __init__(
        self,
        control: Control,
        stream: Stream,
        preferences: Preferences | None = None,
        saved: Saved | None = None,
        *,
        now: Callable[[], int] = wall_clock,
        tz: tzinfo | None = None,
    ) -> None:
        wanted = preferences or Preferences()
        self._glyphs = [AsciiFilter()] if wanted.glyphs == "ascii" else []
        super().__init__()
        self._saved = saved or Saved()
        self._main = MainScreen(control, stream, wanted, self._saved, now, tz)
        self.failure: InspectorError | None = None
        chosen = wanted.theme or self._saved.theme()
        self.theme = chosen if chosen in self.available_themes else self.theme
        self.set_keymap(self._main.keys.keymap)
        self.at_once = frozenset(self._main.keys.of(BY_ID["interrupt"]))

    @property
    def status(self) -> Status | None:
        """The last that was known of the listener."""
        return self._main.session.status

    @property
    def unfinished(self) -> str:
        """The job that ended with the UI, or nothing."""
        return self._main.session.acts.jobs.unfinished

    def on_mount(self) -> None:
        self.push_screen(self._main)
        # From now on it is the user who changes it.
        self.theme_changed_signal.subscribe(
            self, lambda theme: self._saved.choose_theme(theme.name)
        )

    def on_main_screen_failed(self, message: MainScreen.Failed) -> None:
        self.failure = message.error
        self.exit(return_code=message.error.exit_code)

    def get_line_filters(self) -> Sequence[LineFilter]:
        # Asked for at each line that is drawn.
        filters = super().get_line_filters()
        return [*filters, *self._glyphs] if self._glyphs else filters

    def action_interrupt(self) -> None:
        self.exit(return_code=_INTERRUPTED)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Only the themes: everything else is in the registry."""
        del screen
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)


def check_ui(preferences: Preferences) -> None:
    """Raises `ConfigurationError` for what cannot be: an unknown theme or action, a key twice."""
    check(preferences, BUILTIN_THEMES)


def run_ui(
    control_url: str,
    token: str,
    preferences: Preferences,
    left: Callable[[Status | None, str], None] = lambda status, unfinished: None,
    gone: Callable[[], InspectorError | None] = lambda: None,
) -> int:
    """Show the listener at `control_url` until the user leaves; the exit code of the process.

    `left` gets the last that was known of the listener, and the work that was under way, with the
    terminal as it was before. `gone` says why the listener will not come back, where that is known.
    Raises `ConfigurationError` when the token is refused or the preferences cannot be, and what
    `gone` said.
    """
    check_ui(preferences)
    give_back_large_blocks()
    app = InspectorApp(
        Control(control_url, token, gone),
        Stream(control_url, token, gone=gone),
        resolved(preferences, os.environ),
        Saved.at_home(),
    )
    app.run()
    left(app.status, app.unfinished)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
