"""The tokens of JSON text, taken as they were sent."""

import re

TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<mark>[{}\[\],:])|(?P<open>")'
    r'|(?P<bare>[^ \t\r\n"{}\[\],:]+)',
    re.DOTALL,
)
"""A string, a bracket or separator, the quote of an unfinished string, or a word."""
SCALAR = r"true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
LITERAL = re.compile(SCALAR)
# What is no JSON, though many parsers take it.
NEARLY = ("NaN", "Infinity", "-Infinity")
