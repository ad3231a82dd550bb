"""Keep replies that wait for the decision of their user. Implements ``ports.parking.Parking``.

Table ``parked`` of the database: one row per reply, its verdict as JSON in ``sealed``, its message in ``message``. Each
method is one transaction, on disk when it returns.
"""

import json
from dataclasses import asdict

from reply_milter.adapters.state_dir.deliveries.database import Database
from reply_milter.core.delivery.parked import Occupied, ParkedReply, Room
from reply_milter.core.seal.sealed_reply import SealedReply

_COLUMNS = "sealed, author, subject, sender, recipient, arrived, until, asked, released, question"
_RELEASED, _EVEN_IF_REVOKED = 1, 2  # of the column released
_OCCUPIED = "SELECT count(*), coalesce(sum(octets), 0) FROM parked"


class SqliteParking:
    """Works on the database of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, parked: ParkedReply, message: bytes, room: Room) -> bool:
        """See ``ports.parking.Parking``. One transaction: two processes can't both take the last place."""
        texts = (json.dumps(asdict(parked.sealed)), parked.author, parked.subject, parked.sender, parked.recipient)
        row = (parked.id, *(_storable(text) for text in texts), parked.arrived, parked.until)
        user = parked.sealed.user
        with self._database.transaction() as sql:
            if sql.execute("SELECT 1 FROM parked WHERE id = ?", (parked.id,)).fetchone():
                return True
            of_user = Occupied(*sql.execute(f"{_OCCUPIED} WHERE user = ?", (user,)).fetchone())
            of_all = Occupied(*sql.execute(_OCCUPIED).fetchone())
            if not room.fits(len(message), of_user, of_all):
                return False
            sql.execute(
                "INSERT INTO parked (id, sealed, author, subject, sender, recipient, arrived, until, asked, released,"
                " question, message, user, octets) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, parked.asked, int(parked.released), parked.question, message, user, len(message)),
            )
        return True

    def occupied(self) -> Occupied:
        """See ``ports.parking.Parking``."""
        with self._database.transaction() as sql:
            return Occupied(*sql.execute(_OCCUPIED).fetchone())

    def all(self) -> list[ParkedReply]:
        """See ``ports.parking.Parking``."""
        with self._database.transaction() as sql:
            rows = sql.execute(f"SELECT {_COLUMNS} FROM parked ORDER BY arrived, id").fetchall()  # noqa: S608 # ours
        return [_parked(row) for row in rows]

    def find(self, identifier: str) -> ParkedReply | None:
        """See ``ports.parking.Parking``."""
        query = f"SELECT {_COLUMNS} FROM parked WHERE id = ?"  # noqa: S608 # ours
        with self._database.transaction() as sql:
            row = sql.execute(query, (identifier,)).fetchone()
        return _parked(row) if row else None

    def message(self, identifier: str) -> bytes:
        """See ``ports.parking.Parking``."""
        with self._database.transaction() as sql:
            (message,) = sql.execute("SELECT message FROM parked WHERE id = ?", (identifier,)).fetchone()
        return bytes(message)

    def mark_released(self, *identifiers: str, even_if_revoked: bool = False) -> None:
        """See ``ports.parking.Parking``."""
        state = _EVEN_IF_REVOKED if even_if_revoked else _RELEASED
        with self._database.transaction() as sql:
            sql.executemany(
                "UPDATE parked SET released = max(released, ?) WHERE id = ?", [(state, one) for one in identifiers]
            )

    def remove(self, identifier: str) -> bool:
        """See ``ports.parking.Parking``."""
        with self._database.transaction() as sql:
            return sql.execute("DELETE FROM parked WHERE id = ?", (identifier,)).rowcount > 0


def _storable(text: str) -> str:
    """Replace octets that are not UTF-8, which SQLite requires."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _parked(row: tuple[str, str, str, str, str, int, int, int, int, int]) -> ParkedReply:
    sealed, author, subject, sender, recipient, arrived, until, asked, released, question = row
    return ParkedReply(
        sealed=SealedReply(**json.loads(sealed)),
        author=author,
        subject=subject,
        sender=sender,
        recipient=recipient,
        arrived=arrived,
        until=until,
        asked=asked,
        released=released >= _RELEASED,
        question=question,
        even_if_revoked=released >= _EVEN_IF_REVOKED,
    )
