"""What a relay tells of many endpoints, without holding captures up."""

from pathlib import Path

from inspector.server.relay_status import RelayStatus
from inspector.store.mailboxes import RelayStore
from inspector.store.positions import Usage
from tests.helpers.relaying import endpoint, relaying


class Counting:
    """A relay's store, and how often it was asked where its consumers are."""

    error = ""

    def __init__(self, store: RelayStore) -> None:
        self._store = store
        self.looks = 0

    def usage(self, mailbox: str) -> Usage:
        return self._store.usage(mailbox)

    def known(self) -> dict[str, dict[str, int]]:
        self.looks += 1
        return self._store.known()


async def test_the_consumers_of_all_endpoints_are_looked_up_at_once(tmp_path: Path) -> None:
    names = ["one", "two", "three"]
    async with relaying(tmp_path, [endpoint(name) for name in names]) as relay:
        for name in names:
            await relay.post(target=b"/in/S%s/" % name.encode())
        await relay.store.journal.move("id-one/ann/b", 1)
        await relay.store.journal.move("id-two/ann", 0)
        store = Counting(relay.store)
        status = RelayStatus(relay.addresses, lambda _: (), store, lambda _: 0, lambda: "", dict)
        told = {each["name"]: each for each in status.status()["endpoints"]}
        pending = next(each for each in status.measures() if each.name == "inspector_relay_pending")
    assert store.looks == 2
    assert {name: told[name]["pending"] for name in names} == {"one": 0, "two": 1, "three": 1}
    assert [each["consumer"] for each in told["one"]["consumers"]] == ["ann/b"]
    assert [(labels["endpoint"], value) for labels, value in pending.samples] == [
        ("one", 0),
        ("three", 1),
        ("two", 1),
    ]
