"""Re-sending a list of deliveries, through the listener or by ourselves."""

from collections.abc import Sequence
from typing import Any, Self

from inspector.cli.compact import attempt_row
from inspector.cli.printing import Progress, print_item, print_row, tell
from inspector.cli.running import Api
from inspector.errors import NotFoundError, TargetError
from inspector.settings import Settings


class Report:
    """Prints each attempt as it ends, and keeps what the exit code will be."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        self._total = total
        self._as_json = as_json
        self._done = 0
        self._progress = Progress("re-sending")
        self.exit_code = 0

    def begin(self) -> None:
        """The next delivery is being sent."""
        self._done += 1
        self._progress.show(self._done, self._total)

    def attempt(self, item: dict[str, Any]) -> None:
        self._progress.hide()
        if self._as_json:
            print_item("attempt", item)
        else:
            print_row(attempt_row(item))
        if failed(item):
            self.exit_code = TargetError.exit_code

    def skip(self, delivery_id: int, error: NotFoundError) -> None:
        """One of many cannot be sent: it was pruned meanwhile, or never understood."""
        self._progress.hide()
        tell(f"inspector: #{delivery_id}: {error.message}")
        self.exit_code = self.exit_code or error.exit_code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.hide()


def failed(attempt: dict[str, Any]) -> bool:
    """Whether an attempt ended without an answer, or with one of 400 and above."""
    return attempt["status"] is None or attempt["status"] >= 400


def through(api: Api, ids: Sequence[int], *, to: str | None, re_sign: bool, report: Report) -> None:
    """Have the listener send them, one after the other; it waits for the app, and we for it."""
    for id_ in ids:
        report.begin()
        asked = {"to": to, "re_sign": re_sign, "wait": True}
        try:
            answer = api.post(f"deliveries/{id_}/resend", asked)
        except NotFoundError as error:
            report.skip(id_, error)
            continue
        for item in answer["attempts"]:
            report.attempt(item)


async def by_ourselves(
    settings: Settings, ids: Sequence[int], *, to: str | None, re_sign: bool, report: Report
) -> None:
    """Send them without a listener, and record it in the store."""
    from inspector.offline import Offline

    async with Offline(settings, "resend") as offline:
        for id_ in ids:
            report.begin()
            try:
                sendings = await offline.resend(id_, to=to, re_sign=re_sign)
            except NotFoundError as error:
                report.skip(id_, error)
                continue
            for sending in sendings:
                report.attempt((await sending.finished()).to_json())
