"""Writes the README's table of keys from the registry of actions: `python -m tests.keys`."""

from inspector.tui.actions import key_table
from tests.helpers.readme import write_table


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


if __name__ == "__main__":
    write_table("keys", table())
