"""Three ways of a sample: through the listener, into the store by ourselves, straight to a URL."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from inspector.cli.compact import attempt_result, delivery_row
from inspector.cli.opened import opened
from inspector.cli.printing import print_item, print_row, tell
from inspector.cli.resending import failed
from inspector.cli.running import Api
from inspector.cli.samples import Sample
from inspector.domain.attempt import Response
from inspector.domain.bodyview import view
from inspector.domain.delivery import State
from inspector.domain.export import body_json, delivery_json
from inspector.domain.headers import first
from inspector.errors import StoreUnavailableError, TargetError
from inspector.settings import Settings

_ANSWER_PATIENCE = 5.0
_LOOK_SECONDS = 0.05


def pauses(count: int, rate: float | None) -> Iterator[float]:
    """`count` times the seconds to wait until the next one is due, at `rate` a second."""
    begun = time.monotonic()
    for number in range(count):
        due = begun + number / rate if rate else 0.0
        yield max(0.0, due - time.monotonic())


def through(api: Api, sample: Sample, count: int, rate: float | None, *, as_json: bool) -> int:
    """The listener makes, signs and takes them in as if a sender had sent them."""
    asked = sample.asked.model_dump(mode="json")
    for pause in pauses(count, rate):
        time.sleep(pause)
        answer = api.post("trigger", asked)
        if not answer["delivery_ids"]:
            raise StoreUnavailableError(
                "the listener could not store the sample", "see what `inspector status` says"
            )
        for id_ in answer["delivery_ids"]:
            # Of many, the rate matters, and the rows that the listener shows.
            item = _looked_at(api, id_, _ANSWER_PATIENCE if count == 1 else 0.0)
            _print_delivery(item, as_json=as_json)
    return 0


def _looked_at(api: Api, id_: int, patience: float) -> dict[str, Any]:
    """The delivery; so many seconds are given to an app that is about to answer it."""
    deadline = time.monotonic() + patience
    while True:
        item = api.get(f"deliveries/{id_}?body=0")
        under_way = item["state"] == State.WAITING and item["last_failure"] is None
        if not under_way or time.monotonic() >= deadline:
            return item
        time.sleep(_LOOK_SECONDS)


def by_ourselves(
    sample: Sample, settings: Settings, count: int, rate: float | None, *, as_json: bool
) -> int:
    """Record them, and send them once to the targets of the settings, if there are any."""
    ids, code = asyncio.run(_recorded(sample, settings, count, rate))
    if not settings.forward_to:
        tell(f"inspector: no listener runs on {settings.db}; recorded only")
        tell("hint: start `inspector serve TARGET`, or send it straight with --to URL")
    with opened(settings) as reader:
        for id_ in ids:
            if (delivery := reader.delivery(id_)) is not None:
                request = reader.journal.request(id_, body=False)
                _print_delivery(delivery_json(delivery, request, body=False), as_json=as_json)
    return code


async def _recorded(
    sample: Sample, settings: Settings, count: int, rate: float | None
) -> tuple[list[int], int]:
    from inspector.offline import Offline

    ids, code = [], 0
    async with Offline(settings, "trigger") as offline:
        for pause in pauses(count, rate):
            await asyncio.sleep(pause)
            id_, sendings = await offline.take(sample.make(), "trigger")
            ids.append(id_)
            for sending in sendings:
                if failed((await sending.finished()).to_json()):
                    code = TargetError.exit_code
    return ids, code


async def straight(
    sample: Sample,
    settings: Settings,
    to: str,
    count: int,
    rate: float | None,
    *,
    as_json: bool,
) -> int:
    """Send them to a URL, past the store, and print what it answers."""
    from inspector.domain.routes import parse_target
    from inspector.forward.target import Sent, TargetClient

    client = TargetClient(parse_target(to), insecure=settings.insecure)
    code = 0
    try:
        for pause in pauses(count, rate):
            await asyncio.sleep(pause)
            request = sample.make()
            sent: Sent = await client.send(request, timeout=settings.timeout or None)
            item = _answer(sent.outcome, sent.duration_ms)
            item["event_id"] = first(request.headers, "X-Event-ID")
            item["target"] = client.target.url
            _print_answer(item, sent.outcome, as_json=as_json)
            code = TargetError.exit_code if failed(item) else code
    finally:
        await client.close()
    return code


def _answer(outcome: Any, duration_ms: float) -> dict[str, Any]:
    """An attempt in the contract's shape, of no delivery."""
    item: dict[str, Any] = {"delivery_id": None, "duration_ms": duration_ms}
    if isinstance(outcome, Response):
        headers = [list(pair) for pair in outcome.headers]
        answered = {"status": outcome.status, "failure": None, "headers": headers}
        return {**item, **answered, **body_json(outcome.body)}
    failure = {"kind": outcome.kind, "reason": outcome.reason}
    return {**item, "status": None, "failure": failure}


def _print_answer(item: dict[str, Any], outcome: Any, *, as_json: bool) -> None:
    if as_json:
        print_item("attempt", item)
        return
    print_row(f"{item['event_id']}  -> {item['target']}  {attempt_result(item)}")
    if isinstance(outcome, Response):
        for line in view(outcome.body, outcome.headers).lines:
            print_row(f"  {line}")


def _print_delivery(item: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_item("delivery", item)
    else:
        print_row(delivery_row(item))
