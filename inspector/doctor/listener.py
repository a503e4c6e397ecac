"""The listener that runs on the user's store: whether it answers, and whether its books balance."""

import json
from typing import Any

from inspector.doctor.apart import apart
from inspector.doctor.model import Check, Subject, Tell
from inspector.domain.attempt import Failure, Response
from inspector.domain.delivery import Request
from inspector.domain.headers import Headers
from inspector.domain.plaintext import one_line
from inspector.domain.routes import parse_target
from inspector.errors import UsageError
from inspector.forward.target import Sent, TargetClient
from inspector.store.lock import holder

_HOP = "listener"
_SECONDS = 5.0
# Facts that the index may be behind: a listener under load catches up with some thousands a second.
_BEHIND = 20_000
_SLOW_MS = 500.0


async def look(subject: Subject, tell: Tell) -> None:
    files = subject.files
    note = await apart(lambda: holder(files.lock), _SECONDS)
    control = str((note or {}).get("control") or "")
    if note is None:
        tell(Check(_HOP, "running", None, "none runs on this store"))
        return
    process = f"process {note.get('pid', 'unknown')}"
    if not control:
        command = one_line(str(note.get("command", "inspector")), 60)
        tell(Check(_HOP, "running", None, f"the store is in use by {command}, {process}"))
        return
    try:
        target = parse_target(control.removesuffix("/_inspector"))
    except UsageError:
        tell(Check(_HOP, "running", False, f"{process} does not say where it listens"))
        return
    client = TargetClient(target)
    try:
        health = await _asked(client, "/_inspector/healthz", ())
        for check in _health(process, target.url, health):
            tell(check)
        if isinstance(health.outcome, Failure):
            return
        token = await apart(files.read_token, _SECONDS)
        bearer = (("Authorization", f"Bearer {token or ''}"),)
        for check in _status(await _asked(client, "/_inspector/api/status", bearer)):
            tell(check)
    finally:
        await client.close()


async def _asked(client: TargetClient, path: str, headers: Headers) -> Sent:
    return await client.send(Request("GET", path, "1.1", headers, b""), timeout=_SECONDS)


def _health(process: str, url: str, sent: Sent) -> list[Check]:
    value = {"ms": round(sent.duration_ms, 1)}
    if isinstance(sent.outcome, Failure):
        hint = f"it hangs, or is just starting: see what {process} does"
        return [Check(_HOP, "running", False, f"{process}: {sent.outcome.reason}", hint, value)]
    ok = sent.outcome.status == 200
    took = f"answers in {sent.duration_ms:.0f} ms" if ok else f"answers {sent.outcome.status}"
    told = f"{process} at {url}, {took}"
    slow = ok and sent.duration_ms > _SLOW_MS
    hint = "" if ok and not slow else "see what keeps it or this machine busy"
    return [Check(_HOP, "running", ok, told, hint, value)]


def _status(sent: Sent) -> list[Check]:
    """The checks on what a listener says of itself."""
    if isinstance(sent.outcome, Failure):
        return [Check(_HOP, "status", False, sent.outcome.reason)]
    if sent.outcome.status in (401, 403):
        hint = "start it again: it reads its token at its start"
        return [Check(_HOP, "status", False, "it does not take the token of its own file", hint)]
    item = _object(sent.outcome)
    try:
        return [*_of(item, sent.duration_ms)]
    except (KeyError, TypeError, ValueError, AttributeError):
        told = f"its status cannot be read (it answered {sent.outcome.status})"
        hint = "it may be of another version: start it again"
        return [Check(_HOP, "status", False, told, hint)]


def _of(item: dict[str, Any], ms: float) -> list[Check]:
    version = one_line(str(item["version"]), 20)
    status = Check(_HOP, "status", True, f"version {version}, told in {ms:.0f} ms", value=version)
    store = item["store"]
    error = one_line(str(store["error"]), 120)
    hint = "make room, or see to the disk; what it cannot store it refuses with 503"
    commits = (
        Check(_HOP, "store", True, "it commits")
        if store["ok"]
        else Check(_HOP, "store", False, f"it cannot commit: {error}", hint)
    )
    lag = int(item["index_lag"]["facts"])
    told = f"{lag:,} facts behind" if lag else "up to date"
    hint = "it catches up as the burst ends; `inspector status` shows it" if lag > _BEHIND else ""
    index = Check(_HOP, "index", True, told, hint, lag)
    ledger = item["ledger"]
    received = int(ledger["received"])
    if ledger["balanced"]:
        books = Check(_HOP, "ledger", True, f"{received:,} received, all accounted for")
    else:
        told = f"{received:,} received do not balance"
        books = Check(_HOP, "ledger", False, told, "`inspector reindex` derives all of it anew")
    tunnel = [_tunnel(relay)] if (relay := item.get("relay")) else []
    return [status, commits, index, books._replace(value=ledger), *tunnel]


def _tunnel(relay: dict[str, Any]) -> Check:
    """The check on its connection to a relay."""
    state = one_line(str(relay["state"]), 40)
    value = {"state": state, "lag": relay["lag"], "rtt_ms": relay["rtt_ms"]}
    if state != "connected":
        told = f"{state}: {one_line(str(relay['reason'] or 'not there yet'), 200)}"
        hint = "see below how far the way to the relay goes; what waits there is fetched later"
        return Check(_HOP, "tunnel", False, told, hint, value)
    round_trip = "" if relay["rtt_ms"] is None else f", {relay['rtt_ms']:.0f} ms there and back"
    told = f"connected, {relay['lag']} deliveries behind{round_trip}"
    return Check(_HOP, "tunnel", True, told, value=value)


def _object(response: Response) -> dict[str, Any]:
    try:
        item = json.loads(response.body)
    except ValueError:
        return {}
    return item if isinstance(item, dict) else {}
