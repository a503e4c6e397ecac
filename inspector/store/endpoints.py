"""The endpoints of a relay: a small file beside its database, written by commands, read by it."""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from inspector.domain.endpoint import Endpoint
from inspector.errors import ConfigurationError, NotFoundError
from inspector.store.private_file import PrivateFile

# Scanners for secrets, and people, know by it what they found.
TOKEN_PREFIX = "itun_"


class Registry(BaseModel):
    """What the file says.

    `base` is the address under which senders reached the relay when it last started. In `removed`
    is what the relay is still to forget: the ids of endpoints, and cursors of consumers (the id of
    the endpoint, a slash, and the name).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    base: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    removed: tuple[str, ...] = ()

    def named(self, name: str) -> Endpoint:
        """Raises `NotFoundError`."""
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        raise NotFoundError(
            f"there is no endpoint {name}", "`inspector relay endpoint list` names them"
        )


def hash_of(token: str) -> str:
    """What is kept of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


class EndpointsFile:
    """Reads and changes the file at `path`; each change is whole, on disk, and one at a time.

    Every method raises `ConfigurationError` for a file that cannot be read or written; `add` and
    `set` raise `ValidationError` for an option that cannot be, named like its field.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = PrivateFile(
            path,
            Registry,
            command="inspector relay endpoint",
            hint="correct it, or put an older copy in its place",
        )
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> Registry:
        """What it says now; nothing at all where there is no file."""
        self._seen = self._stamp()
        return self._file.read()

    def changed(self) -> bool:
        """Whether it is another file than the one that `read` saw last; costs one look."""
        return self._stamp() != self._seen

    def add(self, name: str, options: Mapping[str, Any]) -> tuple[Endpoint, str]:
        """Make an endpoint; it, and its token, which is known here alone and now."""
        token = new_token()
        fields = {
            "id": secrets.token_hex(8),
            "name": name,
            "slug": secrets.token_hex(16),
            "token_sha256": hash_of(token),
        }

        def added(old: Registry) -> Registry:
            if any(endpoint.name == name for endpoint in old.endpoints):
                raise ConfigurationError(
                    f"there is an endpoint {name} already",
                    f"change it with `inspector relay endpoint set {name}`, or choose another name",
                )
            made = _with(fields, options)
            return old.model_copy(update={"endpoints": (*old.endpoints, made)})

        return self._change(added).named(name), token

    def set(self, name: str, options: Mapping[str, Any]) -> Endpoint:
        """Change what an endpoint takes in and answers."""
        return self._replace(name, options).named(name)

    def rotate(self, name: str) -> tuple[Endpoint, str]:
        """Give an endpoint another token; the old one is worth nothing from now on."""
        token = new_token()
        return self._replace(name, {"token_sha256": hash_of(token)}).named(name), token

    def remove(self, name: str) -> Endpoint:
        """Take an endpoint away; its deliveries are forgotten by who then calls `forgotten`."""
        gone: list[Endpoint] = []

        def without(old: Registry) -> Registry:
            gone.append(old.named(name))
            left = tuple(each for each in old.endpoints if each.name != name)
            return old.model_copy(update={"endpoints": left, "removed": (*old.removed, gone[0].id)})

        self._change(without)
        return gone[0]

    def part_from(self, name: str, consumer: str) -> Endpoint:
        """Keep nothing any more at endpoint `name` for a consumer; forgotten in the same way."""

        def parted(old: Registry) -> Registry:
            cursor = f"{old.named(name).id}/{consumer}"
            return old.model_copy(update={"removed": (*old.removed, cursor)})

        return self._change(parted).named(name)

    def forgotten(self, what: str) -> None:
        """That is stored no more."""

        def without(old: Registry) -> Registry:
            return old.model_copy(
                update={"removed": tuple(each for each in old.removed if each != what)}
            )

        self._change(without)

    def reached_at(self, base: str) -> None:
        """Note under which address senders reach the relay."""
        if self._file.read().base != base:
            self._change(lambda old: old.model_copy(update={"base": base}))

    def _replace(self, name: str, options: Mapping[str, Any]) -> Registry:
        def replaced(old: Registry) -> Registry:
            new = _with(old.named(name).model_dump(), options)
            endpoints = tuple(new if each.name == name else each for each in old.endpoints)
            return old.model_copy(update={"endpoints": endpoints})

        return self._change(replaced)

    def _change(self, change: Callable[[Registry], Registry]) -> Registry:
        self._check_owner()
        return self._file.change(change)

    def _check_owner(self) -> None:
        """Root may write everywhere, but the relay could not read what root alone may read."""
        folder = self._path.parent
        if os.name == "posix" and os.geteuid() == 0 and folder.exists():
            owner = folder.stat().st_uid
            if owner != 0:
                raise ConfigurationError(
                    f"{folder} belongs to user {owner}, who could not read what root writes there",
                    f"run it as that user: sudo -u '#{owner}' inspector relay ...",
                )

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _with(fields: dict[str, Any], options: Mapping[str, Any]) -> Endpoint:
    """The endpoint with these options; those of its limits are named like the others."""
    limits = {**fields.get("limits", {})}
    own = dict(fields)
    for option, value in options.items():
        (own if option in Endpoint.model_fields else limits)[option] = value
    return Endpoint.model_validate({**own, "limits": limits})
