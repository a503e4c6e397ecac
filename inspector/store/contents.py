"""Headers and bodies in SQL: a search over a million deliveries leaves Python's lock alone.

Text is compared as bytes. SQLite's `lower` is about the letters A to Z, as the query language is,
and takes any bytes; `instr` finds bytes in bytes.
"""

from collections.abc import Sequence

from inspector.domain.query import Bound
from inspector.domain.query.case import lowered
from inspector.domain.query.keys import KEYS, Kind
from inspector.domain.query.nodes import Condition, Pattern

# The captured request of `d`: its head as `domain.headers.encode_head` writes it. A large body
# lies in pieces elsewhere and is NULL here; what no parser understood has no head.
_CAPTURED = (
    "EXISTS (SELECT 1 FROM journal.fact f WHERE f.delivery = d.id AND f.kind IN (1, 2) "
    "AND f.head IS NOT NULL AND ({}))"
)
_HEAD = "instr(CAST(lower(substr(f.head, instr(f.head, x'0d0a'))) AS BLOB), ?)"
_BODY = "instr(CAST(lower(f.body) AS BLOB), ?)"
# Text in a body may be spelled otherwise: JSON escapes it, a form does, a coding hides it.
_SPELLED = (
    "instr(f.body, x'5c') OR instr(f.body, x'25') "
    "OR instr(CAST(lower(f.head) AS BLOB), CAST('content-encoding' AS BLOB))"
)
# Numbers have many spellings, and what is not there is "null": neither is looked for in bytes.
_OF_NUMBERS = frozenset("0123456789+-.einfaty")
_LONG_ENOUGH = 5


class JournalContents:
    """Conditions for a connection that has the journal attached as `journal`."""

    def free_text(self, needle: str, otherwise: str) -> tuple[str, Sequence[Bound]] | None:
        """See `domain.query.sql.Contents`."""
        wanted = lowered(needle)
        # Line breaks would be found between headers, U+FFFD stands for bytes that are no text.
        if not wanted or not wanted.isprintable() or "\ufffd" in wanted:
            return None
        columns = ("request_target", "event", "event_id")
        where = [f"ifnull(instr(lower(d.{name}), ?), 0)" for name in columns]
        params: list[Bound] = [wanted] * len(columns)
        inside: list[str] = []
        if (latin1 := _latin1(wanted)) is not None:
            inside.append(_HEAD)
            params.append(latin1)
        inside.append(f"ifnull({_BODY}, 0)")
        params.append(wanted.encode())
        inside.append(f"(f.body IS NULL AND {otherwise})")
        where.append(_CAPTURED.format(" OR ".join(inside)))
        return f"({' OR '.join(where)})", params

    def narrowed(self, condition: Condition) -> tuple[str, Sequence[Bound]] | None:
        """See `domain.query.sql.Contents`."""
        if KEYS[condition.key].kind is Kind.HEADER:
            return _header(condition)
        return _data(condition)


def _header(condition: Condition) -> tuple[str, Sequence[Bound]] | None:
    name = condition.path[0]
    if not name.isascii():
        return None
    where, params = [_HEAD], [f"{name.lower()}:".encode()]
    pieces = _pieces(condition)
    if pieces is not None:
        # What is no Latin-1 stands in no header.
        encoded = [piece for text in pieces if (piece := _latin1(text)) is not None]
        where.append(" OR ".join([_HEAD] * len(encoded)) if encoded else "0")
        params += encoded
    return _CAPTURED.format(" AND ".join(f"({one})" for one in where)), params


def _data(condition: Condition) -> tuple[str, Sequence[Bound]] | None:
    pieces = _pieces(condition)
    if pieces is None or not all(_as_it_is(piece) for piece in pieces):
        return None
    found = " OR ".join([_BODY] * len(pieces))
    where = f"f.body IS NULL OR {found} OR {_SPELLED}"
    return _CAPTURED.format(where), [piece.encode() for piece in pieces]


def _pieces(condition: Condition) -> list[str] | None:
    """Of each test the longest text that must be there; None where one of them asks for none."""
    longest: list[str] = []
    for test in condition.tests:
        texts = (
            [lowered(p) for p in test.pieces if isinstance(p, str)]
            if (isinstance(test, Pattern))
            else []
        )
        if not any(texts):
            return None
        longest.append(max(texts, key=len))
    return longest


def _as_it_is(piece: str) -> bool:
    """Whether a text in data is spelled with these very bytes, unless something is escaped."""
    plain = piece.isascii() and piece.isprintable() and " " not in piece
    return plain and len(piece) >= _LONG_ENOUGH and not _OF_NUMBERS.issuperset(piece)


def _latin1(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None
