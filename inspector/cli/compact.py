"""One-line rows for people: the id first."""

import json
from datetime import datetime
from typing import Any

from inspector.domain.delivery import Delivery, State
from inspector.domain.gap import told
from inspector.domain.plaintext import one_line


def compact_line(item: bytes) -> bytes | None:
    """An item of a frame as a row; None for what is not shown."""
    sort, text = item[:1], item[1:].partition(b"\x1f")[0]
    if sort in b"drg":
        return (delivery_row(json.loads(text)) + "\n").encode()
    return (attempt_row(json.loads(text)) + "\n").encode() if sort == b"f" else None


def delivery_row(item: dict[str, Any]) -> str:
    """`12  10:30:01  delta.verified  valid  POST /hooks  1.2 kB  -> 200 forwarded`."""
    if item["state"] == State.GAP:
        return f"#{item['id']}  {_time(item)}  gap  {told(Delivery.from_json(item))}"
    event = item["event"] or "-"
    answered = item["answered"] if item["answered"] is not None else "-"
    parts = [
        f"#{item['id']}",
        _time(item),
        one_line(event, 40),
        item["signature"]["verdict"],
        one_line(f"{item['method']} {item['request_target']}", 60),
        human_size(item["body_size"]),
        f"-> {answered}",
        one_line(_state(item), 80),
    ]
    if item["duplicate_of"]:
        parts.append(f"duplicate of #{item['duplicate_of']}")
    return "  ".join(parts)


def _time(item: dict[str, Any]) -> str:
    """When it came, by the clock on the wall as in the UI; with the date if that is not today's."""
    moment = datetime.fromisoformat(item["received_at"]).astimezone()
    today = moment.date() == datetime.now(moment.tzinfo).date()
    return f"{moment:%H:%M:%S}" if today else f"{moment:%Y-%m-%d %H:%M:%S}"


def _state(item: dict[str, Any]) -> str:
    """The state, with the app's latest status, or why there was none."""
    # Of what waits or failed it is that of an attempt elsewhere, which changed nothing.
    elsewhere = item["state"] in (State.WAITING, State.FAILED)
    status = "" if item["last_status"] is None or elsewhere else f" {item['last_status']}"
    why = item["state_reason"] or (item["last_failure"] if item["state"] == State.FAILED else "")
    return f"{item['state']}{status}" + (f" ({why})" if why else "")


def attempt_row(item: dict[str, Any]) -> str:
    """`#12  -> http://localhost:3000  200 in 8 ms`."""
    return f"#{item['delivery_id']}  -> {item['target']}  {attempt_result(item)}"


def attempt_result(item: dict[str, Any]) -> str:
    """`200 in 8 ms`, or why there was no answer."""
    if item["failure"]:
        return one_line(item["failure"]["reason"], 100)
    took = "" if item["duration_ms"] is None else f" in {item['duration_ms']:.0f} ms"
    return f"{item['status']}{took}"


def human_size(size: int) -> str:
    """Bytes as people read them: `900 B`, `1.2 kB`, `25.0 MB`, `1.0 GB`."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            break
        amount /= 1024
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
