"""What the apps of other consumers said, in the Attempts tab as it comes."""

from tests.helpers.fake_listener import fake_listener
from tests.helpers.summaries import make_attempt, make_delivery
from tests.helpers.teams import shadow_item
from tests.helpers.ui import Ui, ui


def _lines(shown: Ui) -> list[str]:
    """What the detail holds, seen or not."""
    document = shown.main.session.reading.document
    return [text for _, text in document.texts(0, len(document))]


async def test_what_other_apps_said_comes_into_the_attempts() -> None:
    async with (
        fake_listener(make_delivery(1)) as listener,
        ui(listener, (80, 24)) as shown,
    ):
        await listener.attempt(make_attempt(9, 1))
        await shown.press("enter", "5")
        await shown.until_shown("attempt 1 to")
        assert "elsewhere" not in shown.text
        await listener.shadow(1, shadow_item())
        await shown.until_shown("+answered elsewhere: bob@pc  500 in 12ms …")
        assert "no such customer" not in shown.text
        await shown.press("G", "l")
        await shown.until_shown("no such customer")
        assert "Content-Type: text/plain" in shown.text
        # What comes later leaves it unfolded, with the cursor where it is.
        await listener.shadow(1, shadow_item("eve@tower", status=200))
        await shown.until(lambda: any("eve" in one for one in _lines(shown)))
        await shown.until_shown(">-answered elsewhere: bob@pc")
        await shown.press("G")
        await shown.until_shown(">+answered elsewhere: eve@tower  200 in 12ms …")
