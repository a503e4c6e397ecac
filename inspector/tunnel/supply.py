"""What an attachment deals with: who is at the other end, the line there, and its desk."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from inspector.tunnel.messages import Attempted, RelayState, Reply
from inspector.tunnel.parcels import OutgoingParcel
from inspector.tunnel.ports import Held, Mailboxes

if TYPE_CHECKING:
    from inspector.tunnel.attachment import Attachment
    from inspector.tunnel.shadows import ShadowFeed


class Caller(NamedTuple):
    """Who is at the other end: its name, the process's own id, and its address."""

    consumer: str
    instance: str
    remote: str


class Presence(NamedTuple):
    """A consumer that is attached: since when (microseconds), the last id it acknowledged, and
    how its latest attempt ended."""

    consumer: str
    remote: str
    since: int
    acked: int
    primary: bool
    attempted: Attempted | None = None


class Line(Protocol):
    """The connection to the consumer."""

    async def send(self, frame: bytes) -> None:
        """Returns when there is room for more; raises `ConnectionError`."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Part; returns at once, and may be called again."""
        ...

    def check(self) -> None:
        """Called every few seconds: cut what does not come to its end."""
        ...


class Supply(Protocol):
    """What an attachment needs of its desk."""

    mailboxes: Mailboxes
    judging: asyncio.Lock
    """Held while a consumer's filter looks at deliveries."""

    @property
    def mailbox(self) -> str: ...

    @property
    def last(self) -> int:
        """The last id that was told: nothing later is sent."""
        ...

    @property
    def batch_bytes(self) -> int:
        """What a frame of deliveries may take now, but for a single one."""
        ...

    async def held(self) -> Held: ...

    def recent(self, seen: int) -> list[OutgoingParcel]:
        """The next ones behind `seen`, from memory; none where the store is to be read."""
        ...

    async def stored(self, seen: int) -> list[OutgoingParcel]:
        """The same from the store."""
        ...

    def settle(self, items: Sequence[OutgoingParcel]) -> None:
        """Put the answers to deliveries that were given since they were asked for."""
        ...

    def frame(
        self,
        items: Sequence[OutgoingParcel],
        attachment: "Attachment",
        passed: tuple[tuple[int, int], ...] = (),
    ) -> bytes:
        """Deliveries as a frame; `passed` is left out before and between them."""
        ...

    def answers(self, count: int) -> tuple[int, list[tuple[int, int, bool]]]:
        """What senders were answered since there were `count` answers; how many there are now."""
        ...

    def state(self, attachment: "Attachment") -> RelayState: ...

    def team(self, attachment: "Attachment") -> bytes:
        """The frame that tells a consumer who is attached."""
        ...

    def started(self, attachment: "Attachment") -> None: ...

    def taken(self, attachment: "Attachment") -> None:
        """Its app is to answer from now on."""
        ...

    def shadow_feed(self, consumer: str) -> "ShadowFeed":
        """What it is told that other consumers' apps said."""
        ...

    def replied(self, attachment: "Attachment", reply: Reply) -> None: ...

    def left_out(
        self, attachment: "Attachment", seen: int, batch: Sequence[OutgoingParcel]
    ) -> None:
        """Its filter leaves out what was handed over to it behind `seen`, but for the batch."""
        ...

    def announced(self, nonce: str) -> None: ...
