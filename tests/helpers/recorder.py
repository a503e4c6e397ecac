"""A server without a loop that keeps the exact bytes of each request: for tools run as programs."""

import socket
import threading
from types import TracebackType
from typing import Self

from inspector.domain.delivery import Request

_PATIENCE = 15.0


class Recorder:
    """Listens on a free port of 127.0.0.1 from entering to leaving; answers 200 and closes."""

    def __init__(self) -> None:
        self.received: list[Request] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="recorder")
        port = self._socket.getsockname()[1]
        self.authority = f"127.0.0.1:{port}"
        self.url = f"http://{self.authority}"

    def take(self) -> Request:
        """The only request since the last call."""
        (request,) = self.received
        self.received.clear()
        return request

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(_PATIENCE)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # the test is over
            with connection:
                connection.settimeout(_PATIENCE)
                self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            head = [line := reader.readline()]
            while line not in (b"\r\n", b""):
                head.append(line := reader.readline())
            first, *lines = b"".join(head).decode("latin-1").split("\r\n")[:-2]
            method, target, version = first.split(" ")
            pairs = tuple((name, value) for name, _, value in (x.partition(":") for x in lines))
            headers = tuple((name, value.removeprefix(" ")) for name, value in pairs)
            named = {name.lower(): value for name, value in headers}
            assert "transfer-encoding" not in named
            body = reader.read(int(named.get("content-length", 0)))
            self.received.append(
                Request(method, target, version.removeprefix("HTTP/"), headers, body)
            )
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
            connection.sendall(answer + (b"" if method == "HEAD" else b"ok"))
