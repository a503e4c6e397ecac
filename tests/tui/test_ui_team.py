"""The team at a relay in the UI: its screen, and taking the senders over."""

import pytest

from inspector.domain.preferences import Preferences
from tests.helpers.fake_listener import FakeListener, fake_listener
from tests.helpers.summaries import make_delivery
from tests.helpers.teams import RELAY, ended, member, team_of_three
from tests.helpers.ui import Ui, ui


def team() -> FakeListener:
    return FakeListener(relay=team_of_three())


async def opened(shown: Ui) -> None:
    await shown.until_shown("3 here")
    await shown.press("T")
    await shown.until_shown("who  ")


@pytest.mark.parametrize(
    ("size", "theme"), [((80, 24), "textual-dark"), ((140, 40), "textual-light")]
)
async def test_the_team_is_seen_as_it_changes(size: tuple[int, int], theme: str) -> None:
    async with (
        fake_listener(make_delivery(1), listener=team()) as listener,
        ui(listener, size, preferences=Preferences(theme=theme)) as shown,
    ):
        await opened(shown)
        await shown.until_shown("● bob@pc answers the senders (ack app).")
        await shown.until_shown("ana@laptop, you  10:29:00       0  0 s ago     500")
        assert "1,234  1 min ago   connection ref" in shown.text
        # Somebody goes, and what is left over is told at once.
        eve = member("eve@tower", primary=True, last_attempt=ended(204, ago=1))
        listener.relay = team_of_three(team=[member(), eve], filter="path:/a", passed=7)
        await shown.until_shown("● eve@tower answers the senders")
        await shown.until_shown("You ask for  path:/a  alone; 7 passed over.")
        await shown.until(lambda: "bob@pc" not in shown.text)
        listener.relay = RELAY | {"state": "connecting", "reason": "no route"}
        await shown.until_shown("there is no connection to the relay")
        await shown.press("T")
        await shown.until(lambda: "no connection to the relay" not in shown.text)


async def test_enter_lets_this_app_answer() -> None:
    async with fake_listener(listener=team()) as listener, ui(listener) as shown:
        await opened(shown)
        await shown.until_shown("Enter  let this app answer the senders")
        await shown.press("enter")
        await shown.until_said("this app answers the senders now")
        await shown.until_shown("● You answer the senders (ack app).")
        await shown.until(lambda: "let this app answer" not in shown.text)
        assert listener.posted == [{}]
        await shown.press("escape")
        await shown.until_shown("3 here, you answer")


async def test_a_click_does_it_too_and_a_refusal_is_told() -> None:
    async with fake_listener(listener=team()) as listener, ui(listener) as shown:
        listener.refuse = (504, "the relay did not confirm it in 5 s", "try again")
        await opened(shown)
        await shown.pilot.click("#team-answer")
        await shown.until_said("the relay did not confirm it in 5 s (try again)")
        assert "● bob@pc answers" in shown.text
        await shown.until_shown("Enter  let this app answer the senders")


async def test_the_palette_does_it() -> None:
    async with fake_listener(listener=team()) as listener, ui(listener) as shown:
        await shown.until_shown("3 here")
        await shown.press("ctrl+p")
        await shown.paste("answer the senders")
        await shown.until_shown("Answer the senders")
        await shown.press("enter", "enter")
        await shown.until_said("this app answers the senders now")


@pytest.mark.parametrize("action", ["team", "answer-senders"])
async def test_without_a_relay_it_is_said_how_to_have_one(action: str) -> None:
    async with fake_listener() as listener, ui(listener) as shown:
        shown.main.action_run(action)
        await shown.until_said("told yet" if shown.main.session.status is None else "no relay")
        await shown.until(lambda: shown.main.session.status is not None)
        shown.main.action_run(action)
        await shown.until_said("no relay is in use: start with `inspector serve --relay URL`")
        assert listener.posted == []


async def test_a_team_that_is_higher_than_the_window_is_scrolled() -> None:
    many = [member(f"user{one}@host") for one in range(31)]
    listener = FakeListener(relay=team_of_three(team=[member(primary=True), *many], team_more=5))
    async with fake_listener(listener=listener), ui(listener, (80, 24)) as shown:
        await shown.until_shown("37 here, you answer")
        await shown.press("T")
        await shown.until_shown("user9@host")
        assert "and 5 more" not in shown.text
        await shown.press("G")
        await shown.until_shown("and 5 more")
        await shown.press("g")
        await shown.until_shown("● You answer")


async def test_in_ascii_alone() -> None:
    async with (
        fake_listener(listener=team()) as listener,
        ui(listener, (80, 24), preferences=Preferences(glyphs="ascii")) as shown,
    ):
        await opened(shown)
        await shown.until_shown("* bob@pc answers the senders")
        assert shown.text.isascii()
