"""Keyrings of the library `keyring`'s own kind that keep secrets in memory, or refuse to."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError


class MemoryKeyring(KeyringBackend):
    """Keeps what it is given; while `locked` it gives and takes nothing."""

    priority = 5.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def _unlocked(self) -> dict[tuple[str, str], str]:
        if self.locked:
            raise KeyringLocked("it is locked")
        return self.entries

    def get_password(self, service: str, username: str) -> str | None:
        return self._unlocked().get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._unlocked()[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self._unlocked().pop((service, username), None) is None:
            raise PasswordDeleteError("it is not there")


class RefusingKeyring(MemoryKeyring):
    """Looks as if it worked, and refuses."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise PasswordSetError("not today")


class BrokenKeyring(MemoryKeyring):
    """Fails as the library never says that it may."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("no bus")


class ForgetfulKeyring(MemoryKeyring):
    """Takes everything and has nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class WeakKeyring(MemoryKeyring):
    """One that the library itself does not recommend."""

    priority = 0.5


class FileKeyring(KeyringBackend):
    """For processes of the product: a JSON file, named by `TEST_KEYRING`, stands for a keyring."""

    priority = 5.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _entries(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return found

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        entries = self._entries() | {f"{service}/{username}": password}
        self._path.write_text(json.dumps(entries))


@contextmanager
def in_use(backend: KeyringBackend) -> Iterator[None]:
    """The library uses this backend for as long as it takes."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)
