"""The line of a running job: how far it is, and how it stands. Hidden without one."""

from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from inspector.domain.plaintext import one_line
from inspector.tui.jobs import Job, Jobs

_LOOK = 0.1
_WIDTH = 20


class JobBar(Widget, can_focus=False):
    """Looks at the job ten times a second while one runs; a click asks for its screen."""

    class Clicked(Message):
        """The user wants to see more of the job."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__(id="job")
        self._jobs = jobs
        self._timer: Timer | None = None
        self.display = False

    def look(self) -> None:
        """A job began or ended."""
        self.display = self._jobs.running
        if self.display and self._timer is None:
            self._timer = self.set_interval(_LOOK, self.refresh)
        elif not self.display and self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.refresh()

    def render(self) -> Content:
        job = self._jobs.job
        if job is None:
            return Content("")
        return Content.assemble(
            f" {gauge(job, _WIDTH)} ",
            (f"{one_line(job.title, 60)}  ", "bold"),
            one_line(job.figures(), 200),
        )

    def on_click(self) -> None:
        self.post_message(self.Clicked())


def gauge(job: Job, width: int) -> str:
    """How far it is, in characters that every terminal has: `[#####-----] 50%`."""
    share = job.done / job.total if job.total else 1.0
    full = round(share * width)
    return f"[{'#' * full}{'-' * (width - full)}] {share:4.0%}"
