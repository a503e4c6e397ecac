"""The keys of the query language: what each one asks, for the parser, the help and completion.

Case, in one place: keys and the names in `sig:`, `state:`, `is:`, `method:` and `provider:` are
read in any case. What stands in a column of the delivery (event, event_id, path, remote, endpoint,
origin, mark, note) is compared exactly, so that an index finds it. What stands in its content
(headers, data, free text) is compared without regard to the case of the letters A to Z; all other
letters are exact.
"""

from dataclasses import dataclass
from enum import Enum, auto

from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict


class Kind(Enum):
    """What the values of a key are."""

    TEXT = auto()
    PATH = auto()
    CHOICE = auto()
    FLAG = auto()
    COUNT = auto()
    STATUS = auto()
    SIZE = auto()
    AGE = auto()
    HEADER = auto()
    DATA = auto()


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """One line on a key, an example, and the values that it knows, if they are a closed set.

    `column` is the field of the delivery that it looks at; empty for keys that look at content
    and for `is`, where each choice has a column of its own.
    """

    doc: str
    example: str
    kind: Kind
    column: str = ""
    choices: tuple[str, ...] = ()


# The column behind each choice of `is:`; the delivery has the flag if the column is set.
FLAGS = {
    "duplicate": "duplicate_of",
    "replay": "replay_of",
    "marked": "mark",
    "gap": "gap_count",
}

KEYS: dict[str, KeyDoc] = {
    "event": KeyDoc("event type", "event:delta.*", Kind.TEXT, "event"),
    "event_id": KeyDoc("the provider's id of the event", "event_id:evt_1", Kind.TEXT, "event_id"),
    "provider": KeyDoc("who sent it", "provider:pacspace", Kind.TEXT, "provider"),
    "sig": KeyDoc(
        "verdict of the signature",
        "sig:invalid,stale",
        Kind.CHOICE,
        "verdict",
        tuple(verdict.value for verdict in Verdict),
    ),
    "status": KeyDoc(
        "HTTP status of the latest attempt", "status:>=500", Kind.STATUS, "last_status"
    ),
    "state": KeyDoc(
        "where it stands with its targets",
        "state:failed,waiting",
        Kind.CHOICE,
        "state",
        tuple(state.value for state in State),
    ),
    "method": KeyDoc("HTTP method", "method:POST", Kind.TEXT, "method"),
    "path": KeyDoc(
        "request target up to its first question mark",
        "path:/hooks*",
        Kind.PATH,
        "request_target",
    ),
    "remote": KeyDoc("address of the sender", "remote:127.0.0.1*", Kind.TEXT, "remote"),
    "header.NAME": KeyDoc(
        "value of a header, any one of several", "header.x-event-id:evt_1", Kind.HEADER
    ),
    "data.PATH": KeyDoc("value inside the envelope's data", "data.delta.amount:<0", Kind.DATA),
    "age": KeyDoc("time since it was received: s m h d w", "age:<2h", Kind.AGE, "received_at"),
    "size": KeyDoc("size of the body: b kb mb gb", "size:>1mb", Kind.SIZE, "body_size"),
    "id": KeyDoc("id of the delivery", "id:100..200", Kind.COUNT, "id"),
    "endpoint": KeyDoc("where it was captured", "endpoint:billing", Kind.TEXT, "endpoint"),
    "origin": KeyDoc("the relay that it came from", "origin:*", Kind.TEXT, "origin_relay"),
    "origin_id": KeyDoc("its id at its relay", "origin_id:>500", Kind.COUNT, "origin_id"),
    "mark": KeyDoc("the mark that was set on it", "mark:todo", Kind.TEXT, "mark"),
    "note": KeyDoc("the note that was written on it", "note:*refund*", Kind.TEXT, "note"),
    "answered": KeyDoc("HTTP status that the sender got", "answered:4xx", Kind.STATUS, "answered"),
    "attempts": KeyDoc("number of attempts", "attempts:>1", Kind.COUNT, "attempts"),
    "is": KeyDoc("what else is true of it", "is:duplicate", Kind.FLAG, choices=tuple(FLAGS)),
}

CONTENT_KINDS = frozenset({Kind.HEADER, Kind.DATA})
_BY_HEAD = {name.partition(".")[0]: name for name in KEYS}


def key_named(name: str, dotted: bool) -> str | None:
    """The entry of `KEYS` for a key as written: its first name and whether a path follows."""
    key = _BY_HEAD.get(name.lower())
    return key if key is not None and ("." in key) is dotted else None
