"""The README's tables that are written from the program itself."""

from pathlib import Path

README = Path(__file__).parent.parent.parent / "README.md"


def with_table(readme: str, name: str, table: str) -> str:
    """The README with that table between the marks of the name, which stand there once."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, rest = readme.split(start)
    _, after = rest.split(end)
    return before + start + table + end + after


def write_table(name: str, table: str) -> None:
    README.write_text(with_table(README.read_text("utf-8"), name, table), "utf-8")
