"""What is said over the tunnel's websocket: the messages, and bounds that both sides keep. Pure.

The relay says: `Hello`, `Begin`, then `Parcels` (deliveries; `Piece` is the rest of a large body)
and `Passed` (what the consumer's filter leaves out), `Answers`, `ShadowReply`, `RelayState`,
`Team`, and `Canary` back.
The consumer says: `Start`, `Ack`, `Reply`, `Attempted`, `Primary`, `Canary`.

The order of a connection: hello, start, begin; then deliveries and what is passed over, with
growing ids, without a hole, each acknowledged when it is on the consumer's disk. The relay keeps
at most `WINDOW` deliveries and `WINDOW_BYTES` of them unacknowledged.
"""

from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from inspector.domain.attempt import Outcome
from inspector.domain.parcel import Parcel as Parcel
from inspector.domain.plaintext import one_line

VERSION = 2
SUBPROTOCOL = f"inspector.tunnel.{VERSION}"
SUBPROTOCOL_PREFIX = "inspector.tunnel."
PATH = "/_inspector/tunnel/"
"""The websocket of an endpoint is at PATH + SLUG, on the address that captures."""

GUEST_PATH = "/_inspector/guest/"
"""POST GUEST_PATH + SLUG makes a guest of that endpoint, DELETE of the guest's own slug ends it."""

CANARY_HEADER = "Inspector-Canary"

CONSUMER_NAME = r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}"
"""What a consumer may be called, as a regular expression for the whole name."""

# Of one frame, either way: an answer of an app (1 MiB kept of its body) fits in, too.
MAX_FRAME = 2 << 20
# A frame of deliveries is closed when it holds so much.
BATCH_ITEMS = 256
BATCH_BYTES = 256 << 10
# Bodies above it follow their delivery in pieces of this size.
PIECE_BYTES = 256 << 10
WINDOW = 4096
WINDOW_BYTES = 16 << 20

# An id or a count: what is made of a few of them still fits into any database.
MOST = (1 << 62) - 1
# In microseconds, a day before the year 10000: a later moment has no text in every time zone.
LAST_MOMENT = 253_402_214_400_000_000

Count = Annotated[int, Field(ge=0, le=MOST)]
Status = Annotated[int, Field(ge=100, le=999)]

# Of a text that the other end says, in characters.
LONGEST_TEXT = 1000


def harmless(text: str) -> str:
    """What the other end says, as one line that any terminal, file or database takes."""
    if text.isascii() and text.isprintable() and len(text) <= LONGEST_TEXT:
        return text
    return one_line(text, LONGEST_TEXT)


Line = Annotated[str, AfterValidator(harmless)]

# Codes with which the relay closes a connection (4000 to 4999 are an application's own).
CLOSE_FAULT = 1011
CLOSE_AGAIN = 1012  # deliveries expired before they were sent: the next connection says how many
CLOSE_BROKEN = 4400  # a message that cannot be read
CLOSE_UNAUTHORIZED = 4401  # the token was rotated, or the endpoint removed
CLOSE_TAKEN_OVER = 4409  # another consumer took the name
CLOSE_SLOW = 4408  # nothing was acknowledged for too long
CLOSE_SET_BACK = 4410  # the relay knows another delivery by the number where the consumer goes on


class WireError(ValueError):
    """A message that cannot be read; the text says why in one line and repeats none of it."""


class Hello(NamedTuple):
    """The relay's first word.

    `first` and `last` are the ids that the endpoint holds now (`first` is `last` + 1 when it holds
    none), `now` the relay's clock in microseconds, `mailbox` the name of the endpoint for ever.
    """

    version: Line
    endpoint: Line
    mailbox: Line
    ack: Line
    first: Count
    last: Count
    now: Count


class Start(NamedTuple):
    """Where the consumer goes on: later than `after`, and captured at `since` (microseconds) or
    later.

    `filter` is a query that only the request decides (see `domain.relay_filter`); what it does not
    ask for is passed over. `primary`: its app is to answer the senders, unless another consumer
    has said `Primary` since this one did. `at` is when delivery `after` was captured, 0 where that
    is not known: a relay whose store was set back may have given its number to another.
    """

    after: Count
    since: Count = 0
    filter: str = ""
    primary: bool = False
    at: Count = 0


class Begin(NamedTuple):
    """The first delivery to come is `next`. Of those behind the consumer's `after`, `expired`
    are no longer stored and `skipped` are older than its `since`."""

    next: Count
    expired: Count
    skipped: Count


class Parcels(NamedTuple):
    """Deliveries with growing ids; the sender keeps to `BATCH_ITEMS` and `BATCH_BYTES`.

    `passed` is what the consumer's filter leaves out before and between them: first and last ids.
    """

    items: tuple[Parcel, ...]
    passed: tuple[tuple[int, int], ...] = ()


class Piece(NamedTuple):
    """The next bytes of the body of delivery `id`; the last ones come with the digest."""

    id: int
    body: bytes
    digest: str = ""


class Passed(NamedTuple):
    """The consumer's filter leaves out ids `first` to `last`; they count as handed over."""

    first: Count
    last: Count


class Answers(NamedTuple):
    """What senders were answered meanwhile: (id, status, turned away)."""

    items: tuple[tuple[Count, Status, bool], ...]


class RelayState(NamedTuple):
    """Every few seconds: the last id, what limits turned away so far, whether this consumer is
    the one whose app answers, the relay's clock, and the endpoint's ack policy, which may have
    changed since hello (empty where a relay does not say it)."""

    last: Count
    limited: Count
    primary: bool
    now: Count
    ack: Line = ""


class Member(NamedTuple):
    """A consumer that is attached: since when (microseconds), the last id it acknowledged, whether
    its app answers the senders; and how its latest attempt ended, `attempted_at` 0 without one."""

    consumer: Line
    since: Count
    acked: Count
    primary: bool
    attempted_at: Count = 0
    status: Status | None = None
    failure: Line = ""


class Team(NamedTuple):
    """Who is attached now, the longest first; `more` are left out, but neither the consumer that
    is told nor the one whose app answers. `last` is the last id then."""

    members: tuple[Member, ...]
    more: Count = 0
    last: Count = 0


class Ack(NamedTuple):
    """Everything up to `id` is on the consumer's disk."""

    id: Count


class Reply(NamedTuple):
    """What the app said to a delivery that was asked for (`ask`, or `shadow`), after so many
    milliseconds; None: no app is meant to answer it, or none did in time, so the sender gets the
    stored answer."""

    id: int
    outcome: Outcome | None
    ms: float = 0.0


class ShadowReply(NamedTuple):
    """What the app of another consumer, which is not the one that answers, said to a delivery:
    when it had ended (microseconds) and how long it took."""

    id: int
    consumer: str
    at: int
    ms: float
    outcome: Outcome


class Attempted(NamedTuple):
    """How the latest attempt of this consumer ended, and when; told every few seconds at most."""

    at: int
    status: int | None
    failure: Line = ""


class Primary(NamedTuple):
    """This consumer's app is to answer the senders from now on."""


class Canary(NamedTuple):
    """A request with this nonce in its `CANARY_HEADER` is a probe, once.

    The relay says it back when it knows it: before that the request could overtake the nonce.
    """

    nonce: str


Message = (
    Hello
    | Start
    | Begin
    | Parcels
    | Piece
    | Passed
    | Answers
    | RelayState
    | Team
    | Ack
    | Reply
    | ShadowReply
    | Attempted
    | Primary
    | Canary
)
