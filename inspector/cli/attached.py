"""`serve` on a terminal: the listener in a process of its own, the UI in this one."""

from pathlib import Path
from typing import TYPE_CHECKING

from inspector.cli.child import listening
from inspector.cli.hangup import end_with_standard_input
from inspector.cli.parting import after_serve
from inspector.cli.printing import tell
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.client.models import Status


def serve_with_ui(settings: Settings, demo: bool) -> int:
    """Start a listener, open the UI on it, and stop it when the UI ends."""
    with listening(settings, demo) as child:
        # While the listener starts: it takes about as long.
        from inspector.tui.app import check_ui, run_ui

        check_ui(settings.ui)
        ready = child.ready()
        token = Path(ready["token_file"]).read_text("ascii").strip()
        end_with_standard_input()
        return run_ui(ready["control"], token, settings.ui, _left, child.gone)


def _left(status: "Status | None", unfinished: str) -> None:
    for text in (unfinished, after_serve(status)):
        if text:
            tell(text)
