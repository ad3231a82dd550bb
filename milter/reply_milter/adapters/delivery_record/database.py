"""The SQLite file: every transaction is on disk when it ends, and several processes may have it open."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY_SECONDS = 10.0
_FOLDER_MODE = 0o700
_SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id TEXT PRIMARY KEY, progress TEXT NOT NULL, first_tried INTEGER NOT NULL, kept_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_kept_until ON delivery (kept_until);
CREATE TABLE IF NOT EXISTS parked (
    id TEXT PRIMARY KEY, sealed TEXT NOT NULL, author TEXT NOT NULL, subject TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, arrived INTEGER NOT NULL, until INTEGER NOT NULL, asked INTEGER NOT NULL,
    released INTEGER NOT NULL, message BLOB NOT NULL
);
"""


class RecordError(Exception):
    """The record of deliveries can't be kept; the message says where and why."""


class RecordDamagedError(RecordError):
    """The file is no record, or not any more. Without it, what was parked is gone, and replies may come twice."""


class Database:
    """``folder`` holds the file, and beside it the one that is locked while a reply is delivered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "deliveries.sqlite"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes, on a connection of its own: threads and forks share none.

        Raises:
            RecordError: it could not be carried out: nothing of it was.
        """
        try:
            connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()  # what was not committed is undone
        except sqlite3.Error as error:
            raise RecordError(f"{self.path}: {error}") from error


def open_database(state_dir: str) -> Database:
    """The record under ``state_dir``; made if it is not there.

    Raises:
        RecordError: it can't be.
    """
    database = Database(Path(state_dir) / "delivery")
    try:
        database.folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        connection = sqlite3.connect(database.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        finally:
            connection.close()
    except (OSError, sqlite3.OperationalError) as error:
        raise RecordError(f"{database.path}: {getattr(error, 'strerror', None) or error}") from error
    except sqlite3.Error as error:
        raise RecordDamagedError(f"{database.path}: {error}: stop the daemon, and move the file away") from error
    return database
