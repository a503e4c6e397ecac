"""The processes that are measured: started in groups of their own, always ended, and looked into.

What a process takes is read from /proc, so this is Linux only. Every wait has a deadline.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

Process = subprocess.Popen[bytes]
_STOP_SECONDS = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A program did not do what its measuring needs."""


def python(module: str, *arguments: object) -> list[str]:
    """The command line of a module, under the Python that runs this."""
    return [sys.executable, "-m", module, *map(str, arguments)]


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[Process]:
    """A process without standard input, in a group of its own; the group is ended at the end."""
    process: Process = subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        **{"stdin": subprocess.DEVNULL, "bufsize": 0, **options},
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: Process) -> None:
    """Ask the process to stop, wait, and leave nothing of its group behind."""
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_STOP_SECONDS)
    if process.stdout is not None:
        process.stdout.close()
    if process.stderr is not None:
        process.stderr.close()


def output(command: list[str], seconds: float) -> bytes:
    """What a command printed; `BenchError` when it fails or does not end in time."""
    name = " ".join(command[:3])
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        complaint = _tail(error.stderr)
        raise BenchError(f"{name} did not end in {seconds:.0f} s {complaint}") from error
    if done.returncode != 0:
        raise BenchError(f"{name} exited {done.returncode} {_tail(done.stderr)}")
    return done.stdout


def _tail(complaint: bytes | None) -> str:
    return (complaint or b"").decode("utf-8", "replace").strip()[-400:]


def read_line(stream: IO[bytes] | None, seconds: float) -> bytes:
    """The next line of an unbuffered pipe, so that nothing behind it is taken away."""
    assert stream is not None
    deadline = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            raise BenchError(f"nothing was printed in {seconds:.0f} s")
        if not (byte := os.read(stream.fileno(), 1)):
            raise BenchError(f"it ended instead of printing a line: {line!r}")
        line += byte
    return line


def until(look: Callable[[], T | None], seconds: float, what: str, pause: float = 0.02) -> T:
    """The first value that is not None or False; `BenchError` when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise BenchError(f"{what} did not come in {seconds:.0f} s")
        time.sleep(pause)
    return found


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(pid: int) -> int:
    """Resident bytes now."""
    return _status(pid, "VmRSS")


def peak_memory(pid: int) -> int:
    """The most resident bytes since the start, or since `forget_peak`."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Let the peak begin anew from what is resident now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, in steps of a clock tick."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/{pid}/status has no {name}")
