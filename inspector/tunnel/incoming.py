"""What comes from a relay, checked and put together: whole deliveries, in order, without holes."""

from collections import deque
from collections.abc import Iterable
from hashlib import sha256

from inspector.domain.parcel import Parcel, digest_of
from inspector.tunnel.messages import WINDOW_BYTES, Parcels, Passed, Piece, WireError
from inspector.tunnel.ports import Arrival, Whole

# No body is larger at any relay; what claims to be would fill the memory.
LARGEST_BODY = 1 << 30
# Of a large body that comes in pieces, what may wait behind it: a relay keeps to the window.
_MOST_BEHIND = 8192
_MOST_BYTES_BEHIND = WINDOW_BYTES


class Incoming:
    """One connection's deliveries; the first must be the one behind `seen`.

    What is not as announced raises `WireError`, after which the connection is of no use.
    """

    def __init__(self, seen: int) -> None:
        self._seen = seen
        self._behind: deque[Parcel | Passed] = deque()
        self._behind_bytes = 0
        self._large: Parcel | None = None
        self._pieces: list[bytes] = []
        self._missing = 0
        self._digest = sha256()

    def feed(self, message: Parcels | Piece | Passed) -> list[Arrival]:
        """What is whole now: deliveries, and what was passed over in its place."""
        match message:
            case Piece():
                return [self._whole(message), *self._ready()] if self._add(message) else []
            case Passed():
                self._pass(message)
            case Parcels(parcels, passed):
                self._take(parcels, passed)
        if len(self._behind) > _MOST_BEHIND or self._behind_bytes > _MOST_BYTES_BEHIND:
            raise WireError("too much came before a large body was whole")
        return self._ready()

    def _take(self, parcels: Iterable[Parcel], passed: Iterable[tuple[int, int]]) -> None:
        spans = iter(passed)
        span = next(spans, None)
        for parcel in parcels:
            if span is not None and span[0] < parcel.id:
                self._pass(Passed(*span))
                span = next(spans, None)
            if parcel.id != self._seen + 1:
                raise WireError(f"delivery {parcel.id} came where {self._seen + 1} was to come")
            self._seen = parcel.id
            self._behind.append(parcel)
            self._behind_bytes += len(parcel.head) + len(parcel.body)
        if span is not None:
            raise WireError("something was passed over that has no place")

    def _pass(self, passed: Passed) -> None:
        if passed.first != self._seen + 1 or not passed.first <= passed.last < 1 << 62:
            raise WireError(f"what was passed over does not follow delivery {self._seen}")
        self._seen = passed.last
        self._behind.append(passed)

    def _ready(self) -> list[Arrival]:
        """What is at hand, up to the next large body, whose pieces are still to come."""
        ready: list[Arrival] = []
        while self._behind and self._large is None:
            parcel = self._behind.popleft()
            if isinstance(parcel, Passed):
                ready.append(parcel)
                continue
            self._behind_bytes -= len(parcel.head) + len(parcel.body)
            if parcel.size and not parcel.body and not parcel.digest:
                self._begin(parcel)
            elif parcel.kind == "captured" and parcel.size != len(parcel.body):
                raise WireError(f"delivery {parcel.id} is not as long as announced")
            elif digest_of(parcel.head, parcel.body) != parcel.digest:
                raise _damaged(parcel.id)
            else:
                ready.append((parcel, ()))
        return ready

    def _begin(self, parcel: Parcel) -> None:
        if parcel.size > LARGEST_BODY:
            raise WireError(f"the body of delivery {parcel.id} is larger than any can be")
        self._large, self._pieces, self._missing = parcel, [], parcel.size
        self._digest = sha256(parcel.head)

    def _add(self, piece: Piece) -> bool:
        """Whether that was the last piece."""
        if self._large is None or piece.id != self._large.id:
            raise WireError("a piece came of a body that was not announced")
        if not 0 < len(piece.body) <= self._missing:
            raise WireError(f"the body of delivery {piece.id} is not as long as announced")
        self._pieces.append(piece.body)
        self._digest.update(piece.body)
        self._missing -= len(piece.body)
        return self._missing == 0

    def _whole(self, last: Piece) -> Whole:
        assert self._large is not None
        parcel, pieces = self._large, tuple(self._pieces)
        if self._digest.hexdigest() != last.digest:
            raise _damaged(parcel.id)
        self._large, self._pieces = None, []
        return parcel, pieces


def _damaged(number: int) -> WireError:
    return WireError(f"delivery {number} came damaged: its digest is another")
