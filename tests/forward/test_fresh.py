"""What a breakpoint's query sees is what the index shows of the delivery a moment later."""

import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import example, given, settings

from inspector.domain.delivery import Request
from inspector.domain.facts import Captured, Origin
from inspector.forward.backlog import QueuedDelivery
from inspector.forward.fresh import fresh
from inspector.providers import read
from inspector.providers.pacspace import PACSPACE
from inspector.store.files import StoreFiles
from inspector.store.indexer import Indexer
from inspector.store.matching import Candidate
from inspector.store.reader import Reader
from tests.store.parts import AT, write
from tests.store.strategies import requests

SECRET = "whsec_x"
SAMPLE = PACSPACE.sample("delta.verified", at=AT, event_id="evt_1")
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


@settings(max_examples=15, deadline=None)
@given(requests)
@example(SAMPLE)
@example(PACSPACE.sign(SAMPLE, SECRET, AT))
@example(PACSPACE.sign(SAMPLE, "another", AT - 10**12))
@example(Request("POST", "/?a=1", "1.0", FORM, b"event=x&b=%C3%A9"))
@example(Request("POST", "/", "1.1", (("X-GitHub-Event", "push"),), b'[{"id":1},{"id":2}]'))
@example(Request("POST", "/", "1.1", (("Content-Encoding", "gzip"),), b"\x1f\x8bno"))
def test_the_same_as_the_index_says(request: Request) -> None:
    origin = Origin("https://relay", 1, "relay/box")
    fact = Captured(AT, request, "10.0.0.1", "dev", answered=202, origin=origin)
    with tempfile.TemporaryDirectory() as folder:
        files = StoreFiles(Path(folder) / "store.db")
        write(files, fact)
        with closing(Indexer(files, lambda one, at: read(one, [SECRET], at))) as indexer:
            indexer.run()
        with closing(Reader(files)) as reader:
            indexed = reader.delivery(1)
            assert indexed is not None
            subject = Candidate(indexed, reader.journal)
            content = subject.headers, subject.body, subject.data
    item = QueuedDelivery(
        1,
        AT,
        remote="10.0.0.1",
        answered=202,
        endpoint="dev",
        origin_relay="https://relay",
        origin_id=1,
    )
    found = fresh(item, request, [SECRET])
    assert found.delivery == indexed._replace(seq=0)
    assert (found.headers, found.body, found.data) == content
