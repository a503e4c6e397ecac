"""What can be copied of a delivery, and how it is put into words that fit a clipboard."""

from base64 import b64encode
from typing import NamedTuple

from inspector.domain import gap, snippets
from inspector.domain.delivery import Delivery, Request
from inspector.domain.plaintext import one_line, visible
from inspector.domain.redact import masked
from inspector.tui.rows import size_text
from inspector.tui.screens.menu import Choice

# Terminals take some 100 kB of base64 in one sequence (xterm: 74,994 bytes of text).
LIMIT = 74_000

CARRYING = ("c", "h", "p", "w")
"""The choices that carry the request, which has to be fetched for them."""


class Copied(NamedTuple):
    """`text` for the clipboard, what it is, and what else is to be said of it."""

    text: str
    what: str
    note: str = ""

    @property
    def size(self) -> int:
        return len(self.text.encode("utf-8", "surrogatepass"))


def choices(
    delivery: Delivery, base: str, value: tuple[str, str] | None, relay: str = ""
) -> list[Choice]:
    """The menu, what is most likely meant first.

    `value` is a path and the text it leads to, `relay` the address that the relay captures at.
    """
    found = []
    if value is not None:
        found.append(Choice("v", one_line(value[0], 60), one_line(value[1], 60)))
    if gap.is_gap(delivery):
        # It has no request that could be copied.
        return [
            *found,
            Choice("l", "what is missing", gap.told(delivery)),
            Choice("i", "row id", str(delivery.id)),
        ]
    if delivery.event_id:
        found.append(Choice("e", "event id", one_line(delivery.event_id, 60)))
    return [
        *found,
        Choice("i", "delivery id", str(delivery.id)),
        Choice("u", "URL", one_line(url(delivery, base), 80)),
        Choice("c", "curl command"),
        Choice("h", "HTTPie command"),
        Choice("p", "Python program"),
        Choice("w", "raw request"),
        *([Choice("a", "address for senders", one_line(relay, 80))] if relay else []),
    ]


def copied(
    key: str,
    delivery: Delivery,
    base: str,
    value: tuple[str, str] | None,
    request: Request | None,
    relay: str = "",
    *,
    reveal: bool,
) -> Copied:
    """What a choice stands for. Those of `CARRYING` need the `request`.

    Values of secret headers are masked unless `reveal`.
    """
    if key == "v" and value is not None:
        return Copied(value[1], one_line(value[0], 80))
    if key == "e" and delivery.event_id:
        # Whoever sent it has written it, and it may be pasted into a shell.
        return Copied(visible(delivery.event_id), f"event id {one_line(delivery.event_id, 80)}")
    if key == "l":
        return Copied(gap.told(delivery), "what is missing")
    if key == "u":
        return Copied(url(delivery, base), "the URL")
    if key == "a":
        return Copied(relay, "the address for senders")
    if key in CARRYING and request is not None:
        return _carried(key, request, base, reveal)
    return Copied(str(delivery.id), f"delivery id {delivery.id}")


def url(delivery: Delivery, base: str) -> str:
    """Where it was sent to: an absolute request target names that itself."""
    target = delivery.request_target
    return base.rstrip("/") + target if target.startswith("/") else target


def told(done: Copied, reveal_key: str) -> str:
    """`copied curl command, 812B; authorization is masked, ...`."""
    text = f"copied {done.what}" if done.size < 100 else f"copied {done.what}, {_size(done)}"
    return text + (f"; {done.note}, {reveal_key} shows and copies it" if done.note else "")


def too_large(what: str, size: int, export_key: str) -> str:
    """Why nothing was copied, and what to do."""
    return (
        f"{what} is {size_text(size)}: terminals take no more than {size_text(LIMIT)}, "
        f"so nothing was copied; {export_key} exports it"
    )


def _size(done: Copied) -> str:
    return size_text(done.size)


def _carried(key: str, request: Request, base: str, reveal: bool) -> Copied:
    names: tuple[str, ...] = ()
    if not reveal:
        headers, names = masked(request.headers)
        request = request._replace(headers=headers)
    note = f"{visible(', '.join(names))} {'is' if len(names) == 1 else 'are'} masked"
    note = note if names else ""
    match key:
        case "c":
            return Copied(snippets.curl(request, base), "curl command", note)
        case "h":
            return Copied(snippets.httpie(request, base), "HTTPie command", note)
        case "p":
            return Copied(snippets.python(request, base), "Python program", note)
        case _:
            text, what = _raw(request)
            return Copied(text, what, note)


def _raw(request: Request) -> tuple[str, str]:
    """The request as text where it is text, else in base64."""
    data = snippets.raw(request)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and visible(text.replace("\r\n", "\n"), keep_layout=True) == text.replace("\r\n", "\n"):
        return text, "raw request"
    return b64encode(data).decode("ascii"), "raw request in base64, because it is no text"
