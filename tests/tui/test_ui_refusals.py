"""No act ends in silence: gone from the store, refused, no listener, or no answer yet."""

from array import array
from pathlib import Path

import pytest

from inspector.domain.attempt import Attempt, Trigger
from inspector.domain.delivery import State
from inspector.tui.screens.edit import EditScreen
from tests.helpers.fake_acting import Acting
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import make_attempt, make_delivery
from tests.helpers.ui import Ui, ui

# The keys of every act on one delivery.
ONE = {
    "resend": ["r"],
    "re-sign": ["R"],
    "send-to": ["o", "enter"],
    "edit": ["e"],
    "edit-outside": ["E"],
    "copy": ["y", "c"],
    "export": ["x", "n", "enter"],
    "mark": ["m"],
    "note": ["c", *"note", "enter"],
}
# And of those that need none.
OTHERS = {"breakpoint": ["B", "enter"], "release": ["n"], "trigger": ["t", "enter"]}


async def known(shown: Ui) -> None:
    session = shown.main.session
    await shown.until(lambda: session.status is not None and session.inspection.detail is not None)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("act", ONE)
async def test_gone_from_the_store(act: str) -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await known(shown)
        listener.deliveries.clear()
        listener.ids = array("q")
        await shown.press(*ONE[act])
        said = "1 are no longer in the store" if act == "export" else "no such delivery"
        await shown.until_said(said)


@pytest.mark.parametrize("act", [*ONE, *OTHERS])
async def test_no_listener(act: str) -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await known(shown)
        await listener.stop()
        await shown.press(*(ONE | OTHERS)[act])
        await shown.until_said("no listener answers at")


@pytest.mark.parametrize("act", ["resend", "re-sign", "send-to", "mark", "note", *OTHERS])
async def test_refused(act: str) -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await known(shown)
        listener.refuse = (409, "not\x1b[2J now", "later")
        await shown.press(*(ONE | OTHERS)[act])
        await shown.until_said("not␛[2J now (later)")


async def test_an_edited_one_is_kept_without_a_listener() -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        await known(shown)
        await shown.press("e")
        await shown.until(lambda: isinstance(shown.app.screen, EditScreen))
        await listener.stop()
        await shown.press("x", "ctrl+s")
        await shown.until_shown("no listener answers at")
        assert "xPOST /hooks" in shown.text


class Slow:
    """An app that has not answered: the attempt begins, and ends when the test says so."""

    def __init__(self, listener: FakeListener, monkeypatch: pytest.MonkeyPatch) -> None:
        self._listener = listener
        self.begun = make_attempt(5000, 12, status=None, duration_ms=None)

        async def send(acting: Acting, delivery: object, to: str | None = None) -> object:
            await listener.attempt(self.begun)
            return self.begun, self.begun

        monkeypatch.setattr(Acting, "_send", send)

    async def end(self, attempt: Attempt) -> None:
        await self._listener.attempt(attempt)


async def test_a_slow_app_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        slow = Slow(listener, monkeypatch)
        await shown.press("r")
        await shown.until_said("#12 is on its way; http://localhost:3000 has not answered yet")
        await slow.end(make_attempt(5000, 12, status=200, duration_ms=4000.0))
        await shown.until_said("#12 -> 200 in 4.0s")


async def test_an_outcome_that_the_stream_lost_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with fake_listener(make_delivery(12)) as listener, ui(listener) as shown:
        slow = Slow(listener, monkeypatch)
        await shown.press("r")
        await shown.until_said("#12 is on its way")
        # It ends, and nobody says so: this client was too slow.
        ended = make_attempt(5000, 12, status=503)
        kept = listener.attempts[12]
        kept[:] = [(ended, content) for _, content in kept]
        assert slow.begun != ended
        await listener.say({"v": 1, "kind": "lagged", "seq": 0, "after": 0})
        await shown.until_said("#12 -> 503")


async def test_only_the_attempt_of_the_release_is_its_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = make_delivery(12, state=State.HELD)
    async with fake_listener(held) as listener, ui(listener) as shown:
        await listener.attempt(make_attempt(400, 12, status=500, trigger=Trigger.MANUAL))
        await shown.until(lambda: shown.main.session._results.newest == 400)
        Slow(listener, monkeypatch)
        await shown.press("n")
        await shown.until_said("#12 was let go")
        await listener.attempt(make_attempt(5000, 12, status=204))
        await shown.until_said("#12 -> 204")
        assert not any("500" in one for one in shown.said)
