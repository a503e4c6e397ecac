"""What the delivery that is looked at is compared with: the choices there are, and both sides."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum

from inspector.client.control import Control
from inspector.client.models import AttemptDetail, DeliveryDetail
from inspector.domain.attempt import Attempt
from inspector.domain.delivery import Delivery, iso
from inspector.domain.diff import Side
from inspector.domain.query.quoting import quoted
from inspector.errors import InspectorError, NotFoundError
from inspector.tasks import Tasks
from inspector.tui.events import DetailChanged, Tell

_NOTHING = (
    "There is nothing to compare with: no other delivery is marked, none of its type came before, "
    "and no two of its attempts were answered"
)


class Baseline(StrEnum):
    """What to compare with, in the order in which it is offered."""

    MARKED = "the marked delivery"
    ORIGINAL = "the delivery that it was edited from"
    PREVIOUS = "the previous of its type"
    ANSWERS = "the answer of the attempt before"
    MARKED_ANSWER = "the answer to the marked delivery"
    ORIGINAL_ANSWER = "the answer to the delivery that it was edited from"


_OF_ANSWERS = (Baseline.ANSWERS, Baseline.MARKED_ANSWER, Baseline.ORIGINAL_ANSWER)
_PARTNER = {Baseline.MARKED_ANSWER: Baseline.MARKED, Baseline.ORIGINAL_ANSWER: Baseline.ORIGINAL}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides, or in `said` why there are none (yet); `hint` is the action that would help.

    `bases` are the choices that exist.
    """

    bases: tuple[Baseline, ...] = ()
    base: Baseline | None = None
    left: Side | None = None
    right: Side | None = None
    said: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is looked at, as far as a comparison depends on it."""

    detail: DeliveryDetail
    answered: tuple[AttemptDetail, ...]
    marked: int | None
    attempt: int | None

    @property
    def key(self) -> Hashable:
        ids = tuple(one.attempt.id for one in self.answered)
        return self.detail.delivery.id, self.detail.has_body, ids, self.marked, self.attempt


class ComparisonSource:
    """Finds what there is to compare with and fetches it, once it is looked at.

    The choice stays when another delivery is looked at, as far as that one has it too.
    """

    def __init__(self, control: Control, tasks: Tasks, tell: Tell) -> None:
        self._control = control
        self._tasks = tasks
        self._tell = tell
        self._base: Baseline | None = None
        self._attempt: int | None = None
        self._marked: int | None = None
        self._wanted: tuple[Hashable, Baseline | None] | None = None
        self._subject: _Subject | None = None
        self._found = Compared(said="looking …")
        self._partners: dict[Baseline, int] = {}
        self._partners_of: Hashable = None
        self._task: asyncio.Task[None] | None = None

    # What the user does --------------------------------------------------------------------

    def turn(self) -> None:
        """Compare with the next choice that exists."""
        bases = self._found.bases
        if len(bases) > 1 and self._found.base in bases:
            self._base = bases[(bases.index(self._found.base) + 1) % len(bases)]

    def want_answer(self, attempt_id: int) -> None:
        """Compare the answer of this attempt with the one before it."""
        self._base, self._attempt = Baseline.ANSWERS, attempt_id

    def saw_mark(self, delivery_id: int, *, marked: bool) -> None:
        """A delivery was marked just now, or is not any more."""
        self._marked = delivery_id if marked else None
        self._partners_of = None
        self._tell(DetailChanged())

    def forget(self) -> None:
        """Look again: the last time may have ended in an error that is over."""
        self._wanted = self._partners_of = None

    # What there is -------------------------------------------------------------------------

    def look_at(self, detail: DeliveryDetail, attempts: tuple[AttemptDetail, ...]) -> Compared:
        """What is known by now of the comparison for this delivery."""
        answered = tuple(one for one in attempts if one.attempt.status is not None)
        chosen = self._attempt if any(self._attempt == one.attempt.id for one in answered) else None
        subject = _Subject(detail, answered, self._marked, chosen)
        wanted = (subject.key, self._base)
        if wanted != self._wanted:
            if self._subject is None or detail.delivery.id != self._subject.detail.delivery.id:
                self._found = Compared(said="looking …")
            self._wanted, self._subject = wanted, subject
            if self._task is None or self._task.done():
                self._task = self._tasks.start(self._run(), "comparison")
        return self._found

    async def _run(self) -> None:
        done = None
        while self._wanted != done and self._subject is not None:
            done, subject, base = self._wanted, self._subject, self._base
            try:
                found = await self._find(subject, base)
            except NotFoundError:
                found = Compared(said="what it was compared with is no longer in the store")
            except InspectorError as error:
                found = Compared(said=error.message)
            if done == self._wanted:
                self._found = found
                self._tell(DetailChanged())

    async def _find(self, subject: _Subject, wanted: Baseline | None) -> Compared:
        if self._partners_of != (subject.detail.delivery.id, subject.marked):
            self._partners = await self._find_partners(subject)
            self._partners_of = (subject.detail.delivery.id, subject.marked)
        bases = _bases(subject, self._partners)
        if not bases:
            return Compared(said=_NOTHING, hint="mark")
        base = wanted if wanted in bases else bases[0]
        if base in _OF_ANSWERS:
            sides = await self._answers(subject, base)
            if isinstance(sides, str):
                return Compared(bases, base, said=sides)
            left, right = sides
        else:
            partner = self._partners[base]
            if not subject.detail.has_body and subject.detail.delivery.body_size:
                return Compared(bases, base, said="The body is not loaded", hint="load-body")
            left = request_side(await self._fetch(partner), str(base))
            right = request_side(subject.detail, "this one")
        return Compared(bases, base, left, right)

    async def _find_partners(self, subject: _Subject) -> dict[Baseline, int]:
        """The other deliveries, by what they are to this one."""
        delivery = subject.detail.delivery
        out: dict[Baseline, int] = {}
        marked = subject.marked
        if marked is None:
            page = await self._control.deliveries("is:marked not state:gap", limit=2)
            marked = next((one.id for one in page.items if one.id != delivery.id), None)
        if marked is not None and marked != delivery.id:
            out[Baseline.MARKED] = marked
        if delivery.replay_of is not None:
            out[Baseline.ORIGINAL] = delivery.replay_of
        page = await self._control.deliveries(_alike(delivery), before=delivery.id, limit=1)
        if page.items:
            out[Baseline.PREVIOUS] = page.items[0].id
        return out

    async def _fetch(self, delivery_id: int) -> DeliveryDetail:
        detail = await self._control.delivery(delivery_id, body=False)
        if not detail.delivery.body_size:
            return detail
        # Raw: in base64 a large one would be here twice.
        body = await self._control.body(delivery_id)
        return replace(detail, request=detail.request._replace(body=body), has_body=True)

    async def _answers(self, subject: _Subject, base: Baseline) -> tuple[Side, Side] | str:
        """Both answers, or why there is only one."""
        ours = list(subject.answered)
        if base is Baseline.ANSWERS:
            ids = [one.attempt.id for one in ours]
            # The first attempt has none before it: then it is compared with the one after.
            at = max(ids.index(subject.attempt) if subject.attempt in ids else len(ids) - 1, 1)
            return answer_side(ours[at - 1]), answer_side(ours[at])
        partner = self._partners[_PARTNER[base]]
        attempts = await self._control.attempts(partner)
        theirs = [one for one in attempts if one.attempt.status is not None]
        if not theirs:
            what = "has got no answer" if attempts else "was never sent, and has no answer"
            return f"#{partner} {what}: send it again for one"
        left = answer_side(theirs[-1], f"the answer to #{partner}")
        return left, answer_side(ours[-1], "the answer to this one")


def _bases(subject: _Subject, partners: dict[Baseline, int]) -> tuple[Baseline, ...]:
    """What can be compared, in the order of `Baseline`; the same delivery is offered once."""
    out: list[Baseline] = []
    for base in Baseline:
        if base is Baseline.ANSWERS:
            if len(subject.answered) > 1:
                out.append(base)
        elif base in _PARTNER:
            if subject.answered and _PARTNER[base] in partners:
                out.append(base)
        elif base in partners and partners[base] not in [partners.get(one) for one in out]:
            out.append(base)
    return tuple(out)


def _alike(delivery: Delivery) -> str:
    """A query for deliveries of the same type; without one, of the same request."""
    if delivery.event is not None:
        return f"event:{quoted(delivery.event)}"
    path = delivery.request_target.partition("?")[0]
    return f"method:{quoted(delivery.method)} path:{quoted(path)} not state:gap"


def request_side(detail: DeliveryDetail, what: str) -> Side:
    """A delivery as one side."""
    delivery, request = detail.delivery, detail.request
    name = delivery.event or f"{delivery.method} {delivery.request_target}"
    title = f"#{delivery.id} {name}, {_seconds(delivery.received_at)}, {what}"
    start = f"{request.method} {request.target} HTTP/{request.http_version}"
    return Side(title, start, request.headers, request.body)


def answer_side(one: AttemptDetail, what: str = "") -> Side:
    """The answer of an attempt as one side."""
    attempt: Attempt = one.attempt
    about = f"{what}: " if what else ""
    where = f"attempt {attempt.number} to {attempt.target}"
    title = f"{about}{where}, {_seconds(attempt.started_at)}"
    return Side(title, str(attempt.status), one.headers, one.body)


def _seconds(micros: int) -> str:
    return iso(micros)[:19] + "Z"
