"""`inspector doctor`, as it is run: what it finds, what it prints, how it ends."""

from tests.cli.conftest import Cli


def test_a_healthy_machine_is_told_so(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 0, ran.out
    assert ran.rows[-1].startswith("All ")
    # A path is left whole, so that it can be copied.
    assert all(len(row) < 80 for row in ran.rows if str(cli.folder) not in row)
    assert "\x1b" not in ran.out
    assert not cli.db.exists()


def test_its_json_ends_with_whether_all_is_well(cli: Cli) -> None:
    ran = cli("doctor", "--json")
    assert ran.code == 0, ran.out
    *found, last = ran.items
    assert {item["kind"] for item in found} <= {"check", "fidelity"}
    assert (last["kind"], last["ok"], last["failed"]) == ("doctor", True, [])
    assert ran.err == ""
