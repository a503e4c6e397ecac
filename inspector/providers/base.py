"""What a provider module offers, and nothing else is asked of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from inspector.domain.delivery import Request
from inspector.domain.envelope import Check, Envelope, EventDoc, Field, Signature


class Provider(Protocol):
    """One sender of webhooks: how to know, read, check, sign and imitate its deliveries.

    Pure: no clock, no socket. None of the methods raises for any request, however broken; only
    `sample` and `sign` raise `ValueError`, for an unknown event or envelope or a missing secret.
    Times are microseconds since the epoch.
    """

    @property
    def name(self) -> str: ...

    @property
    def catalogue(self) -> Mapping[str, EventDoc]: ...

    def recognise(self, request: Request) -> bool:
        """Whether the delivery is this provider's, by signature headers or catalogue event."""
        ...

    def decode(self, request: Request) -> Envelope: ...

    def verify(self, request: Request, secrets: Sequence[str], at: int) -> Signature:
        """The verdict at the time of capture `at`; without secrets it is `unchecked`."""
        ...

    def explain(self, request: Request, secrets: Sequence[str], at: int) -> tuple[Check, ...]:
        """What was checked for the verdict, in order; the last says what explains the value sent.

        Secrets go by their number, and no secret and no HMAC stands in it. It tries far more than
        `verify` does, for up to a second or so: not for the way of a delivery.
        """
        ...

    def sign(self, request: Request, secret: str, at: int) -> Request:
        """The same request with a fresh signature and timestamp in place of the old ones."""
        ...

    def describe(self, request: Request) -> tuple[Field, ...]:
        """The envelope's values in order of appearance, each with its documentation."""
        ...

    def sample(
        self, event: str, *, at: int, event_id: str, envelope: str = "docs", data: Any = None
    ) -> Request:
        """An unsigned POST to `/` of that event; `data` replaces the sample payload."""
        ...
