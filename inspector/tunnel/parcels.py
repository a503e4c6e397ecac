"""Deliveries on their way to consumers: made once from a fact or the store, shared by all. Pure."""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from inspector.domain.facts import Captured, Probed, Refused
from inspector.domain.headers import Headers, decode_head, encode_head
from inspector.domain.parcel import digest_of
from inspector.tunnel.messages import PIECE_BYTES, Parcel
from inspector.tunnel.ports import Stored
from inspector.tunnel.wire import Packed, encode_packed, pack

# What is kept of the newest deliveries for consumers that are a moment behind; whoever is further
# behind reads the store. 200 endpoints with a consumer each stay within some 16 MiB: what all have
# been sent is dropped once it comes to `_TRIM_BYTES`.
TAIL_ITEMS = 2048
TAIL_BYTES = 4 << 20
_TRIM_BYTES = 64 << 10
# Of a delivery's place in a frame, besides its head and body.
_ITEM_BYTES = 256

Telling = Captured | Refused | Probed


class OutgoingParcel:
    """One delivery to be sent; `size` is what it takes of the window."""

    __slots__ = ("_packed", "_request", "framed", "number", "parcel", "pieces", "size")

    def __init__(self, parcel: Parcel, pieces: tuple[int, ...] = ()) -> None:
        self.number = parcel.id
        self.parcel = parcel
        self.pieces = pieces
        self.framed = len(parcel.head) + _ITEM_BYTES + (0 if self.large else len(parcel.body))
        self.size = self.framed + (parcel.size if self.large else 0)
        self._packed: Packed | None = None
        self._request: tuple[()] | tuple[str, str, Headers] | None = None

    @property
    def large(self) -> bool:
        """Whether its body follows in pieces."""
        return self.parcel.size > PIECE_BYTES

    @property
    def request(self) -> tuple[str, str, Headers] | None:
        """Its method, target and headers, read once for all who ask; None without a head."""
        if self._request is None:
            try:
                method, target, _, headers = decode_head(self.parcel.head)
                self._request = method, target, headers
            except ValueError:
                self._request = ()
        return self._request or None

    def packed(self) -> Packed:
        if self._packed is None:
            self._packed = pack(_headed(self.parcel))
        return self._packed

    def packed_asking(self, within: float, once: bool) -> Packed:
        """The same for the consumer whose app is asked."""
        parcel = self.parcel._replace(ask=True, within=within, once=once)
        return pack(_headed(parcel))

    def packed_shadow(self) -> Packed:
        """The same for a consumer whose app is a shadow of the one that is asked."""
        return pack(_headed(self.parcel._replace(shadow=True)))

    def settle(self, status: int, turned_away: bool) -> None:
        """Its sender was answered before it was sent."""
        self.parcel = self.parcel._replace(answered=status, turned_away=turned_away)
        self._packed = None


def _headed(parcel: Parcel) -> Parcel:
    if parcel.size > PIECE_BYTES:
        return parcel._replace(body=b"", digest="")
    return parcel


def item_of(number: int, fact: Telling) -> OutgoingParcel | None:
    """What was just committed; None for a large one, whose body is left to the store."""
    match fact:
        case Captured(at, request, remote):
            if fact.pieces or len(request.body) > PIECE_BYTES:
                return None
            head = encode_head(
                request.method, request.target, request.http_version, request.headers
            )
            digest = digest_of(head, request.body)
            size = len(request.body)
            return OutgoingParcel(
                Parcel(
                    "captured", number, at, remote, head, request.body, digest, size, fact.answered
                )
            )
        case Refused():
            head = b""
            if (asked := fact.request) is not None:
                head = encode_head(asked.method, asked.target, asked.http_version, asked.headers)
            return OutgoingParcel(
                Parcel(
                    "refused",
                    number,
                    fact.at,
                    fact.remote,
                    head,
                    fact.raw,
                    digest_of(head, fact.raw),
                    len(fact.raw),
                    status=fact.status,
                    code=fact.code,
                    reason=fact.reason,
                )
            )
        case Probed():
            digest = digest_of(b"", b"")
            return OutgoingParcel(
                Parcel("probe", number, fact.at, "", b"", b"", digest, 0, nonce=fact.nonce)
            )


def items_of(stored: Sequence[Stored]) -> list[OutgoingParcel]:
    return [OutgoingParcel(parcel, pieces) for parcel, pieces in stored]


class Tail:
    """The newest deliveries, in order and without a hole, for all consumers of a mailbox.

    It is bounded in number and bytes: over that the oldest are dropped. A large one has its place
    here and is read from the store.
    """

    def __init__(self) -> None:
        self._items: deque[OutgoingParcel | None] = deque()
        self._first = 1
        self._bytes = 0
        self._trim_at = _TRIM_BYTES

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether it is worth to `trim`: asking costs nothing, trimming a look at each consumer."""
        return self._bytes >= self._trim_at

    def append(self, number: int, item: OutgoingParcel | None) -> None:
        """The newest; what was before a hole is dropped."""
        if number != self._first + len(self._items):
            self.clear()
            self._first = number
        self._items.append(item)
        self._bytes += _bytes_of(item)
        while self._bytes > TAIL_BYTES or len(self._items) > TAIL_ITEMS:
            self._drop()

    def after(self, seen: int, limit: int) -> list[OutgoingParcel]:
        """Those behind `seen` without a hole, up to the next large one; none where it is a matter
        of the store."""
        start = seen + 1 - self._first
        if not 0 <= start < len(self._items):
            return []
        found: list[OutgoingParcel] = []
        for item in islice(self._items, start, start + limit):
            if item is None:
                break
            found.append(item)
        return found

    def settle(self, number: int, status: int, turned_away: bool) -> None:
        """The sender of one was answered; unknown ones are passed over."""
        place = number - self._first
        if 0 <= place < len(self._items) and (item := self._items[place]) is not None:
            item.settle(status, turned_away)

    def trim(self, sent: int) -> None:
        """Drop what every consumer was sent."""
        while self._items and self._first <= sent:
            self._drop()
        # Twice what cannot be dropped: so a trim is paid for by as many bytes as it leaves.
        self._trim_at = max(_TRIM_BYTES, 2 * self._bytes)

    def clear(self) -> None:
        self._items.clear()
        self._bytes = 0
        self._trim_at = _TRIM_BYTES

    def _drop(self) -> None:
        self._bytes -= _bytes_of(self._items.popleft())
        self._first += 1


def _bytes_of(item: OutgoingParcel | None) -> int:
    return item.size + _ITEM_BYTES if item is not None else _ITEM_BYTES


class Frames:
    """The frames of deliveries; the last one made is kept, for consumers that go in step."""

    def __init__(self) -> None:
        self._made: tuple[tuple[int, int, tuple[tuple[int, int], ...]], bytes] | None = None

    def of(
        self, items: Sequence[OutgoingParcel], passed: tuple[tuple[int, int], ...] = ()
    ) -> bytes:
        # What lies between the first and the last and is not in it was passed over.
        key = (items[0].number, items[-1].number, passed)
        if self._made is None or self._made[0] != key:
            self._made = key, encode_packed([item.packed() for item in items], passed)
        return self._made[1]

    def forget(self) -> None:
        """A delivery has changed, or nobody is in step any more."""
        self._made = None
