"""All checks with one command, `python -m tests`: format, lint, types, tests, coverage.

The tests run in several processes, and those marked `alone` one after the other behind them.
Arguments go to pytest, in this process: `python -m tests tests/store -x`; coverage is asked of
whole runs only.
"""

import os
import subprocess
import sys

# Coverage in pytest's own processes alone: what runs in a child process is tested, not counted.
COVERED = ("domain", "providers", "store", "forward", "server", "tunnel")
LEAST_PERCENT = 95
# Many tests wait for a process or a terminal; more than that are in each other's way.
WORKERS = min((os.cpu_count() or 1) + 1, 8)


def main(arguments: list[str]) -> int:
    coverage = [f"--cov=inspector.{name}" for name in COVERED]
    together = ["-m", "not alone", "-n", str(WORKERS), "--dist", "loadfile", "--cov-report="]
    together.append("--no-loadscope-reorder")  # tests/conftest.py says what comes first
    alone = ["-m", "alone", "--cov-append", "--cov-report=term:skip-covered"]
    alone.append(f"--cov-fail-under={LEAST_PERCENT}")
    whole = [["pytest", *coverage, *together], ["pytest", *coverage, *alone]]
    *first, last = [["pytest", *arguments]] if arguments else whole
    for check in (["ruff", "format", "--check", "."], ["ruff", "check", "."], *first):
        if code := _call(check):
            return code
    # It takes a minute of a core, and the last tests, one at a time, often wait.
    with _begun(["mypy"]) as types:
        if code := _call(last):
            types.terminate()
            return code
        told, _ = types.communicate()
    print("$ mypy", told, sep="\n", end="", flush=True)
    return types.returncode


def _call(check: list[str]) -> int:
    print("$", " ".join(check), flush=True)
    return subprocess.call([sys.executable, "-m", *check])


def _begun(check: list[str]) -> "subprocess.Popen[str]":
    """One that goes on beside others; what it says is for its end."""
    command = [sys.executable, "-m", *check]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
