"""What starting costs: each command imports what it needs, when it runs."""

import subprocess
import sys

import pytest

_HEAVY = ("textual", "aiohttp", "pydantic", "asyncio", "sqlite3", "websockets", "h11", "uvloop")


def imported(*arguments: str) -> set[str]:
    code = (
        "import sys; from inspector.cli import run; assert run(sys.argv[1:]) == 0; "
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported(*arguments).isdisjoint(_HEAVY)


@pytest.mark.parametrize(
    "command", ["list", "show", "status", "events", "resend", "trigger", "tui"]
)
def test_a_command_imports_neither_the_server_nor_the_ui_for_its_help(command: str) -> None:
    assert imported(command, "--help").isdisjoint({"textual", "aiohttp", "websockets"})


def test_an_interrupt_while_it_is_imported_ends_it_in_silence() -> None:
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from inspector.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
