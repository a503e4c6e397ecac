"""The query language: the same in the UI, `list`, routes, `expect`, replay and export."""

from inspector.domain.query.errors import QueryError
from inspector.domain.query.keys import KEYS, KeyDoc
from inspector.domain.query.lexer import MAX_LENGTH
from inspector.domain.query.nodes import Query
from inspector.domain.query.parser import MAX_DEPTH, parse
from inspector.domain.query.predicate import Candidate, matches
from inspector.domain.query.quoting import quoted
from inspector.domain.query.sql import Bound, Contents, Sql, to_sql

__all__ = [
    "KEYS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Bound",
    "Candidate",
    "Contents",
    "KeyDoc",
    "Query",
    "QueryError",
    "Sql",
    "matches",
    "parse",
    "quoted",
    "to_sql",
]
