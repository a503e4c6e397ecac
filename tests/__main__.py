"""All checks with one command, `python -m tests`: format, lint, types, tests, coverage.

Arguments go to pytest: `python -m tests tests/store -x`; coverage is asked of whole runs only.
"""

import subprocess
import sys

# Coverage in this process alone: what runs in a child process is tested, not counted.
COVERED = ("domain", "providers", "store", "forward", "server")
LEAST_PERCENT = 95


def main(arguments: list[str]) -> int:
    coverage = [f"--cov=inspector.{name}" for name in COVERED]
    coverage += [f"--cov-fail-under={LEAST_PERCENT}", "--cov-report=term:skip-covered"]
    checks = [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy"],
        ["pytest", *(arguments or coverage)],
    ]
    for check in checks:
        print("$", " ".join(check), flush=True)
        if code := subprocess.call([sys.executable, "-m", *check]):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
