"""Open the SQLite file ``delivery/deliveries.sqlite``.

Its tables: ``delivery`` (progress per reply id, until ``kept_until``), ``parked`` (replies with their messages),
``question`` (what users were asked), ``silence`` (addresses about which no question goes out for now). Times are Unix
seconds. ``PRAGMA user_version`` is the layout.

Crash safety: write-ahead log, ``synchronous = FULL``: a transaction is on disk when it ends, and one that a crash
interrupts is undone. Several processes may have the file open; a writer waits ten seconds for another.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BUSY_SECONDS = 10.0
_FOLDER_MODE = 0o700
_LAYOUT = 1  # PRAGMA user_version; 0: a new file, or one of a version without questions
_TABLES = (
    "CREATE TABLE IF NOT EXISTS delivery ("
    " id TEXT PRIMARY KEY, progress TEXT NOT NULL, first_tried INTEGER NOT NULL, kept_until INTEGER NOT NULL"
    ") WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS delivery_kept_until ON delivery (kept_until)",
    "CREATE TABLE IF NOT EXISTS parked ("
    " id TEXT PRIMARY KEY, sealed TEXT NOT NULL, author TEXT NOT NULL, subject TEXT NOT NULL, sender TEXT NOT NULL,"
    " recipient TEXT NOT NULL, arrived INTEGER NOT NULL, until INTEGER NOT NULL, asked INTEGER NOT NULL,"
    " released INTEGER NOT NULL, message BLOB NOT NULL)",
)
# Parked replies stay. Users whom an earlier version asked are asked again: its question had another text.
_TO_LAYOUT_1 = (
    "ALTER TABLE parked ADD COLUMN question INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE parked ADD COLUMN user INTEGER NOT NULL DEFAULT -1",
    "ALTER TABLE parked ADD COLUMN octets INTEGER NOT NULL DEFAULT 0",
    "UPDATE parked SET user = json_extract(sealed, '$.user'), octets = length(message), asked = 0",
    "CREATE INDEX parked_user ON parked (user, octets)",
    "CREATE TABLE question ("
    " id INTEGER PRIMARY KEY, user INTEGER NOT NULL, message_id TEXT NOT NULL, made INTEGER NOT NULL,"
    " until INTEGER NOT NULL, sent INTEGER NOT NULL)",
    "CREATE TABLE silence (token_id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version = {_LAYOUT}",
)


class RecordError(Exception):
    """The record of deliveries can't be read or written. The message says where and why."""


class RecordDamagedError(RecordError):
    """The file is damaged, no database, or of a later version: a retry is useless.

    Without it, parked replies are lost, and others may be delivered twice.
    """


@dataclass(slots=True)
class _Write:
    """A statement that waits for a transaction. ``error``: why it was not carried out, once ``is_done``."""

    statement: str
    row: tuple[Any, ...]
    is_done: bool = False
    error: Exception | None = None


class Database:
    """``folder`` holds the file, and beside it ``held``, which is locked while a reply is delivered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "deliveries.sqlite"
        self._stays_open = False
        self._kept: tuple[int, sqlite3.Connection] | None = (
            None  # with the file's inode: somebody may put another there
        )
        self._turn = threading.Lock()  # threads that wait in SQLite sleep longer and longer
        self._writes: deque[_Write] = deque()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one writing transaction, on a connection of its own unless one stays open: forks share none.

        Raises:
            RecordError: it failed, and nothing of it was done.
        """
        try:
            with self._turn, self._transaction() as connection:
                yield connection
        except sqlite3.Error as error:
            raise RecordError(f"{self.path}: {error}") from error

    def read(self, query: str, row: tuple[Any, ...]) -> Any:
        """Return the first row that one query finds; None without one.

        Raises:
            RecordError: the file can't be read.
        """
        try:
            with self._turn, self._connection() as connection:
                return connection.execute(query, row).fetchone()
        except sqlite3.Error as error:
            raise RecordError(f"{self.path}: {error}") from error

    def write(self, statement: str, row: tuple[Any, ...]) -> None:
        """Run one statement, on disk when it returns. Threads that come meanwhile share a transaction, and its sync.

        Raises:
            RecordError: it failed, and nothing of it was done.
        """
        mine = _Write(statement, row)
        self._writes.append(mine)
        with self._turn:
            if not mine.is_done:
                self._write_all()
        if mine.error is not None:
            raise RecordError(f"{self.path}: {mine.error}") from mine.error

    def _write_all(self) -> None:
        """Run all statements that wait, in one transaction: none is done unless all are."""
        several = [self._writes.popleft() for _ in range(len(self._writes))]
        failed: Exception | None = RecordError("the transaction was interrupted")
        try:
            with self._transaction() as connection:
                for one in several:
                    connection.execute(one.statement, one.row)
            failed = None
        except sqlite3.Error as error:
            failed = error
        finally:
            for one in several:
                one.error, one.is_done = failed, True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def stay_open(self) -> None:
        """Keep one connection for all transactions from now on: a last one to close would write the log back each time.

        To be called after the last fork of this process that does not exec.
        """
        self._stays_open = True

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; what was not committed on it is undone."""
        kept = self._kept if self._kept is not None and self._kept[0] == _inode(self.path) else None
        connection = kept[1] if kept is not None else self._connected()
        try:
            yield connection
        except BaseException:
            self._kept = None
            connection.close()
            raise
        if self._stays_open:
            self._kept = (_inode(self.path), connection)
        else:
            connection.close()

    def prepare(self) -> None:
        """Make the file, or bring one of an earlier version up to date, in one transaction.

        Raises:
            RecordDamagedError: a later version made the file.
            sqlite3.Error: it can't be made, or is not a database.
        """
        with closing(self._connected()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            (layout,) = connection.execute("PRAGMA user_version").fetchone()
            if layout > _LAYOUT:
                raise RecordDamagedError(f"{self.path}: a later version wrote it (layout {layout}): install that again")
            for statement in (*_TABLES, *(_TO_LAYOUT_1 if layout < 1 else ())):
                connection.execute(statement)
            connection.execute("COMMIT")

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def open_database(state_dir: str) -> Database:
    """Open the record under ``state_dir``, and make it if it does not exist.

    Raises:
        RecordError: it can't be opened.
    """
    database = Database(Path(state_dir) / "delivery")
    try:
        database.folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        database.prepare()
    except (OSError, sqlite3.OperationalError) as error:
        raise RecordError(f"{database.path}: {getattr(error, 'strerror', None) or error}") from error
    except sqlite3.Error as error:
        raise RecordDamagedError(f"{database.path}: {error}: stop the daemon and move the file away") from error
    return database
