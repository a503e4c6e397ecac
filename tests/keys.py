"""Writes the README's table of keys from the registry of actions: `python -m tests.keys`."""

from pathlib import Path

from inspector.tui.actions import key_table

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- keys -->\n", "<!-- /keys -->\n"


def table() -> str:
    """Every action by its group, in Markdown."""
    lines = ["| key | action | what it does | id |", "|---|---|---|---|"]
    for group, rows in key_table():
        lines.append(f"| | **{group}** | | |")
        for keys, label, text, id_ in rows:
            shown = " ".join(f"`{key}`" for key in keys.split()) or "palette"
            said = text.replace("|", chr(92) + "|")
            lines.append(f"| {shown} | {label} | {said} | `{id_}` |")
    return "\n".join(lines) + "\n"


def written(readme: str) -> str:
    """The README with the table between its marks."""
    before, _, rest = readme.partition(START)
    return before + START + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
