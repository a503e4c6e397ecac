"""Health checks and metrics: what they answer, to whom, and in which format."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from inspector.errors import UnreachableError
from inspector.server.health import COUNTER, GAUGE, Health, Measure

TOKEN = "a-token"


class Watched:
    """What a test says of the relay."""

    reason = ""
    captured = 3.0

    def unready(self) -> str:
        return self.reason

    def measures(self) -> Iterable[Measure]:
        yield Measure(
            "inspector_relay_captured",
            COUNTER,
            "Deliveries.",
            (({"endpoint": "dev"}, self.captured), ({"endpoint": 'o"d\\d'}, 1)),
        )
        yield Measure("inspector_relay_store_ok", GAUGE, "Whether it commits.", (({}, 1),))

    def status(self) -> Mapping[str, Any]:
        return {"kind": "status"}


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
async def health(watched: Watched) -> AsyncIterator[Health]:
    health = Health(watched, TOKEN)
    await health.start("127.0.0.1", 0)
    try:
        yield health
    finally:
        await health.stop()
        await health.stop()


async def ask(
    health: Health, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{health.port}{path}", headers=headers) as response,
    ):
        return response.status, response.content_type, await response.text()


async def test_a_process_that_answers_is_healthy_whatever_it_lacks(
    health: Health, watched: Watched
) -> None:
    watched.reason = "the store cannot commit"
    assert (await ask(health, "/healthz"))[0] == 200


async def test_readiness_says_what_is_missing(health: Health, watched: Watched) -> None:
    assert (await ask(health, "/readyz"))[0] == 200
    watched.reason = "the store cannot commit: disk full"
    status, _, text = await ask(health, "/readyz")
    assert status == 503
    assert json.loads(text) == {"ok": False, "reason": watched.reason}


async def test_metrics_are_read_by_prometheus_as_they_are_now(
    health: Health, watched: Watched
) -> None:
    watched.captured = 7
    status, content_type, text = await ask(health, "/metrics")
    assert (status, content_type) == (200, "text/plain")
    samples = {
        (sample.name, sample.labels.get("endpoint", "")): sample.value
        for family in parse(text)
        for sample in family.samples
    }
    assert samples["inspector_relay_captured_total", "dev"] == 7
    assert samples["inspector_relay_captured_total", 'o"d\\d'] == 1
    assert samples["inspector_relay_store_ok", ""] == 1
    assert "process_resident_memory_bytes" in {name for name, _ in samples}


async def test_metrics_come_as_openmetrics_to_whom_asks(health: Health) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    _, content_type, text = await ask(health, "/metrics", accept)
    assert content_type == "application/openmetrics-text"
    families = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert "inspector_relay_captured" in names


async def test_the_status_needs_the_token(health: Health) -> None:
    assert (await ask(health, "/status"))[0] == 401
    assert (await ask(health, "/status", {"Authorization": "Bearer other"}))[0] == 401
    status, _, text = await ask(health, "/status", {"Authorization": f"Bearer {TOKEN}"})
    assert (status, json.loads(text)) == (200, {"kind": "status"})


async def test_a_page_that_names_this_port_its_own_learns_nothing(health: Health) -> None:
    assert (await ask(health, "/metrics", {"Host": "evil.example"}))[0] == 403
    assert (await ask(health, "/metrics", {"Origin": "https://evil.example"}))[0] == 403


async def test_where_all_may_come_every_name_will_do(watched: Watched) -> None:
    health = Health(watched, TOKEN)
    await health.start("0.0.0.0", 0)
    try:
        assert (await ask(health, "/metrics", {"Host": "relay:8402"}))[0] == 200
        assert (await ask(health, "/status", {"Host": "relay:8402"}))[0] == 401
    finally:
        await health.stop()


async def test_what_is_not_there_is_not_found(health: Health) -> None:
    assert (await ask(health, "/other", {"Authorization": f"Bearer {TOKEN}"}))[0] == 404


async def test_a_port_that_is_taken_is_told(health: Health, watched: Watched) -> None:
    other = Health(watched, TOKEN)
    with pytest.raises(UnreachableError, match="cannot listen"):
        await other.start("127.0.0.1", health.port)
    await other.stop()
