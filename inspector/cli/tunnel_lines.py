"""The tunnel to a relay in lines for people: while serving, and in `status`."""

from typing import Any

from inspector.domain.plaintext import one_line

_LONGEST = 300


def connection_line(report: dict[str, Any]) -> str:
    """What happened to the connection; empty for what needs no word."""
    reason = one_line(report["reason"], _LONGEST)
    match report["state"]:
        case "connected":
            endpoint, consumer = report["endpoint"], report["consumer"]
            waiting = f", {report['waiting']} to fetch" if report["waiting"] else ""
            only = f", only {_filter(report)}" if report["filter"] else ""
            text = f"connected to {endpoint} as {consumer}{waiting}{only}"
        case "caught-up":
            text = _away(report)
        case "primary":
            text = "this app answers now"
        case "shadow":
            text = "another one's app answers; `inspector primary` has this one answer"
        case "connecting" if reason:
            text = f"not connected: {reason}; it is tried again"
        case "refused":
            text = f"refused: {reason}; it is tried again each minute"
        case "taken-over":
            text = f"{reason}; this listener goes on without the relay"
        case _:
            return ""
    return f"relay: {text}"


def _away(report: dict[str, Any]) -> str:
    text = f"{report['arrived']} arrived while you were away"
    if report["expired"]:
        text += f", {report['expired']} expired"
    if report["skipped"]:
        text += f", {report['skipped']} left out"
    return text


def relay_lines(relay: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and texts of `status`: the tunnel, and each hop of its way."""
    name = f"{relay['endpoint']} as {relay['consumer']}" if relay["endpoint"] else relay["consumer"]
    parts = [f"{relay['state']}, {name}, {relay['url']}"]
    if relay["reason"]:
        parts.append(one_line(relay["reason"], _LONGEST))
    if relay["retry_in"] is not None:
        parts.append(f"next try in {relay['retry_in']:.1f} s")
    lines = [("relay", ", ".join(parts))]
    if relay["filter"]:
        lines.append(("filter", f"{_filter(relay)}, {relay['passed']} passed over"))
    if relay["last"] is not None:
        figures = [f"{relay['lag']} behind delivery {relay['last']}"]
        if relay["rtt_ms"] is not None:
            figures.append(f"round trip {relay['rtt_ms']:.0f} ms")
        if relay["clock_skew_ms"] is not None:
            figures.append(f"clocks {relay['clock_skew_ms']} ms apart")
        if relay["limited"]:
            figures.append(f"{relay['limited']} turned away by its limits")
        if relay["ack"] not in ("", "stored"):
            whose = {True: "this app answers", False: "another one's app answers"}
            figures.append(f"ack {relay['ack']}" + _after(whose.get(relay["primary"])))
        lines.append(("lag", ", ".join(figures)))
    hops = [_hop(name, hop) for name, hop in relay["hops"].items()]
    lines.append(("hops", ", ".join(hops)))
    lines += [("team", _member(member)) for member in relay["team"]]
    if relay["team_more"]:
        lines.append(("team", f"and {relay['team_more']} more"))
    return lines


def _member(member: dict[str, Any]) -> str:
    name = one_line(member["consumer"], _LONGEST)
    you = " (you)" if member["you"] else ""
    primary = ", its app answers" if member["primary"] else ""
    return (
        f"{name}{you}: since {member['since']}, {member['lag']} behind"
        f"{primary}{last_attempt(member['last_attempt'])}"
    )


def last_attempt(attempt: dict[str, Any] | None) -> str:
    """What is said of a consumer's latest attempt, behind what else is said of it."""
    if attempt is None:
        return ""
    ended = attempt["status"] or one_line(attempt["failure"], _LONGEST)
    return f", last attempt {ended} at {attempt['at']}"


def _filter(told: dict[str, Any]) -> str:
    return one_line(told["filter"], _LONGEST)


def _after(text: str | None) -> str:
    return f", {text}" if text else ""


def _hop(name: str, hop: dict[str, Any]) -> str:
    if hop["ok"] is None:
        return f"{name} not tried yet"
    if not hop["ok"]:
        return f"{name} FAILS" + (
            f" ({one_line(hop['reason'], _LONGEST)})" if hop["reason"] else ""
        )
    return f"{name} ok" + (f" {hop['ms']:.0f} ms" if hop["ms"] is not None else "")
