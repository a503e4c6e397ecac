"""The picker of views: choose one, and its filter is applied; or delete one."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.domain.plaintext import one_line, visible
from inspector.errors import InspectorError
from inspector.tui.events import told
from inspector.tui.rows import fit
from inspector.tui.screens.menu import Choice, MenuScreen
from inspector.tui.views import NamedViews

_NAME, _QUERY = 30, 300


class ViewsScreen(ModalScreen[str | None]):
    """Ends with the name of a view, or None. A deletion is asked about, and told in place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Close"),
        Binding("d,delete", "delete", "Delete"),
        Binding("j", "focused.cursor_down", "Down", show=False),
        Binding("k", "focused.cursor_up", "Up", show=False),
    ]

    def __init__(self, views: NamedViews) -> None:
        super().__init__()
        self._views = views
        self._names: list[str] = []
        self._list = OptionList(id="views", markup=False)
        self._said = Static("", id="views-said", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="view-picker"):
            yield self._list
            yield self._said

    def on_mount(self) -> None:
        picker = self.query_one("#view-picker")
        picker.border_title = "Views"
        picker.border_subtitle = "Enter applies, d deletes, Esc leaves"
        self._fill(0)
        self.set_focus(self._list)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._names[event.option_index])

    def action_delete(self) -> None:
        at = self._list.highlighted
        if at is None:
            return
        name = self._names[at]
        try:
            self._views.check_own(name)
        except InspectorError as error:
            self._complain(error)
            return

        def answered(key: str | None) -> None:
            if key == "d":
                self._delete(name, at)

        choices = [Choice("k", "keep it"), Choice("d", "delete it")]
        self.app.push_screen(MenuScreen(f'Delete the view "{name}"?', choices), answered)

    def _delete(self, name: str, at: int) -> None:
        try:
            self._views.delete(name)
        except InspectorError as error:
            self._complain(error)
            return
        left = "; one of the configuration has its name" if name in self._views.all else ""
        self._said.update(Content(visible(f'deleted "{name}"{left}')))
        self._fill(at)

    def _complain(self, error: InspectorError) -> None:
        self._said.update(Content(told(error)))

    def _fill(self, at: int) -> None:
        self._names = list(self._views.all)
        self._list.clear_options()
        self._list.add_options([Option(_line(*one)) for one in self._views.all.items()])
        self._list.highlighted = min(at, len(self._names) - 1) if self._names else None


def _line(name: str, query: str) -> Content:
    shown = one_line(query, _QUERY) or "(everything)"
    return Content.assemble((fit(one_line(name, 200), _NAME), "bold"), "  ", (shown, "dim"))
