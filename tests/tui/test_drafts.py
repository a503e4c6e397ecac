"""Documents that are built at once, in a thread, or not at all any more."""

import asyncio
import threading

import pytest

from inspector.tasks import Tasks, in_thread
from inspector.tui.document import Document
from inspector.tui.drafts import AT_ONCE, DocumentBuilder
from inspector.tui.lines import plain


def document(text: str) -> Document:
    return Document([plain(text)])


def text(found: Document | None) -> str:
    return "" if found is None else "".join(line for _, line in found.texts(0, len(found)))


async def test_small_ones_are_there_at_once_and_built_once() -> None:
    drafts = DocumentBuilder(Tasks("test"), lambda: None)
    first = drafts.ask("a", lambda: document("a"), AT_ONCE)
    assert text(first) == "a"
    assert drafts.ask("a", lambda: document("again"), AT_ONCE) is first
    assert text(drafts.ask("b", lambda: document("b"), 0)) == "b"


async def test_large_ones_come_later_and_only_the_one_that_is_waited_for() -> None:
    tasks, ready, go_on = Tasks("test"), asyncio.Event(), threading.Event()
    built: list[str] = []

    def build(name: str) -> Document:
        built.append(name)
        assert go_on.wait(10)
        return document(name)

    drafts = DocumentBuilder(tasks, ready.set)
    for name in "abcd":
        assert drafts.ask(name, lambda name=name: build(name), AT_ONCE + 1) is None  # type: ignore[misc]
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(ready.wait(), 10)
    assert built == ["a", "d"]
    assert text(drafts.ask("d", lambda: document("again"), AT_ONCE + 1)) == "d"
    # What is asked for instead is small: the large one is dropped.
    go_on.clear()
    ready.clear()
    assert drafts.ask("e", lambda: build("e"), AT_ONCE + 1) is None
    await asyncio.sleep(0)
    assert text(drafts.ask("f", lambda: document("f"), 1)) == "f"
    assert drafts.ask("g", lambda: build("g"), AT_ONCE + 1) is None
    go_on.set()
    await asyncio.wait_for(ready.wait(), 10)
    assert built[2:] == ["e", "g"]
    assert text(drafts.ask("g", lambda: document("again"), AT_ONCE + 1)) == "g"
    await tasks.stop()


@pytest.mark.parametrize("size", [1, AT_ONCE + 1])
async def test_a_fault_of_ours_is_told_in_the_tab(size: int) -> None:
    tasks, ready = Tasks("test"), asyncio.Event()
    drafts = DocumentBuilder(tasks, ready.set)

    def broken() -> Document:
        raise ValueError("so what")

    if drafts.ask("a", broken, size) is None:
        await asyncio.wait_for(ready.wait(), 10)
    assert "a fault of inspector: ValueError('so what')" in text(drafts.ask("a", broken, size))
    await tasks.stop()


async def test_a_thread_hands_its_error_over() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await in_thread(broken)
    assert await in_thread(lambda: 3) == 3
