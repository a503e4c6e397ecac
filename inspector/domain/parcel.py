"""A delivery as a relay hands it on: in its store, in memory and on the wire."""

from hashlib import sha256
from typing import NamedTuple


class Parcel(NamedTuple):
    """One delivery: `kind` is `captured`, `refused` or `probe`.

    `head` is its request line and headers (`domain.headers.encode_head`), or of a refusal that no
    parser understood empty, with its first bytes as `body`. `digest` is `digest_of` both. Of a body
    that goes in pieces nothing is here, nor the digest: `size` bytes follow. `ask`: the sender
    waits for the app, so many seconds (`within`), and it is tried `once` where the sender tries
    again itself. `turned_away`: the sender was told to send again. `shadow`: the sender waits for
    another consumer's app, and what this one's says is kept beside it.
    """

    kind: str
    id: int
    at: int
    remote: str
    head: bytes
    body: bytes
    digest: str
    size: int
    answered: int | None = None
    ask: bool = False
    within: float = 0.0
    once: bool = False
    turned_away: bool = False
    status: int = 0
    code: str = ""
    reason: str = ""
    nonce: str = ""
    shadow: bool = False


class Stored(NamedTuple):
    """A delivery as the relay stored it; the body of a large one is read in `pieces`."""

    parcel: Parcel
    pieces: tuple[int, ...] = ()


class Held(NamedTuple):
    """What a mailbox holds now: ids `first` to `last`; `first` is `last` + 1 where it is empty."""

    first: int
    last: int


def digest_of(head: bytes, body: bytes) -> str:
    """SHA-256 (hex) over head and body."""
    digest = sha256(head)
    digest.update(body)
    return digest.hexdigest()
