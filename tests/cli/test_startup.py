"""What starting costs: each command imports what it needs, when it runs."""

import subprocess
import sys

import pytest

from tests.cli.conftest import Cli

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


@pytest.mark.parametrize(
    ("words", "offered", "hidden"),
    [("inspector s", ["serve", "show", "status", "subscribe"], "_ui"),
     ("inspector serve --relay", ["--relay", "--relay-filter"], "--retry")],
)  # fmt: skip
def test_a_shell_can_complete_commands_and_flags(
    cli: Cli, words: str, offered: list[str], hidden: str
) -> None:
    count = str(words.count(" "))
    asked = {"_INSPECTOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    done = Cli(cli.folder, asked)()
    assert (done.code, done.err) == (0, "")
    assert [row.removeprefix("plain,") for row in done.rows] == offered
    assert hidden not in done.out
