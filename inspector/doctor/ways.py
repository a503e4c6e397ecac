"""How a request of the set gets to the doctor's own listener."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from inspector.doctor.model import Check
from inspector.doctor.sender import send_exactly
from inspector.domain.attempt import Failure, Outcome
from inspector.domain.fidelity import Arrived
from inspector.domain.headers import first
from inspector.domain.plaintext import one_line
from inspector.domain.routes import parse_target
from inspector.domain.torture import Case
from inspector.forward.message import DELIVERY_HEADER
from inspector.runtime import Runtime

# For one request, the largest included.
SECONDS = 60.0
# What is most likely to stand behind the answer of a proxy.
_KNOBS = {
    400: "such a request is none to it",
    403: "it forbids such a request",
    405: "it does not pass this method on",
    411: "it wants the length of a body first",
    413: "its limit for bodies is lower: client_max_body_size, or its like",
    414: "its limit for addresses is lower: large_client_header_buffers, or its like",
    431: "its limit for headers is lower: large_client_header_buffers, or its like",
    501: "it does not know this method",
}


class Passage(NamedTuple):
    """How far a request came: what the places before the journal saw of it, and its id there.

    `stopped` says in words why there is no `delivery`, and belongs to the first stage that did not
    see it.
    """

    delivery: int | None
    stopped: str = ""
    seen: Mapping[str, Arrived] = {}


class Way(Protocol):
    """One way; its `stages` are the places before the journal that tell what they saw."""

    @property
    def stages(self) -> tuple[str, ...]: ...

    @property
    def host(self) -> str:
        """What a sender calls the server; where it is empty, any name will do."""
        ...

    @property
    def unjudged(self) -> frozenset[str]:
        """Headers, in lower case, that are nobody's fault on this way."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """What the doctor's listener has to be told for it."""
        ...

    async def open(self, runtime: Runtime) -> None:
        """The listener runs; raises `InspectorError` where the way cannot be gone."""
        ...

    async def send(self, case: Case) -> Passage: ...

    def checks(self) -> list[Check]:
        """What is to be told besides, once all are sent."""
        ...


class Direct:
    """Straight to the listener's own port."""

    stages: tuple[str, ...] = ()
    host = ""
    unjudged: frozenset[str] = frozenset()

    def settings(self) -> Mapping[str, Any]:
        return {}

    async def open(self, runtime: Runtime) -> None:
        self._target = parse_target(runtime.url)

    async def send(self, case: Case) -> Passage:
        sent = await send_exactly(self._target, case, timeout=SECONDS)
        number = delivery_of(sent.outcome)
        return Passage(number, "" if number else why_not(sent.outcome))

    def checks(self) -> list[Check]:
        return []


def delivery_of(outcome: Outcome) -> int | None:
    """The id that a listener's answer names."""
    if isinstance(outcome, Failure) or outcome.status >= 300:
        return None
    number = first(outcome.headers, DELIVERY_HEADER) or ""
    return int(number) if number.isdigit() else None


def why_not(outcome: Outcome) -> str:
    """What came instead of a good answer, in the words of a listener's refusal."""
    if isinstance(outcome, Failure):
        return outcome.reason
    said = one_line(outcome.body.decode("utf-8", "replace").strip(), 120)
    return f"it was answered {outcome.status}" + (f": {said}" if said else "")


def answered(outcome: Outcome) -> str:
    """What came instead, and who says of itself that it is from it."""
    if isinstance(outcome, Failure):
        return outcome.reason
    server = first(outcome.headers, "server")
    by = f" by {one_line(server, 40)}" if server else ""
    return f"answered {outcome.status}{by}"


def likely(outcome: Outcome) -> str:
    """What is most likely behind an answer, for the end of a line; nothing where nothing is."""
    knob = "" if isinstance(outcome, Failure) else _KNOBS.get(outcome.status, "")
    return f": {knob}" if knob else ""
