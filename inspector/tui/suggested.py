"""Values that are worth offering for keys of the query language, with a word on each."""

from inspector.domain.delivery import State
from inspector.domain.envelope import Verdict

_VERDICTS = {
    Verdict.VALID: "right, and fresh when it came",
    Verdict.INVALID: "made with another secret, or of another body",
    Verdict.STALE: "right, but its timestamp was out of tolerance",
    Verdict.UNSIGNED: "no signature came with it",
    Verdict.UNCHECKED: "no secret is known to check it with",
}
_STATES = {
    State.FORWARDED: "every chosen target answered, with any status",
    State.WAITING: "a target has no finished attempt yet",
    State.HELD: "stopped by the breakpoint",
    State.FAILED: "a target gave no answer until the retry ended",
    State.KEPT: "no target matches",
    State.FILTERED: "a rule said no",
    State.REFUSED: "turned away, with the reason",
    State.GAP: "stands for deliveries that never came from the relay",
}
_STATUSES = {
    "2xx": "good",
    ">=400": "refused or failed",
    ">=500": "the app failed",
    "4xx": "the app refused",
}

VALUES: dict[str, dict[str, str]] = {
    "sig": {verdict.value: _VERDICTS.get(verdict, "") for verdict in Verdict},
    "state": {state.value: _STATES.get(state, "") for state in State},
    "is": {
        "duplicate": "a redelivery of an earlier event",
        "replay": "edited, and sent again",
        "marked": "it has a mark",
        "gap": "deliveries that never came from the relay",
    },
    "method": dict.fromkeys(("POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS"), ""),
    "status": _STATUSES,
    "answered": _STATUSES,
    "attempts": {">1": "sent more than once", "0": "never sent"},
    "age": {"<5m": "the last five minutes", "<1h": "the last hour", "<1d": "the last day"},
    "size": {">1kb": "", ">100kb": "", ">1mb": ""},
}
