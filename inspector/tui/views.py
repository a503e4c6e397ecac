"""Named filters: those of the configuration, and those saved in the UI, which win."""

from collections.abc import Mapping

from inspector.domain.plaintext import one_line
from inspector.errors import ConfigurationError, UsageError
from inspector.tui.saved import Saved

_LONGEST = 60


class NamedViews:
    """By name, in the order of the alphabet. `problem` says why saved ones are missing."""

    def __init__(self, configured: Mapping[str, str], saved: Saved) -> None:
        self._configured = dict(configured)
        self._saved = saved
        self._own: dict[str, str] = {}
        self.problem: ConfigurationError | None = None
        self.all: Mapping[str, str] = {}
        try:
            self._own = saved.views()
        except ConfigurationError as error:
            self.problem = error
        self._merge()

    def save(self, name: str, query: str) -> None:
        """Keep it; raises `ConfigurationError` when it cannot be written."""
        self._saved.save_view(name, query)
        self._refresh()

    def check_own(self, name: str) -> None:
        """Raises `UsageError` for a view that is not the UI's own."""
        if name not in self._own:
            raise UsageError(f'the view "{name}" is in the configuration', "take it out there")

    def delete(self, name: str) -> None:
        """Raises as `check_own` and `save` do."""
        self.check_own(name)
        self._saved.delete_view(name)
        self._refresh()

    def check_name(self, name: str) -> None:
        """Raises `UsageError` for what cannot be a name."""
        if not name:
            raise UsageError("a name is missing")
        if len(name) > _LONGEST or one_line(name, _LONGEST) != name:
            raise UsageError(f"a name has at most {_LONGEST} characters")

    def _refresh(self) -> None:
        self._own = self._saved.views()
        self._merge()

    def _merge(self) -> None:
        # A new mapping for each change: what is derived from it is kept by its identity.
        both = {**self._configured, **self._own}
        self.all = {name: both[name] for name in sorted(both, key=str.lower)}
