"""The file that an account is kept in: SQLite, one connection, all access serialised."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMAT = "1"
"""Of the tables below and of what is in them; another one is refused."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS items (table_name TEXT, key TEXT, item TEXT NOT NULL, PRIMARY KEY (table_name, key))"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS executions (number INTEGER PRIMARY KEY, arn TEXT UNIQUE NOT NULL,"
    " document TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS compared (key TEXT PRIMARY KEY, seen TEXT NOT NULL, size INTEGER NOT NULL,"
    " sha256 TEXT NOT NULL, crc64nvme TEXT NOT NULL) WITHOUT ROWID",
)


class StateError(RuntimeError):
    """The kept account cannot be used; one line that says what to do."""


class Store:
    """Tables of text. A write is in the file when the call returns, and outlives a killed process.

    It need not outlive a power cut: nothing is fsynced (``synchronous=OFF``). The file is its owner's only (0600): it
    holds cookies. Thread-safe. Raises ``StateError`` for a file that is none of ours or of another format, ``OSError``
    if the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        # SQLite gives its journal the mode of the file, so that one has to be right from the start.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._open(path)
        except BaseException:
            self._connection.close()
            raise

    def _open(self, path: Path) -> None:
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")
            with self.transaction():
                for statement in _TABLES:
                    self._connection.execute(statement)
                known = self.fact("format")
                if known is None:
                    self.set_fact("format", FORMAT)
        except sqlite3.DatabaseError as error:
            raise StateError(f"{path} cannot be read ({error}); restore it from a copy, or give a new folder") from None
        if known not in (None, FORMAT):
            raise StateError(
                f"{path} was written by another version of the sandbox (format {known}, this one knows {FORMAT}); "
                "use that version, or give a new folder"
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes of the block, or none; no other thread comes in between."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def write(self, statement: str, values: Iterable[Any]) -> None:
        """Carry out one statement."""
        with self._lock:
            self._connection.execute(statement, tuple(values))

    def read(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def fact(self, name: str) -> str | None:
        """Return a single named value, or ``None``."""
        found = self.read("SELECT value FROM facts WHERE name = ?", name)
        return str(found[0][0]) if found else None

    def set_fact(self, name: str, value: str) -> None:
        """Set a single named value."""
        self.write("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._connection.close()
