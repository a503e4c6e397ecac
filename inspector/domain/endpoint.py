"""An endpoint of a relay: a named capture address, who may read it, and what it takes in."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_ACK = "stored"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
GUEST = "guest-"
"""What the id of a guest begins with: an endpoint that lives for minutes, and is in no file."""


class Limits(BaseModel):
    """What one endpoint takes in; over them a sender is answered 429, or 413 for the body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 500.0
    """Requests a second, on average; twice as many may come at once."""
    max_body: Annotated[int, Field(gt=0)] = 25 << 20
    """Bytes of one body."""
    max_stored: Annotated[int, Field(gt=0)] = 1 << 30
    """Bytes stored; what every consumer has is dropped first, then senders are answered 429."""
    max_connections: Annotated[int, Field(gt=0)] = 256
    """Requests under way at a time."""


class Endpoint(BaseModel):
    """One endpoint, as the relay knows it.

    `id` is its name in the journal and never given to another; `slug` is in its capture path and
    never changes; of its token only the SHA-256 (hex) is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: Annotated[str, Field(pattern=NAME)]
    slug: str
    token_sha256: str
    ack: str = DEFAULT_ACK
    """The ack policy: stored, app, or app-or-stored:N."""
    status: Annotated[int, Field(ge=200, le=599)] = 200
    """What `stored` answers."""
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    """Seconds that `app` waits for the app."""
    limits: Limits = Limits()
