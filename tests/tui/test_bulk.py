"""Many deliveries sent again: order, rate, figures, and every way to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inspector.client.control import Control
from inspector.domain.attempt import Failure, FailureKind
from inspector.errors import UsageError
from inspector.tasks import Tasks
from inspector.tui.bulk import BulkMark, BulkSend, ResendPlan
from inspector.tui.events import Event, JobChanged, JobEnded, Said
from inspector.tui.jobs import Jobs
from inspector.tui.screens.bulk import rate_of
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import make_delivery


class Time:
    """A clock that only its own `sleep` moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


class Ear:
    """Hears what is told, and waits for the end of a job."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self._ended = asyncio.Event()

    def tell(self, event: Event) -> None:
        self.heard.append(event)
        if isinstance(event, JobEnded):
            self._ended.set()

    async def end(self) -> Said:
        async with asyncio.timeout(5):
            await self._ended.wait()
        ended = self.heard[-1]
        assert isinstance(ended, JobEnded)
        return ended.said


@asynccontextmanager
async def asking(count: int) -> AsyncIterator[tuple[FakeListener, Control]]:
    deliveries = [make_delivery(one) for one in range(1, count + 1)]
    async with (
        fake_listener(*deliveries) as listener,
        Control(listener.control, listener.token) as control,
    ):
        yield listener, control


async def test_oldest_first_at_a_rate() -> None:
    time = Time()
    async with asking(4) as (listener, control):
        job = BulkSend(control, [1, 2, 4], ResendPlan(rate=4), time.clock, time.sleep)
        assert job.figures() == "3 left  0.0 a second"
        await job.run()
        assert [one["id"] for one in listener.posted] == [1, 2, 4]
        assert all(one["wait"] for one in listener.posted)
        assert time.slept == [0.25, 0.25]
        assert job.figures() == "3 x 2xx  0 left  6.0 a second"
        assert job.summary("") == Said("3 sent: 3 x 2xx")
        assert job.left == []


async def test_what_failed_is_counted_and_left() -> None:
    time = Time()
    async with asking(3) as (listener, control):
        job = BulkSend(
            control, [1, 2, 9, 3], ResendPlan("http://x", True, 0), time.clock, time.sleep
        )
        assert job.title == "Re-signing and re-sending 4 deliveries to http://x"
        running = asyncio.create_task(job.run())
        listener.outcome = 500
        await running
        assert time.slept == []
        assert listener.posted[0] == {"id": 1, "to": "http://x", "re_sign": True, "wait": True}
        assert job.left == [1, 2, 9, 3]
        said = job.summary("")
        assert said == Said("3 sent: 3 x 500; 1 not sent: no such delivery", "warning")
        listener.outcome = Failure(FailureKind.REFUSED, "refused")
        job = BulkSend(control, [2], ResendPlan(), time.clock, time.sleep)
        await job.run()
        assert job.summary("") == Said("1 sent: 1 x no answer", "warning")


async def test_a_lost_listener_ends_it() -> None:
    ear = Ear()
    tasks = Tasks("test")
    jobs = Jobs(tasks, ear.tell)
    time = Time()
    async with asking(5) as (listener, control):

        async def sleep(seconds: float) -> None:
            await time.sleep(seconds)
            if len(time.slept) == 2:
                await listener.stop()

        job = BulkSend(control, [1, 2, 3, 4, 5], ResendPlan(), time.clock, sleep)
        assert jobs.start(job)
        assert jobs.running
        said = await ear.end()
        assert ear.heard[0] == JobChanged()
        assert not jobs.running
        assert said.severity == "warning"
        assert said.text.startswith("stopped: no listener answers at ")
        assert said.text.endswith(", after 2 of 5: 2 x 2xx; #3 was under way")
        assert job.left == [3, 4, 5]
    await tasks.stop()


async def test_a_refusal_of_all_ends_it_at_the_first() -> None:
    ear = Ear()
    tasks = Tasks("test")
    time = Time()
    async with asking(3) as (listener, control):
        listener.refuse = (403, "there is no secret to sign with", "")
        job = BulkSend(control, [1, 2, 3], ResendPlan(re_sign=True), time.clock, time.sleep)
        Jobs(tasks, ear.tell).start(job)
        said = await ear.end()
        assert said.text == "stopped: there is no secret to sign with, after 0 of 3"
        assert job.left == [1, 2, 3]
    await tasks.stop()


async def test_cancelling_tells_what_was_done() -> None:
    ear = Ear()
    left: list[int] = []
    tasks = Tasks("test")
    jobs = Jobs(tasks, ear.tell)
    time = Time()
    async with asking(3) as (_, control):
        waiting = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        job = BulkSend(control, [1, 2, 3], ResendPlan(), time.clock, sleep)
        jobs.start(job, lambda: left.extend(job.left))
        await waiting.wait()
        assert not jobs.start(job)
        busy = "wait for the end of: Re-sending 3 deliveries; or cancel it"
        assert ear.heard[-1] == Said(busy, "warning")
        jobs.cancel()
        assert await ear.end() == Said("cancelled, after 1 of 3: 1 x 2xx", "warning")
        assert left == [2, 3]
        jobs.cancel()
    await tasks.stop()


async def test_marking_many() -> None:
    async with asking(2) as (listener, control):
        job = BulkMark(control, [1, 2, 3], "*")
        await job.run()
        assert listener.deliveries[2].mark == "*"
        assert job.figures() == "3 of 3"
        said = job.summary("")
        assert said == Said("2 marked; 1 are no longer in the store", "warning")
        assert job.summary("cancelled").text.startswith("cancelled, after 2 of 3")
        job = BulkMark(control, [1], "")
        await job.run()
        assert job.summary("") == Said("1 no longer marked")


@pytest.mark.parametrize(("text", "rate"), [("10", 10.0), ("", 10.0), (" 0.5 ", 0.5), ("0", 0.0)])
def test_rates(text: str, rate: float) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["-1", "x", "nan", "inf", "1e9"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError, match="is not a rate"):
        rate_of(text)
