"""What differs between two requests or responses: by header, by JSON path, by line, by digest."""

from inspector.domain.diff.compare import compare
from inspector.domain.diff.model import Difference, Side
from inspector.domain.diff.rules import DEFAULT_IGNORE

__all__ = ["DEFAULT_IGNORE", "Difference", "Side", "compare"]
