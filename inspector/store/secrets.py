"""The signing secrets that providers gave for webhooks made here: a private file beside the store.

With the library `keyring`, and a keyring that works, a secret lies there and the file names it.
"""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspector.domain.plaintext import one_line
from inspector.errors import ConfigurationError
from inspector.store import os_keyring
from inspector.store.files import StoreFiles
from inspector.store.private_file import TOLD, PrivateFile


class KeptSecret(NamedTuple):
    """A webhook of a provider, and the secret that it signs with."""

    provider: str
    webhook: str
    url: str
    created_at: str
    secret: str

    def __repr__(self) -> str:
        return f"KeptSecret({self.provider!r}, {self.webhook!r}, {self.url!r}, {self.created_at!r})"


class Secrets:
    """The signing secrets in force: those given, then the kept ones, newest first, each once.

    The one who owns it calls `read_anew` at first and whenever the file may have changed; all
    others call the object itself for what it has now, from any thread.
    """

    def __init__(self, given: Sequence[str] = (), file: "SecretsFile | None" = None) -> None:
        self._given = tuple(dict.fromkeys(given))
        self._file = file
        self._now = self._given
        self._reading = threading.Lock()

    @classmethod
    def of(cls, files: StoreFiles, given: Sequence[str]) -> Self:
        """Those of a store now; raises as `read_anew` does."""
        found = cls(given, SecretsFile.beside(files))
        found.read_anew()
        return found

    def __call__(self) -> tuple[str, ...]:
        return self._now

    def read_anew(self) -> None:
        """Read the kept ones again; it may wait for a keyring.

        Raises `ConfigurationError`, and goes on with what it had.
        """
        # One at a time, so that what was read last is in force.
        with self._reading:
            kept = self._file.read() if self._file else ()
            self._now = tuple(dict.fromkeys((*self._given, *(each.secret for each in kept))))


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    webhook: str
    url: str
    created_at: str
    secret: str | None = Field(default=None, min_length=1, repr=False)
    """It itself, or else in `keyring` whose entry of the keyring it is."""
    keyring: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.secret is None) == (self.keyring is None):
            raise ValueError("either `secret` or `keyring` is needed")
        return self


class _Contents(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    secrets: tuple[_Entry, ...] = ()
    """The newest first."""


class SecretsFile:
    """Reads and changes the file at `path`; each change is whole, on disk, and one at a time.

    `account` tells entries of several stores in one keyring apart. Every method raises
    `ConfigurationError` for a file that cannot be read or written; what it holds is not repeated.
    """

    def __init__(self, path: Path, *, account: str = "") -> None:
        self._path = path
        self._account = account or str(path)
        self._file = PrivateFile(
            path,
            _Contents,
            command="inspector subscribe",
            hint="correct it, or move it out of the way",
            read=_read_private,
        )

    @classmethod
    def beside(cls, files: StoreFiles) -> Self:
        """That of a store."""
        return cls(files.secrets, account=str(files.database))

    def read(self) -> tuple[KeptSecret, ...]:
        """All of them, the newest first; none where there is no file.

        It may ask the keyring, which may take its time.
        """
        return tuple(map(self._kept, self._file.read().secrets))

    def keep(self, kept: KeptSecret) -> None:
        """Keep one more, in the place of an older one of the same webhook."""
        # A damaged file is told before the keyring has something that nothing names.
        self._file.read()
        fields = {name: _writable(value) for name, value in kept._asdict().items()}
        if not kept.secret or fields["secret"] != kept.secret:
            raise ConfigurationError(
                f"the secret of {one_line(kept.webhook, TOLD)} is no text that can sign",
                "make another webhook",
            )
        user = f"{self._account} {fields['webhook']}"
        # Asked outside of the lock: a keyring may wait for its owner to unlock it.
        if os_keyring.put(user, kept.secret):
            del fields["secret"]
            fields["keyring"] = user
        new = _Entry.model_validate(fields)
        self._change(lambda old: (new, *_without(old, new.webhook)))

    def forget(self, webhook: str) -> None:
        """Take away what is kept of a webhook, if anything is."""
        gone = [entry for entry in self._file.read().secrets if entry.webhook == webhook]
        if gone:
            self._change(lambda old: _without(old, webhook))
        for entry in gone:
            if entry.keyring is not None:
                os_keyring.drop(entry.keyring)

    def _kept(self, entry: _Entry) -> KeptSecret:
        secret = entry.secret
        if entry.keyring is not None:
            secret = os_keyring.get(entry.keyring)
        if not secret:
            raise ConfigurationError(
                f"the secret of {one_line(entry.webhook, TOLD)} lies in the keyring, which does "
                "not give it",
                f"unlock the keyring, or take that webhook out of {self._path}",
            )
        return KeptSecret(entry.provider, entry.webhook, entry.url, entry.created_at, secret)

    def _change(self, change: Callable[[tuple[_Entry, ...]], tuple[_Entry, ...]]) -> None:
        self._file.change(lambda old: _Contents(secrets=change(old.secrets)))


def _without(entries: tuple[_Entry, ...], webhook: str) -> tuple[_Entry, ...]:
    return tuple(entry for entry in entries if entry.webhook != webhook)


def _writable(text: str) -> str:
    """What a provider sent need not be text that can be written."""
    return text.encode("utf-8", "replace").decode()


def _read_private(path: Path) -> bytes:
    """What is in it; the rights of others to it are taken away first, or it is refused."""
    with path.open("rb") as file:
        if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
            try:
                os.fchmod(file.fileno(), 0o600)
            except OSError as error:
                raise ConfigurationError(
                    f"others may read {path}, and that cannot be changed: {error.strerror}",
                    f"as its owner: chmod 600 {path}",
                ) from error
        return file.read()
