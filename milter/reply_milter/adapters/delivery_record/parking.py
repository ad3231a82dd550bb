"""Replies that wait for a word of their user. Implements ``ports.delivery.Parking``."""

import json
from dataclasses import asdict

from reply_milter.adapters.delivery_record.database import Database
from reply_milter.core.parked import ParkedReply
from reply_milter.core.sealed_reply import SealedReply

_COLUMNS = "sealed, author, subject, sender, recipient, arrived, until, asked, released"


class SqliteParking:
    """In the same file as the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, parked: ParkedReply, message: bytes) -> None:
        """See ``ports.delivery.Parking``."""
        texts = (json.dumps(asdict(parked.sealed)), parked.author, parked.subject, parked.sender, parked.recipient)
        row = (parked.id, *(_storable(text) for text in texts), parked.arrived, parked.until)
        with self._database.transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, parked.asked, int(parked.released), message),
            )

    def all(self) -> list[ParkedReply]:
        """See ``ports.delivery.Parking``."""
        with self._database.transaction() as sql:
            rows = sql.execute(f"SELECT {_COLUMNS} FROM parked ORDER BY arrived, id").fetchall()  # noqa: S608 # ours
        return [_parked(row) for row in rows]

    def find(self, identifier: str) -> ParkedReply | None:
        """See ``ports.delivery.Parking``."""
        query = f"SELECT {_COLUMNS} FROM parked WHERE id = ?"  # noqa: S608 # ours
        with self._database.transaction() as sql:
            row = sql.execute(query, (identifier,)).fetchone()
        return _parked(row) if row else None

    def message(self, identifier: str) -> bytes:
        """See ``ports.delivery.Parking``."""
        with self._database.transaction() as sql:
            (message,) = sql.execute("SELECT message FROM parked WHERE id = ?", (identifier,)).fetchone()
        return bytes(message)

    def mark_asked(self, identifier: str, now: int) -> None:
        """See ``ports.delivery.Parking``."""
        with self._database.transaction() as sql:
            sql.execute("UPDATE parked SET asked = ? WHERE id = ?", (now, identifier))

    def mark_released(self, identifier: str) -> None:
        """See ``ports.delivery.Parking``."""
        with self._database.transaction() as sql:
            sql.execute("UPDATE parked SET released = 1 WHERE id = ?", (identifier,))

    def remove(self, identifier: str) -> bool:
        """See ``ports.delivery.Parking``."""
        with self._database.transaction() as sql:
            return sql.execute("DELETE FROM parked WHERE id = ?", (identifier,)).rowcount > 0


def _storable(text: str) -> str:
    """SQLite takes UTF-8 only; octets that are none came through undecoded."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _parked(row: tuple[str, str, str, str, str, int, int, int, int]) -> ParkedReply:
    sealed, author, subject, sender, recipient, arrived, until, asked, released = row
    return ParkedReply(
        sealed=SealedReply(**json.loads(sealed)),
        author=author,
        subject=subject,
        sender=sender,
        recipient=recipient,
        arrived=arrived,
        until=until,
        asked=asked,
        released=bool(released),
    )
