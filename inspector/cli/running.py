"""The running listener of a store, and asking it without paying for an HTTP client's import."""

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from inspector.client.discovery import Listener, find_listener
from inspector.errors import InspectorError, UnreachableError
from inspector.store.files import StoreFiles
from inspector.store.lock import holder

_START_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_CONNECT_SECONDS = 3.0


def running(files: StoreFiles) -> Listener | None:
    """The listener that holds the store, or None; one that is just starting is waited for.

    Raises `UnreachableError` when it does not come to listen.
    """
    deadline = time.monotonic() + _START_SECONDS
    while holder(files.lock) is not None:
        found = find_listener(files.database)
        if found is None or found.control:
            return found
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"the listener, process {found.pid}, is not ready", "try again in a moment"
            )
        time.sleep(_LOOK_SECONDS)
    return None


class Api:
    """The HTTP API of a listener, one connection a request.

    Raises what `client.control.Control` raises for the same answers. An answer is waited for
    `patience` seconds, or as long as it takes: the listener itself may be waiting for a slow app.
    """

    def __init__(self, listener: Listener, patience: float | None = None) -> None:
        self._patience = patience
        self._control = listener.control.rstrip("/")
        self._headers = {"Authorization": f"Bearer {listener.token()}"}

    def get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        parts = urlsplit(f"{self._control}/api/{path}")
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=_CONNECT_SECONDS
        )
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.connect()
            connection.sock.settimeout(self._patience)
            connection.request(method, target, body, self._headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                f"the listener at {self._control} gave no answer", "see whether it still runs"
            ) from error
        finally:
            connection.close()
        if response.status >= 400:
            # Its import is dear, and only an error needs it.
            from inspector.client.control import refusal

            raise refusal(response.status, data)
        return _object(path, data)


def _object(path: str, data: bytes) -> dict[str, Any]:
    try:
        item = json.loads(data)
    except ValueError:
        item = None
    if not isinstance(item, dict):
        raise InspectorError(f"the listener's answer to {path} is not a JSON object")
    return item
