"""Writes the README's table of query keys from the language: `python -m tests.query_keys`."""

from pathlib import Path

from inspector.domain.query import KEYS

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- query -->\n", "<!-- /query -->\n"


def table() -> str:
    """Every key, in Markdown."""
    lines = ["| key | asks for | example |", "|---|---|---|"]
    for name, doc in KEYS.items():
        choices = f": {', '.join(doc.choices)}" if doc.choices else ""
        lines.append(f"| `{name}` | {doc.doc}{choices} | `{doc.example}` |")
    return "\n".join(lines) + "\n"


def written(readme: str) -> str:
    """The README with the table between its marks."""
    before, _, rest = readme.partition(START)
    return before + START + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
