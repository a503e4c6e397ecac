"""A request as text: edited here or in the user's own editor, then sent as a new delivery."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from inspector.domain.delivery import Request
from inspector.domain.jsontext import laid_out
from inspector.domain.plaintext import one_line, visible
from inspector.domain.requesttext import EditError, RequestText, from_text
from inspector.domain.routes import parse_target
from inspector.errors import InspectorError
from inspector.tui.events import complaint
from inspector.tui.screens.menu import Choice, MenuScreen
from inspector.tui.screens.prompt import PromptScreen
from inspector.tui.widgets.plain_area import PlainArea

_MOST_LINES = 50_000


class Edited(NamedTuple):
    """What is to be sent: to its own targets or `to` one, signed anew or as it is."""

    request: Request
    to: str | None
    re_sign: bool


class EditScreen(ModalScreen[None]):
    """Ends when the edited one is on its way, or when the user leaves.

    `text` is the original as text, `edited` what an editor made of it already. `send` sends, and
    raises `InspectorError` when that cannot be: then the text stays. `outside` gives a text to
    the user's editor and comes back with what it left (None: nothing was changed). `perform` runs
    both as tasks of the session. `targets` are offered for a choice.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("ctrl+s", "send(False)", "Send"),
        Binding("ctrl+r", "send(True)", "Re-sign and send"),
        Binding("ctrl+e", "outside", "In $EDITOR"),
        Binding("ctrl+t", "target", "Target"),
        Binding("ctrl+l", "lay_out", "Lay out"),
    ]

    def __init__(
        self,
        title: str,
        original: Request,
        text: RequestText,
        *,
        send: Callable[[Edited], Awaitable[None]],
        outside: Callable[[str], Awaitable[str | None]],
        perform: Callable[[Coroutine[Any, Any, None], str], None],
        targets: list[str],
        edited: str | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._original = original
        self._text = text
        self._send = send
        self._outside = outside
        self._perform = perform
        self._targets = targets
        self._to: str | None = None
        self._sending = False
        # The text as it is shown, and as it was left by an editor: alike, unless the editor put
        # something unseen into it, which is sent as it is while nothing is edited here.
        self._shown = self._exact = ""
        self._area = PlainArea(soft_wrap=True, tab_behavior="indent", id="edit-text")
        self._area.indent_type = "tabs"
        self._note = Static("", id="edit-note", markup=False)
        self._error = Static("", id="edit-error", markup=False)
        self._keys = Static("", id="edit-keys", markup=False)
        self._load(text.text if edited is None else edited)

    def compose(self) -> ComposeResult:
        with Vertical(id="edit"):
            yield self._area
            yield self._error
            yield self._note
            yield self._keys

    def on_mount(self) -> None:
        edit = self.query_one("#edit")
        edit.border_title = Content(one_line(self._title, 200))
        self._note.update(Content(visible(self._text.note)))
        self._note.display = bool(self._text.note)
        self._complain("")
        self._draw_keys()
        self.set_focus(self._area)
        if self._exact != self._text.text:
            self._read()

    @property
    def text(self) -> str:
        """The text as it would be sent."""
        return self._exact if self._area.text == self._shown else self._area.text

    def action_send(self, re_sign: bool) -> None:
        request = self._read()
        if request is None:
            return
        if request == self._original:
            self._complain("nothing was changed, so nothing was sent; Esc leaves")
            return
        if not self._sending:
            self._sending = True
            self._complain("sending …")
            self._perform(self._sent(Edited(request, self._to, re_sign)), "resend")

    async def _sent(self, edited: Edited) -> None:
        try:
            await self._send(edited)
        except InspectorError as error:
            self._complain(complaint(error).text)
        else:
            self.dismiss(None)
        finally:
            self._sending = False

    def action_leave(self) -> None:
        if self.text == self._text.text:
            self.dismiss(None)
            return

        def answered(key: str | None) -> None:
            if key == "d":
                self.dismiss(None)

        self.app.push_screen(
            MenuScreen(
                "Leave without sending?",
                [Choice("k", "keep on editing"), Choice("d", "drop the changes")],
            ),
            answered,
        )

    def action_target(self) -> None:
        if self._sending:
            return

        def answered(text: str | None) -> None:
            if text is not None:
                self._to = parse_target(text).url if text else None
                self._draw_keys()

        self.app.push_screen(
            PromptScreen(
                "Send the edited one to",
                self._to or "",
                hint="empty: the delivery's own targets",
                offers=self._targets,
                selected=True,
                check=lambda text: text and parse_target(text),
            ),
            answered,
        )

    def action_lay_out(self) -> None:
        """Give the JSON of the body a line for each value; undone by Ctrl+Z."""
        head, _, body = self._area.text.partition("\n\n")
        layout = laid_out(body, _MOST_LINES)
        if not self._text.body_editable or not layout.complete or layout.flaw or layout.broken:
            self._complain("the body is no JSON that could be laid out")
            return
        self._area.replace("\n".join(layout), (head.count("\n") + 2, 0), self._area.document.end)
        self._complain("laid out: so its bytes are not those of the original; Ctrl+Z undoes it")

    def action_outside(self) -> None:
        if not self._sending:
            self._perform(self._edit_outside(), "editor")

    async def _edit_outside(self) -> None:
        try:
            edited = await self._outside(self.text)
        except InspectorError as error:
            self._complain(complaint(error).text)
            return
        if edited is None:
            self._complain("the editor left it as it was")
            return
        self._load(edited)
        self._complain("")
        self._read()

    def _load(self, text: str) -> None:
        self._exact = text.replace("\r\n", "\n")
        self._shown = visible(self._exact, keep_layout=True)
        self._area.load_text(self._shown)

    def _read(self) -> Request | None:
        """The request that the text says; what is wrong with it is told, with the cursor there."""
        try:
            request = from_text(self.text, self._original)
        except EditError as error:
            self._complain(complaint(error).text)
            self._area.move_cursor((min(error.line, self._area.document.line_count) - 1, 0))
            return None
        self._complain("")
        return request

    def _complain(self, text: str) -> None:
        self._error.update(Content(visible(text)))
        self._error.display = bool(text)

    def _draw_keys(self) -> None:
        where = one_line(self._to, 60) if self._to else "its own"
        parts = [
            ("Ctrl+S", "send"),
            ("Ctrl+R", "re-sign, send"),
            ("Ctrl+E", "$EDITOR"),
            ("Ctrl+L", "lay out JSON"),
            ("Ctrl+T", f"target: {where}"),
            ("Esc", "leave"),
        ]
        self._keys.update(
            Content("  ").join(
                [Content.assemble((key, "bold $text-accent"), f" {text}") for key, text in parts]
            )
        )
