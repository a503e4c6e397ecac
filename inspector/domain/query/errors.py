"""What is wrong with a query, and where."""

from inspector.errors import UsageError


class QueryError(UsageError):
    """The query cannot be read; `column` is where, in characters from 0, for a caret under it."""

    def __init__(self, message: str, column: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.column = column
