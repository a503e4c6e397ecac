"""The files of a store: the database and its companions, all readable by their owner alone."""

import errno
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from inspector.errors import ConfigurationError, NotFoundError, system_text
from inspector.store.recognition import refuse_foreign


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """`database` is the journal; the others lie beside it as `NAME-*`."""

    database: Path

    @property
    def index(self) -> Path:
        return self._beside("-index")

    @property
    def lock(self) -> Path:
        return self._beside("-lock")

    @property
    def token(self) -> Path:
        return self._beside("-token")

    @property
    def endpoints(self) -> Path:
        """Of a relay: what it captures for whom."""
        return self._beside("-endpoints")

    @property
    def secrets(self) -> Path:
        """The signing secrets that providers gave for the webhooks made here."""
        return self._beside("-secrets")

    def _beside(self, suffix: str) -> Path:
        return self.database.with_name(self.database.name + suffix)

    def require(self) -> "StoreFiles":
        """Raise `NotFoundError` unless the database exists; nothing is created.

        Raises `ConfigurationError` for a file that is no store, or that may not be read.
        """
        try:
            refuse_foreign(self.database)
            found = self.database.exists()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the store {self.database}: {system_text(error)}",
                "name one of your own with --db PATH",
            ) from error
        if not found:
            raise NotFoundError(
                f"there is no store at {self.database}",
                "start `inspector serve` first, or name another one with --db PATH",
            )
        return self

    def create(self) -> None:
        """Make the database file with mode 0600 if it is not there, before SQLite opens it.

        SQLite gives its WAL and shared-memory files the mode of the database. Raises
        `ConfigurationError` for a file that is no store, which stays as it is.
        """
        try:
            self.database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            refuse_foreign(self.database)
            # The others are made beside it, some of them by SQLite as it goes.
            if not os.access(self.database.parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "")
            touch_private(self.database)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the store {self.database}: {system_text(error)}",
                "name a writable place with --db PATH",
            ) from error

    def read_token(self) -> str | None:
        """The access token, or None before a first listener made it."""
        try:
            return self.token.read_text("ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def ensure_token(self) -> str:
        """The access token, made at first use: 256 random bits, and a newline, in a 0600 file."""
        if token := self.read_token():
            self.token.chmod(0o600)
            return token
        token = secrets.token_urlsafe(32)
        self.token.unlink(missing_ok=True)
        descriptor = os.open(self.token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
        return token


def touch_private(path: Path) -> None:
    """Create the file with mode 0600, or take the rights of others away from an existing one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.name == "posix" and os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def replace_private(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file, whole whatever happens, for its owner alone."""
    new = path.with_name(path.name + "-new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    if os.name == "posix":
        onto_disk(path.parent)


def onto_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
