"""A job as it runs, and what came of it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from inspector.domain.plaintext import visible
from inspector.tui.jobs import Jobs
from inspector.tui.widgets.job_bar import gauge

_LOOK = 0.1
_WIDTH = 40


class JobScreen(ModalScreen[None]):
    """While it runs, Esc or c cancels it and Enter hides this; afterwards any of them closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,c", "cancel", "Cancel"),
        Binding("enter,q,space", "dismiss(None)", "Hide"),
    ]

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._text = Static("", id="job-text", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="job-box"):
            yield self._text

    def on_mount(self) -> None:
        self.set_interval(_LOOK, self._draw)
        self._draw()

    def action_cancel(self) -> None:
        if self._jobs.running:
            self._jobs.cancel()
        else:
            self.dismiss(None)

    def _draw(self) -> None:
        job, said = self._jobs.job, self._jobs.said
        if job is None:
            return
        box = self.query_one("#job-box")
        box.border_title = Content(visible(job.title))
        box.border_subtitle = "Enter or Esc closes" if said else "Esc or c cancels, Enter hides"
        width = max(min(_WIDTH, self.size.width - 16), 4)
        result = visible(said.text) if said else job.figures()
        self._text.update(Content(f"{gauge(job, width)}\n{result}"))
