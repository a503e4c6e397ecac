"""The README's pictures show the program as it is."""

import socket
from pathlib import Path

import pytest

from tests.screens import DRAWN_BY, FOLDER, PICTURES, draw


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.alone
async def test_the_pictures_are_of_this_version(tmp_path: Path) -> None:
    kept = {one.name: (FOLDER / f"{one.name}.svg").read_text("utf-8") for one in PICTURES}
    if not all(text.startswith(DRAWN_BY) for text in kept.values()):
        pytest.skip("the pictures were drawn by other versions of textual and rich")
    if not (_free(8400) and _free(3000)):
        pytest.skip("the ports that the pictures show are taken")
    await draw(tmp_path)
    for name, text in kept.items():
        drawn = (tmp_path / f"{name}.svg").read_text("utf-8")
        assert drawn == text, f"{name} has changed: look at it, then run python -m tests.screens"
