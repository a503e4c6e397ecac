"""Files that a UI hands over to its browser."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

_PIECE_BYTES = 256 << 10


class File(NamedTuple):
    """One that was offered; `pieces` come when they are asked for, None when no more will."""

    key: str
    name: str
    session: AppService
    pieces: asyncio.Queue[bytes | None]


class Downloads(DownloadManager):
    """What sessions offer, until it is fetched, once, or the session ends.

    textual-serve's own ends a file that comes too slowly, or whose session is gone, as if it were
    whole; this one breaks it off, so that the browser knows.
    """

    def __init__(self, patience: float) -> None:
        super().__init__()
        self._patience = patience
        self._offered: dict[str, File] = {}
        self._fetched: dict[str, File] = {}

    async def create_download(
        self,
        *,
        app_service: AppService,
        delivery_key: str,
        file_name: str,
        open_method: str,
        mime_type: str,
        encoding: str | None = None,
        name: str | None = None,
    ) -> None:
        # How it is to be opened and what is in it are not asked: it is saved, whatever it is.
        self._offered[delivery_key] = File(delivery_key, file_name, app_service, asyncio.Queue())

    async def chunk_received(self, delivery_key: str, chunk: bytes | str) -> None:
        if file := self._fetched.get(delivery_key):
            file.pieces.put_nowait(chunk.encode() if isinstance(chunk, str) else chunk)

    async def cancel_app_downloads(self, app_service_id: str) -> None:
        for files in (self._offered, self._fetched):
            for file in list(files.values()):
                if file.session.app_service_id == app_service_id:
                    file.pieces.put_nowait(None)
                    del files[file.key]

    def take(self, key: str) -> File | None:
        """The file of this key, if it is there and nobody has taken it; its taker reads it."""
        file = self._offered.pop(key, None)
        if file is not None:
            self._fetched[key] = file
        return file

    async def read(self, file: File) -> AsyncIterator[bytes]:
        """All of it, piece by piece; raises `ConnectionError` when the rest does not come."""
        wanted: dict[str, str | int | bool | None] = {
            "type": "deliver_chunk_request",
            "key": file.key,
            "size": _PIECE_BYTES,
            "name": None,
        }
        try:
            while await file.session.send_meta(wanted):
                async with asyncio.timeout(self._patience):
                    piece = await file.pieces.get()
                if piece is None:
                    break
                if not piece:
                    return
                yield piece
        except TimeoutError:
            pass
        finally:
            self._fetched.pop(file.key, None)
        raise ConnectionError(f"the rest of {file.name} did not come")
