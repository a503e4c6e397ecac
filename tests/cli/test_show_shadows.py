"""`show` tells what the apps of other consumers said to a delivery."""

from inspector.domain.attempt import Failure, FailureKind, Response
from inspector.domain.export import shadow_json
from inspector.domain.facts import Shadowed
from inspector.store.files import StoreFiles
from tests.cli.conftest import Cli
from tests.store.parts import AT, captured, write

ANSWER = Response(500, "no", (("X-Evil", "\x1b[31m"),), b'{"why":"full"}', 20_000)
BOB = Shadowed(AT, 1, "bob@pc", 12.5, ANSWER)
EVE = Shadowed(AT, 1, "eve\x1b[31m", 3.0, Failure(FailureKind.REFUSED, "nobody\nlistens"))


def test_show_tells_what_was_answered_elsewhere(cli: Cli) -> None:
    write(StoreFiles(cli.db), captured(), BOB, EVE)
    ran = cli("show", "1")
    assert all(row.isprintable() for row in ran.rows)
    for part in (
        "answered elsewhere: bob@pc at 2026-02-11T10:30:00",
        "  500 in 12 ms, 19.5 kB",
        "  X-Evil: ␛[31m",
        '"why": "full"',
        "… the first 14 B are kept",
        "answered elsewhere: eve␛[31m at ",
        "  no answer: nobody",
    ):
        assert part in ran.out
    (item,) = cli("show", "1", "--json").items
    assert item["shadows"] == [shadow_json(BOB), shadow_json(EVE)]
    assert item["attempts"] == []
