"""Large bodies, again and again, until standard input ends.

    python -m tests.bench.large PORT BYTES TOGETHER PAUSE

sends so many at a time, pauses so many seconds, and prints at the end how many were captured.
"""

import select
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

_PATIENCE = 30.0
_LIMIT = 200


def send(port: int, body: bytes) -> None:
    """One delivery on a connection of its own; raises unless it is answered 200."""
    head = (
        b"POST /large HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        connection.sendall(head)
        connection.sendall(body)
        answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"not captured: {answer[:200]!r}")


def main() -> None:
    port, size, together, pause = sys.argv[1:]
    body = bytes(int(size))
    captured = 0
    with ThreadPoolExecutor(int(together)) as threads:
        while captured < _LIMIT:
            list(threads.map(send, [int(port)] * int(together), [body] * int(together)))
            captured += int(together)
            if select.select([sys.stdin], [], [], float(pause))[0]:
                break
    print(captured)


if __name__ == "__main__":
    main()
