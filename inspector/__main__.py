"""The `inspector` command, also as `python -m inspector`."""

import sys


def main() -> None:
    """Run the command line; Ctrl+C ends it in silence, also while it is still being imported."""
    try:
        from inspector.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
