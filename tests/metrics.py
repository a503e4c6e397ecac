"""Writes the README's table of metrics from what a relay tells: `python -m tests.metrics`."""

from pathlib import Path

from inspector.server.health import COUNTER
from inspector.server.relay_status import METRICS

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- metrics -->", "<!-- /metrics -->"


def written(readme: str) -> str:
    """The README with the table between its marks."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    lines = ["| `inspector_relay_...` | labels | what |", "|---|---|---|"]
    for metric in METRICS:
        name = metric.name + ("_total" if metric.kind == COUNTER else "")
        lines.append(f"| `{name}` | {', '.join(metric.labels)} | {metric.help} |")
    table = "\n".join(lines)
    return f"{before}{START}\n{table}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
