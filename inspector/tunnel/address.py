"""What a consumer is told: the relay's address, its own name, and how far back to fetch. Pure."""

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from inspector.domain.base import DEFAULT_PORTS
from inspector.errors import UsageError
from inspector.tunnel.messages import CONSUMER_NAME, PATH

_HINT = "write it as https://relay.example.com/in/SLUG, as `inspector relay endpoint add` prints it"
_CAPTURE = re.compile(r"/in/([A-Za-z0-9._~-]+)/?")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SINCE = re.compile(r"since:(\d{1,6}(?:\.\d{1,6})?)([smhdw])")
_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """The capture URL of an endpoint at a relay.

    `origin` is the relay's own URL, which gives nothing away.
    """

    origin: str
    slug: str

    @property
    def url(self) -> str:
        """What a sender is given."""
        return f"{self.origin}/in/{self.slug}"

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https:")

    def tunnel(self, consumer: str, instance: str, *, take_over: bool, peek: bool = False) -> str:
        """The address of its websocket for this consumer."""
        asked = {"consumer": consumer, "instance": instance}
        asked |= {"take_over": "1"} if take_over else {}
        asked |= {"peek": "1"} if peek else {}
        return f"ws{self.origin.removeprefix('http')}{PATH}{self.slug}?{urlencode(asked)}"


def parse_relay(text: str) -> RelayAddress:
    """Read a capture URL; raises `UsageError` with a hint."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"the relay's URL cannot be read: {error}", _HINT) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise UsageError("the relay's URL must begin with https:// (or http://)", _HINT)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the relay's URL must not hold a user or password",
            "the token belongs into INSPECTOR_RELAY_TOKEN",
        )
    if not _HOST.fullmatch(host):
        raise UsageError("the relay's URL has no host, or one that cannot be read", _HINT)
    if parts.query or parts.fragment or not (found := _CAPTURE.fullmatch(parts.path)):
        raise UsageError("the relay's URL is no capture address of an endpoint", _HINT)
    name = f"[{host}]" if ":" in host else host
    own = port is None or port == DEFAULT_PORTS[parts.scheme]
    return RelayAddress(f"{parts.scheme}://{name}{'' if own else f':{port}'}", found[1])


def parse_consumer(text: str) -> str:
    """A consumer's name; raises `UsageError`."""
    if not re.fullmatch(CONSUMER_NAME, text):
        raise UsageError(
            "the name of a consumer is made of letters, digits and . _ @ + -, at most 100",
            "choose another with --consumer NAME, as in --consumer alice@laptop",
        )
    return text


def consumer_of(user: str, host: str) -> str:
    """The name of who gives none: `user@host`, with `-` for what may not stand in a name."""
    made = re.sub(r"[^A-Za-z0-9._@+-]", "-", f"{user}@{host.partition('.')[0]}")[:100]
    return made if re.fullmatch(CONSUMER_NAME, made) else f"x{made}"[:100]


class Backfill(NamedTuple):
    """How much of what the relay holds is fetched at first: `all`, `none`, `ask`, or (`since`)
    what is at most `age` microseconds old. `text` is how it was written."""

    text: str
    kind: str
    age: int = 0

    def since(self, now: int) -> int:
        """Only what was captured at that time or later is fetched; `now` is the relay's."""
        return {"none": now + 1, "since": max(1, now - self.age)}.get(self.kind, 0)


def parse_backfill(text: str) -> Backfill:
    """Read `all`, `none`, `ask` or `since:2h`; raises `UsageError`."""
    if text in ("all", "none", "ask"):
        return Backfill(text, text)
    if found := _SINCE.fullmatch(text):
        return Backfill(text, "since", int(float(found[1]) * _UNITS[found[2]] * _MICROS))
    raise UsageError(
        "--backfill takes all, none, ask, or since:AGE", "as in --backfill since:2h (s, m, h, d, w)"
    )
