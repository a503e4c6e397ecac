"""How a listener is found: by the lock file beside its database."""

import json
from dataclasses import dataclass
from pathlib import Path

from inspector.errors import ConfigurationError

# A lock file of ours has a few hundred bytes; anything larger is not one.
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a listener says that it is; whether it still runs is for the lock to say."""

    url: str
    control: str
    token_file: Path
    db: Path
    pid: int

    def token(self) -> str:
        """The token, or `ConfigurationError` when its file cannot be read or is empty."""
        return read_token(self.token_file)


def companion(db: Path, name: str) -> Path:
    """The file that lies beside the database as `NAME-name`."""
    return db.with_name(f"{db.name}-{name}")


def find_listener(db: Path) -> Listener | None:
    """What the lock file beside `db` says, or None where there is none or it is not ours."""
    try:
        with companion(db, "lock").open("rb") as file:
            item = json.loads(file.read(_MAX_BYTES))
        if not isinstance(item["pid"], int):
            return None
        return Listener(
            url=str(item["url"]),
            control=str(item["control"]),
            token_file=Path(item["token_file"]),
            db=Path(item["db"]),
            pid=item["pid"],
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def read_token(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"cannot read the token file {path}", "it is made when `inspector serve` first starts"
        ) from error
    if not token:
        raise ConfigurationError(f"the token file {path} is empty", "delete it and serve again")
    return token
