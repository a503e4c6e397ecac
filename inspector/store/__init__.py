"""SQLite: the journal holds facts, the index holds what is derived from them."""
