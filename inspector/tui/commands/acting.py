"""What is done with deliveries."""

from array import array
from typing import TYPE_CHECKING

from inspector.domain.delivery import Delivery, State
from inspector.domain.query import quoted
from inspector.domain.routes import parse_target
from inspector.providers import PROVIDERS
from inspector.tui.acts import MARK
from inspector.tui.bulk import ResendPlan
from inspector.tui.commands.common import at_cursor, at_gap, offered_targets, relay_in_use
from inspector.tui.filters import Filter
from inspector.tui.screens.bulk import BulkScreen
from inspector.tui.screens.job import JobScreen
from inspector.tui.screens.prompt import PromptScreen
from inspector.tui.screens.trigger import TriggerScreen
from inspector.tui.team import taken

if TYPE_CHECKING:
    from inspector.tui.screens.main import MainScreen


class Acting:
    """One method an action of `actions/acting.py`."""

    def __init__(self, screen: "MainScreen") -> None:
        self._screen = screen
        self._session = screen.session

    def resend(self) -> None:
        self._resend(re_sign=False)

    def re_sign(self) -> None:
        self._resend(re_sign=True)

    def _resend(self, *, re_sign: bool) -> None:
        delivery_id = self._session.feed.cursor_id
        if self._session.selection:
            self._ask_plan(ResendPlan(re_sign=re_sign))
        elif delivery_id is not None and not at_gap(self._screen, "send"):
            self._session.acts.resend(delivery_id, re_sign=re_sign)

    def send_to(self) -> None:
        if self._session.selection:
            self._ask_plan(ResendPlan(to=next(iter(offered_targets(self._session)), None)))
            return
        delivery_id = self._session.feed.cursor_id
        if delivery_id is None or at_gap(self._screen, "send"):
            return

        def answered(text: str | None) -> None:
            if text is not None:
                self._session.acts.resend(delivery_id, to=parse_target(text).url)

        offers = offered_targets(self._session)
        self._screen.ask(
            PromptScreen(
                f"Send #{delivery_id} to",
                offers[0] if offers else "",
                hint="3000, localhost:3000/path, https://host/base/*; the arrow keys choose",
                offers=offers,
                selected=True,
                check=parse_target,
            ),
            answered,
        )

    def trigger(self) -> None:
        catalogue = [doc for provider in PROVIDERS for doc in provider.catalogue.values()]
        self._screen.ask(TriggerScreen(catalogue), self._triggered)

    def _triggered(self, event: str | None) -> None:
        if event is not None:
            self._session.acts.trigger(event)

    def mark(self) -> None:
        if self._session.selection:
            self._mark_selected()
            return
        delivery = self._under_cursor()
        if delivery is not None:
            self._session.acts.mark(delivery.id, "" if delivery.mark else MARK)

    def _mark_selected(self) -> None:
        """Mark all of them, or take the marks away where all that are known have one."""
        session = self._session
        ids = session.selection.ids
        known = [one for id_ in ids if (one := session.feed.get(id_)) is not None]
        session.acts.mark_all(ids, "" if known and all(one.mark for one in known) else MARK)

    def note(self) -> None:
        delivery = self._under_cursor()
        if delivery is None:
            return

        def answered(text: str | None) -> None:
            if text is not None and text != delivery.note:
                self._session.acts.note(delivery.id, text)

        hint = "Enter with nothing takes the note away" if delivery.note else ""
        prompt = PromptScreen(f"Note at #{delivery.id}", delivery.note, hint=hint)
        self._screen.ask(prompt, answered)

    def breakpoint(self) -> None:
        """Ask for the query of what is held, beginning with what is most likely meant."""
        session, keys = self._session, self._screen.keys
        now = session.status.breakpoint if session.status else ""
        delivery = at_cursor(self._session)
        event = delivery.event if delivery else None
        guess = now or session.filter.text or (f"event:{quoted(event)}" if event else "")

        def answered(text: str | None) -> None:
            if text is not None and (text or now):
                session.acts.hold(text)

        self._screen.ask(
            PromptScreen(
                "Breakpoint: hold deliveries that match, instead of sending them",
                guess,
                hint=f"{keys.first('release')} lets one go, {keys.first('edit')} edits it first. "
                "Enter with nothing takes it away.",
                selected=True,
                check=Filter.of,
            ),
            answered,
        )

    def release(self) -> None:
        delivery = at_cursor(self._session)
        held = delivery is not None and delivery.state is State.HELD
        self._session.acts.release(delivery.id if delivery and held else None)

    def release_all(self) -> None:
        self._session.acts.release_all()

    def answer_senders(self) -> None:
        relay = relay_in_use(self._screen)
        if relay is not None:
            self._session.acts.answer_senders(taken(relay))

    def _under_cursor(self) -> Delivery | None:
        """The delivery under the cursor; says so when it is still loading."""
        delivery = at_cursor(self._session)
        if delivery is None:
            self._screen.say("this delivery is still loading", "warning")
        return delivery

    # Many at once --------------------------------------------------------------------------

    def _ask_plan(self, plan: ResendPlan) -> None:
        """Ask how the selected ones are to be sent, then send them."""
        session = self._session
        ids = session.selection.ids
        own = ", ".join(one.target for one in session.status.targets) if session.status else ""

        def failed(left: list[int]) -> None:
            if session.selection.ids != ids:
                return  # something else was selected meanwhile
            session.selection.take(array("q", sorted(left)))
            self._screen.list.refresh()
            self._screen.refresh_place()

        def answered(chosen: ResendPlan | None) -> None:
            if chosen is not None and session.acts.resend_all(ids, chosen, failed):
                self.job()

        self._screen.ask(BulkScreen(len(ids), plan, own or "none is known"), answered)

    def job(self) -> None:
        jobs = self._session.acts.jobs
        if jobs.job is None:
            self._screen.say("no job runs", "warning")
        else:
            self._screen.ask(JobScreen(jobs), lambda _: None)

    def stop_job(self) -> None:
        jobs = self._session.acts.jobs
        if jobs.running:
            jobs.cancel()
        else:
            self._screen.say("no job runs", "warning")
