"""What was said to a delivery: by the targets of this listener, and by other consumers' apps."""

import base64
from typing import NamedTuple

from inspector.client.models import AttemptDetail, Item, headers_of
from inspector.domain.attempt import Failure, FailureKind, Outcome, Response
from inspector.domain.delivery import from_iso
from inspector.domain.facts import Shadowed


class AppAnswers(NamedTuple):
    """The attempts here, oldest first, and what the apps of other consumers said, as they came."""

    attempts: tuple[AttemptDetail, ...] = ()
    shadows: tuple[Shadowed, ...] = ()

    @classmethod
    def from_json(cls, item: Item, delivery_id: int) -> "AppAnswers":
        return cls(
            tuple(AttemptDetail.from_json(one) for one in item["items"]),
            tuple(_shadow(one, delivery_id) for one in item.get("shadows") or ()),
        )


def _shadow(item: Item, delivery_id: int) -> Shadowed:
    took, consumer = float(item["duration_ms"]), str(item["consumer"])
    return Shadowed(from_iso(item["at"]), delivery_id, consumer, took, _outcome(item))


def _outcome(item: Item) -> Outcome:
    failure = item.get("failure")
    if failure:
        return Failure(FailureKind(failure["kind"]), str(failure["reason"]))
    body = base64.b64decode(item.get("body_b64") or "")
    return Response(int(item["status"]), "", headers_of(item), body, int(item["body_size"]))
