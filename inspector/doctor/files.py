"""The store's files: whose they are, who else may read them, and whether they can be written."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from inspector.doctor.apart import apart
from inspector.doctor.disk import standing
from inspector.doctor.model import Check, Subject, Tell
from inspector.errors import InspectorError, NotFoundError, system_text
from inspector.settings import config_files, read_config
from inspector.store.files import StoreFiles
from inspector.store.reading import versions

_SECONDS = 5.0
_OTHERS = 0o077
# Settings whose value is a secret, unless it names a variable.
_SECRET = ("secret", "relay_token")


async def look(subject: Subject, tell: Tell) -> None:
    files = subject.files
    found = await apart(lambda: [folder(files), *modes(files), *store(files), *configs()], _SECONDS)
    for check in found:
        tell(check)


def folder(files: StoreFiles) -> Check:
    """The check on the store's folder: a file can be made there."""
    path = files.database.parent
    there = standing(path)
    try:
        if there != path:
            # It is made when the store is; here nothing is left behind.
            if not os.access(there, os.W_OK | os.X_OK):
                raise PermissionError(None, "permission denied")
            return Check("files", "folder", True, f"{path} will be made", value=str(path))
        with tempfile.TemporaryFile(dir=path, prefix=".inspector-doctor-"):
            pass
    except OSError as error:
        told = f"{there} cannot be written: {system_text(error)}"
        hint = "name a writable place with --db PATH"
        return Check("files", "folder", False, told, hint, str(path))
    mode = path.stat().st_mode
    if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        hint = f"anybody can put other files in their place: chmod o-w {path}"
        return Check("files", "folder", True, f"{path} can be written by all", hint, str(path))
    return Check("files", "folder", True, f"{path} can be written", value=str(path))


def store(files: StoreFiles) -> list[Check]:
    """The check on whether the database is one of ours; none where there is none."""
    try:
        schema = versions(files.require())["schema"]
    except NotFoundError:
        return []
    except InspectorError as error:
        return [Check("files", "store", False, error.message, error.hint)]
    told = f"{files.database.name} is one, with schema {schema}"
    return [Check("files", "store", True, told, value=schema)]


def modes(files: StoreFiles) -> list[Check]:
    """The checks on who may read and write the database and what lies beside it.

    One for all of them where all are well, else one for each that is not.
    """
    name = files.database.name
    found = sorted(
        path
        for path in files.database.parent.glob("*")
        if path.name == name or path.name.startswith(name + "-")
    )
    if os.name != "posix":
        return [Check("files", "modes", None, "this system has no modes of files")]
    if not found:
        return [Check("files", "modes", None, "there is no store yet")]
    wrong = [check for path in found if (check := _mode(path, name)) is not None]
    count = f"{len(found)} files" if len(found) > 1 else "1 file"
    return wrong or [Check("files", "modes", True, f"{count}, yours alone", value=len(found))]


def _mode(path: Path, database: str) -> Check | None:
    """What is wrong with who may use one file of the store."""
    what = path.name.removeprefix(database).removeprefix("-") or "database"
    try:
        seen = path.stat()
    except OSError:  # gone meanwhile, as a journal of SQLite goes
        return None
    mode = stat.S_IMODE(seen.st_mode)
    if seen.st_uid != os.geteuid() and os.geteuid() != 0:
        told = f"{path.name} belongs to another user (uid {seen.st_uid})"
        return Check("files", what, False, told, f"chown it, or use another store: {path}", mode)
    if not mode & _OTHERS:
        return None
    told = f"{path.name} is open to others ({mode:04o})"
    return Check("files", what, False, told, f"chmod 600 {path}", f"{mode:04o}")


def configs() -> list[Check]:
    """The checks on the settings' files: no secret lies in them for others to read."""
    return [check for path in config_files() if (check := _config(path)) is not None]


def _config(path: Path) -> Check | None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    names = list(_literal(read_config(path)))
    if not names:
        return Check("files", path.name, True, f"{path} holds no secret")
    held = f"{path} holds {' and '.join(names)}"
    if os.name != "posix" or not mode & _OTHERS:
        return Check("files", path.name, True, f"{held}, for you alone")
    told = f"{held}, open to others ({mode:04o})"
    hint = f"chmod 600 {path}, or write env:NAME in place of the secret"
    return Check("files", path.name, False, told, hint, f"{mode:04o}")


def _literal(table: dict[str, Any]) -> list[str]:
    """The settings whose secret itself stands in the file."""
    found = []
    for key, value in table.items():
        name = key.replace("-", "_")
        values = value if isinstance(value, list) else [value]
        if name in _SECRET and any(
            isinstance(each, str) and each and not each.startswith("env:") for each in values
        ):
            found.append(name)
    return found
