"""Writes the README's table of query keys from the language: `python -m tests.query_keys`."""

from inspector.domain.query import KEYS
from tests.helpers.readme import write_table


def table() -> str:
    """Every key, in Markdown."""
    lines = ["| key | asks for | example |", "|---|---|---|"]
    for name, doc in KEYS.items():
        choices = f": {', '.join(doc.choices)}" if doc.choices else ""
        lines.append(f"| `{name}` | {doc.doc}{choices} | `{doc.example}` |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_table("query", table())
