"""The command line: one file a command, imported when it runs."""

import importlib
import os
import sys
from typing import Any

import click

from inspector import __version__
from inspector.errors import ConfigurationError, InspectorError, remedy, system_text

# Name, module and one line each, so that `--help` imports none of them.
_COMMANDS = {
    "serve": ("inspector.cli.serve", "Capture deliveries, show them, forward them to your app."),
    "tui": ("inspector.cli.tui", "Open the terminal UI of a running listener."),
    "list": ("inspector.cli.list_", "List deliveries, newest first."),
    "show": ("inspector.cli.show", "Show one delivery: headers, body, signature, attempts."),
    "resend": ("inspector.cli.resend", "Send stored deliveries to the app again."),
    "trigger": ("inspector.cli.trigger", "Send yourself a signed sample of any event."),
    "events": ("inspector.cli.events", "The catalogue of event types."),
    "status": ("inspector.cli.status", "The ledger, the targets, the index's lag, the versions."),
    "primary": ("inspector.cli.primary", "Have this app answer the relay's senders."),
    "relay": ("inspector.cli.relay", "Capture on a public host, for developers anywhere."),
    "doctor": ("inspector.cli.doctor", "Examine every hop, and send the hardest requests round."),
    "subscribe": ("inspector.cli.subscribe", "Make a webhook at PacSpace, and keep its secret."),
    "redeliver": ("inspector.cli.redeliver", "Ask PacSpace to send an event again."),
    "reindex": ("inspector.cli.reindex", "Derive everything anew from the stored facts."),
    "_listen": ("inspector.cli.listen", ""),
    "_ui": ("inspector.cli.ui", ""),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in _COMMANDS if not name.startswith("_")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(n, _COMMANDS[n][1]) for n in self.list_commands(ctx)])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="inspector")
def _inspector() -> None:
    """A local webhook tunnel and inspector.

    \b
    inspector serve 3000     capture on port 8400, forward to the app on port 3000
    inspector serve --demo   see it alive, without an app and without an account
    """


def main() -> None:
    """Run the command line; ends the process with the exit code of the contract."""
    _open_standard_streams()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        # Who wrote it has told that, or need not; the interpreter must not complain at its end.
        _drop_output()
    sys.exit(code)


def _open_standard_streams() -> None:
    """Have those that are closed open on nothing, or the next file would get such a number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: list[str]) -> int:
    """Run one command; what goes wrong becomes a line, a hint and an exit code."""
    try:
        result: Any = _inspector.main(arguments, prog_name="inspector", standalone_mode=False)
    except click.Abort:
        return 130
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except InspectorError as error:
        complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has gone, which click makes an exit of.
        _drop_output()
        return 0
    except PermissionError as error:
        denied = ConfigurationError(
            f"cannot use {error.filename or 'a file'}: {system_text(error)}",
            "see whose it is, or name a store of your own with --db PATH",
        )
        complain(denied)
        return denied.exit_code
    except Exception as error:
        if isinstance(error, OSError) and (hint := remedy(error, "")):
            complain(InspectorError(f"cannot write: {system_text(error)}", hint))
            return InspectorError.exit_code
        if os.environ.get("INSPECTOR_DEBUG"):
            raise
        click.echo(f"inspector: internal error: {type(error).__name__}: {error}", err=True)
        click.echo("hint: run it again with INSPECTOR_DEBUG=1 and report what it prints", err=True)
        return 1
    return result if isinstance(result, int) else 0


def complain(error: InspectorError) -> None:
    """One line of what is wrong, one of what to do, on stderr."""
    click.echo(f"inspector: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
