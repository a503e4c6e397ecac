"""What shows who we are: a token, a key, or the cookies of a browser's session."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from inspector.account.cookies import CookieFile
from inspector.domain.base import Base
from inspector.errors import ConfigurationError


class Credential(Protocol):
    """`hint` is what to do when it is not taken."""

    @property
    def hint(self) -> str: ...

    def headers(self, base: Base, path: str) -> dict[str, str]:
        """What goes with a request for that path, from the host on."""
        ...

    def secrets(self, base: Base) -> tuple[str, ...]:
        """What must never be told."""
        ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token of the first generation's dashboard."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.token, "PACSPACE_TOKEN", self.hint)

    @property
    def hint(self) -> str:
        return "take a fresh token from the dashboard into PACSPACE_TOKEN, or use --cookies FILE"

    def headers(self, base: Base, path: str) -> dict[str, str]:
        del base, path
        return {"Authorization": f"Bearer {self.token}"}

    def secrets(self, base: Base) -> tuple[str, ...]:
        del base
        return (self.token,)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the balance API."""

    key: str = field(repr=False)

    def __post_init__(self) -> None:
        _check(self.key, "PACSPACE_API_KEY", self.hint)

    @property
    def hint(self) -> str:
        return "set PACSPACE_API_KEY to a key of this account: pk_live_... or pk_test_..."

    def headers(self, base: Base, path: str) -> dict[str, str]:
        del base, path
        return {"X-Api-Key": self.key}

    def secrets(self, base: Base) -> tuple[str, ...]:
        del base
        return (self.key,)


@dataclass(frozen=True, slots=True)
class SessionCookies:
    """The cookies of a browser that is logged in; `seconds` is the time since the epoch."""

    file: CookieFile = field(repr=False)
    seconds: Callable[[], float]

    @property
    def hint(self) -> str:
        return "the session may have ended: log in again, and export the cookies anew"

    def headers(self, base: Base, path: str) -> dict[str, str]:
        """Raises `ConfigurationError` where the file has none for it."""
        now = self.seconds()
        self.file.require(base, path, now)
        return {"Cookie": self.file.header(base, path, now)}

    def secrets(self, base: Base) -> tuple[str, ...]:
        return tuple(each.value for each in self.file.cookies if each.fits_host(base.host))


def _check(text: str, name: str, hint: str) -> None:
    if not text:
        raise ConfigurationError(f"{name} is not set", hint)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(f"{name} holds what cannot be sent", hint)
