"""Writes the README's table of metrics from what a relay tells: `python -m tests.metrics`."""

from inspector.server.health import COUNTER
from inspector.server.relay_status import METRICS
from tests.helpers.readme import write_table


def table() -> str:
    """Every metric, in Markdown."""
    lines = ["| `inspector_relay_...` | labels | what |", "|---|---|---|"]
    for metric in METRICS:
        name = metric.name + ("_total" if metric.kind == COUNTER else "")
        lines.append(f"| `{name}` | {', '.join(metric.labels)} | {metric.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_table("metrics", table())
