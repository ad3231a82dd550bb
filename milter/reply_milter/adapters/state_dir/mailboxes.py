"""Record how far mailboxes were looked at: ``delivery/mailboxes.sqlite``. Implements ``ports.fetching.FetchRecord``.

Tables: ``mailbox`` (UIDVALIDITY, and the UID up to which all was looked at), ``message`` (those not done with),
``host`` (a random name of this host, for turns at mailboxes).
Several processes may have the file open. Without the file, all is looked at again: claims prevent a second effect.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reply_milter.adapters.state_dir.deliveries import RecordError
from reply_milter.ports.fetching import OpenMessage

_BUSY_SECONDS = 10.0
_LAYOUT = 1  # PRAGMA user_version
_COLUMNS = "uid, id, seal, tries, due, first"
_TABLES = (
    "CREATE TABLE mailbox (identity TEXT PRIMARY KEY, uidvalidity INTEGER NOT NULL, looked_at INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE message ("
    " identity TEXT NOT NULL, uid INTEGER NOT NULL, id TEXT NOT NULL, seal TEXT NOT NULL, tries INTEGER NOT NULL,"
    " due INTEGER NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (identity, uid)) WITHOUT ROWID",
    "CREATE INDEX message_due ON message (identity, due)",
    f"PRAGMA user_version = {_LAYOUT}",
)
_HOST = "CREATE TABLE IF NOT EXISTS host (name TEXT NOT NULL)"


class MailboxRecord:
    """Of the mailbox called ``identity``. ``folder``: of the record of deliveries, which has to exist.

    Every method raises RecordError if the file can't be used; then nothing was changed.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._path = folder / "mailboxes.sqlite"
        self._identity = identity
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._prepare()

    @property
    def host(self) -> str:
        """The name of this host: as long as the file is there, the same."""
        with self._transaction() as sql:
            return str(sql.execute("SELECT name FROM host").fetchone()[0])

    def begin(self, uidvalidity: int) -> int:
        """See ``ports.fetching.FetchRecord``."""
        with self._transaction() as sql:
            found = sql.execute(
                "SELECT looked_at FROM mailbox WHERE identity = ? AND uidvalidity = ?", (self._identity, uidvalidity)
            ).fetchone()
            if found is None:
                sql.execute("DELETE FROM message WHERE identity = ?", (self._identity,))
                sql.execute("INSERT OR REPLACE INTO mailbox VALUES (?, ?, 0)", (self._identity, uidvalidity))
        return int(found[0]) if found else 0

    def due(self, now: int, most: int) -> list[OpenMessage]:
        """See ``ports.fetching.FetchRecord``."""
        with self._transaction() as sql:
            rows = sql.execute(
                f"SELECT {_COLUMNS} FROM message WHERE identity = ? AND due <= ? ORDER BY due, uid LIMIT ?",  # noqa: S608 # constants
                (self._identity, now, most),
            )
            return [OpenMessage(*row) for row in rows]

    def known(self, uids: Sequence[int]) -> set[int]:
        """See ``ports.fetching.FetchRecord``."""
        if not uids:
            return set()
        with self._transaction() as sql:
            rows = sql.execute(
                "SELECT uid FROM message WHERE identity = ? AND uid BETWEEN ? AND ?",
                (self._identity, uids[0], uids[-1]),
            )
            return {row[0] for row in rows} & set(uids)

    def next_due(self) -> int | None:
        """See ``ports.fetching.FetchRecord``."""
        with self._transaction() as sql:
            found = sql.execute("SELECT min(due) FROM message WHERE identity = ?", (self._identity,)).fetchone()
        return None if found[0] is None else int(found[0])

    def put(self, messages: Sequence[OpenMessage]) -> None:
        """See ``ports.fetching.FetchRecord``."""
        if messages:
            with self._transaction() as sql:
                self._insert(sql, messages)

    def close(self, looked_at: int, done: Sequence[int], still_open: Sequence[OpenMessage]) -> None:
        """See ``ports.fetching.FetchRecord``."""
        with self._transaction() as sql:
            sql.executemany(
                "DELETE FROM message WHERE identity = ? AND uid = ?", [(self._identity, uid) for uid in done]
            )
            self._insert(sql, still_open)
            sql.execute(
                "UPDATE mailbox SET looked_at = ?2 WHERE identity = ?1 AND looked_at < ?2", (self._identity, looked_at)
            )

    def _insert(self, sql: sqlite3.Connection, messages: Sequence[OpenMessage]) -> None:
        rows = [(self._identity, one.uid, one.id, one.seal, one.tries, one.due, one.first) for one in messages]
        sql.executemany("INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _prepare(self) -> None:
        with self._transaction() as sql:
            (layout,) = sql.execute("PRAGMA user_version").fetchone()
            if layout > _LAYOUT:
                raise RecordError(f"{self._path}: a later version wrote it (layout {layout}): install that again")
            for statement in (*(_TABLES if layout < 1 else ()), _HOST):
                sql.execute(statement)
            sql.execute("INSERT INTO host SELECT ? WHERE NOT EXISTS (SELECT 1 FROM host)", (secrets.token_hex(8),))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction. The connection stays: a last one to close would write the log back each time."""
        with self._turn:
            try:
                sql = self._connection = self._connection or self._connected()
                sql.execute("BEGIN IMMEDIATE")
                yield sql
                sql.execute("COMMIT")
            except BaseException as error:
                self._drop()
                if isinstance(error, sqlite3.Error):
                    raise RecordError(f"{self._path}: {error}") from error
                raise

    def _connected(self) -> sqlite3.Connection:
        sql = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute("PRAGMA synchronous = FULL")
        return sql

    def _drop(self) -> None:
        """Undo what is not committed, and connect anew for the next transaction."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
