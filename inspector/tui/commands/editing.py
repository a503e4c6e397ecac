"""Editing a delivery into a new one, here or in the user's editor."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from inspector.domain.delivery import Delivery, Request, State
from inspector.domain.requesttext import from_text, to_text
from inspector.errors import InspectorError
from inspector.tui.commands.common import at_cursor, at_gap, offered_targets
from inspector.tui.editor import edit_outside
from inspector.tui.events import complaint
from inspector.tui.screens.edit import Edited, EditScreen
from inspector.tui.screens.menu import Choice, MenuScreen

# A key in an area of text costs 50 ms with a line of 64,000 characters, and 1 s with a million.
_LONGEST = 64_000

Send = Callable[[Edited], Awaitable[None]]
Outside = Callable[[str], Awaitable[str | None]]

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


class Editing:
    """`edit` and `edit-outside` of `actions/acting.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session
        self._opening = False

    def edit(self) -> None:
        self._open(outside=False)

    def edit_outside(self) -> None:
        self._open(outside=True)

    def _open(self, *, outside: bool) -> None:
        delivery = at_cursor(self._session)
        if delivery is None:
            self._screen.say("this delivery is still loading", "warning")
        elif at_gap(self._screen, "edit"):
            pass
        elif delivery.state is State.REFUSED:
            text = f"#{delivery.id} was refused: what came of it cannot be sent"
            self._screen.say(text, "warning")
        elif not self._opening:
            self._opening = True
            self._session.acts.perform(self._edit(delivery, outside), "edit")

    async def _edit(self, delivery: Delivery, outside: bool) -> None:
        try:
            request = (await self._session.acts.fetch(delivery)).request
            shown = to_text(request)
            editor = partial(edit_outside, self._screen.app, name=f"delivery-{delivery.id}.http")
            edited: str | None = None
            if not outside and _too_long(shown.text):
                key = self._screen.keys.first("edit-outside")
                text = (
                    f"a line of #{delivery.id} is too long to be edited here: {key} opens $EDITOR"
                )
                self._screen.say(text, "warning")
                return
            if outside:
                edited = await editor(shown.text)
                if edited is None:
                    self._screen.say("the editor left it as it was: nothing was sent")
                    return
        finally:
            self._opening = False

        async def send(done: Edited) -> None:
            await self._session.acts.send_edited(
                delivery, done.request, to=done.to, re_sign=done.re_sign
            )

        if edited is not None and _too_long(edited):
            self._decide(delivery, request, edited, send, editor)
            return
        held = delivery.state is State.HELD
        title = f"Edit #{delivery.id}" + (
            ", held: the edited one goes in its place" if held else ""
        )
        self._screen.ask(
            EditScreen(
                title,
                request,
                shown,
                send=send,
                outside=editor,
                perform=self._session.acts.perform,
                targets=offered_targets(self._session),
                edited=edited,
            ),
            lambda _: None,
        )

    def _decide(
        self, delivery: Delivery, request: Request, edited: str, send: Send, editor: Outside
    ) -> None:
        """What is too long for an area of text is sent, or edited on, without being shown."""

        async def sent(re_sign: bool) -> None:
            try:
                await send(Edited(from_text(edited, request), None, re_sign))
            except InspectorError as error:
                # Nothing of a long edit is lost: it is asked about once more.
                said = complaint(error)
                self._screen.say(said.text, said.severity)
                self._decide(delivery, request, edited, send, editor)

        async def edit_on() -> None:
            again = await editor(edited)
            self._decide(delivery, request, edited if again is None else again, send, editor)

        def answered(key: str | None) -> None:
            perform = self._session.acts.perform
            if key == "e":
                perform(edit_on(), "editor")
            elif key in ("s", "r"):
                perform(sent(key == "r"), "resend")
            else:
                self._screen.say(f"what was edited of #{delivery.id} was dropped")

        choices = (
            Choice("s", "send it"),
            Choice("r", "re-sign and send it"),
            Choice("e", "edit on"),
            Choice("d", "drop it"),
        )
        self._screen.ask(MenuScreen(f"#{delivery.id} was edited", choices), answered)


def _too_long(text: str) -> bool:
    return max(map(len, text.split("\n"))) > _LONGEST
