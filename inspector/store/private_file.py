"""A small file of JSON beside a database: for its owner alone, and changed by several processes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from inspector.domain.plaintext import one_line
from inspector.errors import ConfigurationError, remedy, system_text
from inspector.store.files import replace_private
from inspector.store.lock import StoreLock

M = TypeVar("M", bound=BaseModel)

# How much of a text from elsewhere an error repeats.
TOLD = 200


class PrivateFile(Generic[M]):
    """What `model` says at `path`; each change is whole, on disk, and one at a time.

    `command` is who changes it, `read` gets its bytes. Every method raises `ConfigurationError` for
    a file that cannot be read or written, with the `hint` for one that says what it may not; what
    it holds is not repeated.
    """

    def __init__(
        self,
        path: Path,
        model: type[M],
        *,
        command: str,
        hint: str,
        read: Callable[[Path], bytes] = Path.read_bytes,
    ) -> None:
        self._path = path
        self._model = model
        self._command = command
        self._hint = hint
        self._bytes = read

    def read(self) -> M:
        """What it says now; what the model says by itself where there is no file."""
        try:
            data = self._bytes(self._path)
        except FileNotFoundError:
            return self._model()
        except OSError as error:
            raise self._out_of_reach(error) from error
        try:
            return self._model.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            why = f"{where}: {first['msg']}" if where else first["msg"]
        # Raised out here, so that the other error, which has the values, does not go along.
        raise self._unusable(one_line(why, TOLD))

    def change(self, change: Callable[[M], M]) -> M:
        """Put in its place what becomes of it; what it says then."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = StoreLock(
                self._path.with_name(self._path.name + "-lock"),
                {"command": self._command, "pid": os.getpid()},
            )
        except OSError as error:
            raise self._out_of_reach(error) from error
        with lock:
            new = change(self.read())
            try:
                data = new.model_dump_json(indent=1, exclude_none=True).encode() + b"\n"
                self._model.model_validate_json(data)
            except ValueError:
                # JSON can say less than a value can be, and nobody could then use any of it.
                raise ConfigurationError("what is asked for cannot be kept in JSON") from None
            try:
                replace_private(self._path, data)
            except OSError as error:
                raise self._out_of_reach(error) from error
        return new

    def _out_of_reach(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"cannot use {self._path}: {system_text(error)}",
            remedy(error, "see whose it is, or name a place of your own with --db PATH"),
        )

    def _unusable(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"cannot use {self._path}: {why}", self._hint)
