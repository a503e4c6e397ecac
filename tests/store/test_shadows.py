"""What the apps of other consumers said, in the journal beside its delivery."""

from contextlib import closing
from pathlib import Path

from inspector.domain.facts import Shadowed
from inspector.store import frames
from inspector.store.files import StoreFiles
from inspector.store.reader import Reader
from tests.store.parts import AT, GONE, OK, captured, index, pruned, rows, tables, write

BOB = Shadowed(AT + 1, 1, "bob@pc", 12.5, OK)
EVE = Shadowed(AT + 2, 1, "eve", 30.0, GONE)


def test_a_delivery_has_what_others_said_in_the_order_in_which_it_came(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    other = Shadowed(AT, 2, "bob@pc", 1.0, OK)
    write(files, captured(), captured(), EVE, other, BOB)
    index(files)
    with closing(Reader(files)) as reader:
        assert reader.journal.shadows(1) == [EVE, BOB]
        assert reader.journal.shadows(2) == [other]
        assert reader.journal.shadows(3) == []


def test_the_index_is_the_same_with_and_without_it_and_the_stream_tells_of_it(
    tmp_path: Path,
) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, captured())
    index(files)
    before = tables(files)
    write(files, BOB)
    told = [frames.parse(line) for line in index(files)]
    assert [(one.letter, one.seq, len(one.items)) for one in told] == [("C", 2, 1), ("P", 2, 0)]
    after = tables(files)
    assert after.pop("meta") != before.pop("meta")
    assert after == before
    with closing(Reader(files)) as reader:
        assert reader.ledger().balanced
        delivery = reader.delivery(1)
        assert delivery is not None
        assert reader.replay(1, 2)[1] == [b"C 2 %s\n" % frames.delivery_item(delivery)]


def test_it_goes_with_its_delivery(tmp_path: Path) -> None:
    files = StoreFiles(tmp_path / "store.db")
    write(files, captured(), captured(), BOB, pruned(1))
    index(files)
    assert rows(files.database, "SELECT count(*) FROM fact WHERE kind = 12") == [(0,)]
    # What comes after that is about nothing any more, and harms nothing.
    write(files, EVE)
    assert [frames.parse(line).letter for line in index(files)] == ["P"]
    with closing(Reader(files)) as reader:
        assert reader.ledger().balanced
