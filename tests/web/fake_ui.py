"""A stand-in for the UI: speaks the web driver's protocol, and does what it is told by keys.

Told one line first, which it shows; then each key is a command.
"""

import json
import os
import signal
import sys
import time

FLOOD = b"x" * 65536


def packet(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def show(text: str) -> None:
    write(packet(b"D", text.encode()))


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def meta(**what: object) -> None:
    write(packet(b"M", json.dumps(what).encode()))


def take(kind: bytes, payload: bytes) -> None:
    if kind == b"M":
        told = json.loads(payload)
        if told["type"] == "quit":
            sys.exit(0)
        if told["type"] == "deliver_chunk_request":
            from textual._binary_encode import dump

            piece = FILE.pop() if FILE else b""
            if piece == b"fails":
                sys.exit(1)
            if piece == b"stalls":
                return
            write(packet(b"P", dump(("deliver_chunk", told["key"], piece))))
            return
        show(json.dumps(told))
        return
    match payload.decode():
        case "quit":
            meta(type="exit")
            sys.exit(0)
        case "fail":
            meta(type="exit")
            print("inspector: the token is \x1b[31mrefused", file=sys.stderr)
            sys.exit(3)
        case "environment":
            show(json.dumps({"environment": dict(os.environ), "arguments": sys.argv}))
        case "pid":
            show(json.dumps({"pid": os.getpid(), "session": os.getsid(0)}))
        case "flood":
            while True:
                write(packet(b"D", FLOOD))
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            show("deaf")
            while True:
                time.sleep(60)
        case "huge":
            write(b"D" + (1 << 30).to_bytes(4, "big") + FLOOD)
        case "file" | "file that stalls" | "file that fails":
            import textual._binary_encode  # noqa: F401  it takes its time

            FILE[:] = [payload.split()[-1].replace(b"file", b"second"), b"first "]
            meta(
                type="deliver_file_start",
                key="k1",
                path='/tmp/a "b"\r\n.html',
                open_method="browser",
                mime_type="text/html",
                encoding="utf-8",
                name=None,
            )
        case text:
            show(f"took {text}")


FILE: list[bytes] = []


def main() -> None:
    told = sys.stdin.buffer.readline().decode().strip()
    if told == "stillborn":
        print("inspector: it cannot be", file=sys.stderr)
        sys.exit(1)
    if told == "mute":
        time.sleep(60)
    write(b"__GANGLION__\n")
    show(f"told {told}")
    while head := sys.stdin.buffer.read(5):
        take(head[:1], sys.stdin.buffer.read(int.from_bytes(head[1:], "big")))


if __name__ == "__main__":
    main()
