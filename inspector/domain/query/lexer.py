"""Query text to tokens. A character is literal when quoted or escaped: it then means itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from inspector.domain.query.errors import QueryError

MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Glyph:
    """One bare character, or a literal text of any length (a quoted one may be empty)."""

    text: str
    literal: bool
    column: int

    def stands_for(self, char: str) -> bool:
        """Whether it is this character, and means what that means in a query."""
        return self.text == char and not self.literal


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is `(`, `)`, `not`, `and`, `or`, `word` or `end`; only a word has glyphs."""

    kind: str
    column: int
    glyphs: tuple[Glyph, ...] = ()


def tokens(text: str) -> list[Token]:
    """The tokens of a query, the last of kind `end`; raises `QueryError`."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    out: list[Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
        elif char in "()":
            out.append(Token(char, at))
            at += 1
        elif char == "!" or (char == "-" and _begins(text, at + 1)):
            out.append(Token("not", at))
            at += 1
        else:
            glyphs, end = _word(text, at)
            out.append(_token(glyphs, at))
            at = end
    return [*out, Token("end", len(text))]


def text_of(glyphs: Iterable[Glyph]) -> str:
    return "".join(glyph.text for glyph in glyphs)


def _begins(text: str, at: int) -> bool:
    """Whether a term begins here: a lone minus is a word."""
    return at < len(text) and not text[at].isspace() and text[at] != ")"


def _token(glyphs: list[Glyph], column: int) -> Token:
    bare = "".join("" if glyph.literal else glyph.text for glyph in glyphs).lower()
    if bare in ("and", "or", "not") and not any(glyph.literal for glyph in glyphs):
        return Token(bare, column)
    return Token("word", column, tuple(glyphs))


def _word(text: str, at: int) -> tuple[list[Glyph], int]:
    glyphs: list[Glyph] = []
    while at < len(text) and not text[at].isspace() and text[at] not in "()":
        literal = text[at] in '"\\'
        content, end = _literal(text, at) if literal else (text[at], at + 1)
        if not content.isascii() and any("\ud800" <= char <= "\udfff" for char in content):
            raise QueryError("the query holds a character that is not valid text", at)
        glyphs.append(Glyph(content, literal, at))
        at = end
    return glyphs, at


def _literal(text: str, start: int) -> tuple[str, int]:
    """An escaped character or a quoted text: (what it means, where it ends)."""
    if text[start] == "\\":
        if start + 1 == len(text):
            raise QueryError("nothing follows the backslash", start, r"write \\ for a backslash")
        return text[start + 1], start + 2
    out: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += text[at] == "\\"
        out.append(text[at : at + 1])
        at += 1
    if at >= len(text):
        raise QueryError("the quote is not closed", start, 'add a " at the end')
    return "".join(out), at + 1
