"""The journal's schema, as an ordered list of steps; each is applied once, with its record.

The index needs none: one of another version is thrown away and built again.
"""

import sqlite3

from inspector.errors import ConfigurationError

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE fact(
      seq INTEGER PRIMARY KEY,
      kind INTEGER NOT NULL,
      delivery INTEGER NOT NULL,
      at INTEGER NOT NULL,
      meta TEXT NOT NULL,
      head BLOB,
      body BLOB
    );
    CREATE INDEX fact_delivery ON fact(delivery);
    CREATE TABLE piece(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE loose_piece(id INTEGER PRIMARY KEY);
    """,
    # What has a number has it at its mailbox: at a relay an endpoint, at home where it came from.
    # `cursor` is the last id that came of a mailbox, or that a consumer of it has; `numbered` the
    # last number of an endpoint whose deliveries may be gone. A store is a relay's (1) or a
    # listener's (0) from its first use.
    """
    ALTER TABLE fact ADD COLUMN mailbox TEXT;
    ALTER TABLE fact ADD COLUMN number INTEGER;
    CREATE UNIQUE INDEX fact_number ON fact(mailbox, number) WHERE number IS NOT NULL;
    CREATE TABLE cursor(name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE numbered(mailbox TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE identity(id TEXT NOT NULL, relay INTEGER);
    INSERT INTO identity VALUES (lower(hex(randomblob(16))), NULL);
    """,
    # What other consumers' apps said, at a relay: without a number of its own.
    "CREATE INDEX fact_shadow ON fact(mailbox, seq) WHERE kind = 12;",
)


def version(connection: sqlite3.Connection) -> int:
    """How many steps this database has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, steps: tuple[str, ...] = STEPS) -> None:
    """Apply the steps that are missing, each in one transaction with its record.

    Raises `ConfigurationError` for a database that a newer version wrote, or that is not ours.
    """
    have = version(connection)
    if have > len(steps):
        raise ConfigurationError(
            f"the store was written by a newer inspector (schema {have}, this one knows "
            f"{len(steps)})",
            "upgrade inspector, or use another store with --db PATH",
        )
    if have == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise ConfigurationError(
            "the file is a database of another program", "use another store with --db PATH"
        )
    for number in range(have, len(steps)):
        connection.executescript(
            f"BEGIN IMMEDIATE; {steps[number]} PRAGMA user_version={number + 1}; COMMIT;"
        )
