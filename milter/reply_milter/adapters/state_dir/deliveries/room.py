"""Answer the milter, at SMTP time, whether one more reply may be parked. Implements ``ports.parking.ParkingRoom``.

Reads table ``parked`` of the database and writes nothing. Without a database, or while it is locked, the answer is yes:
the hook counts again before it keeps the reply.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from reply_milter.core.delivery.parked import Occupied, Room

_BUSY_SECONDS = 0.5
_OCCUPIED = "SELECT count(*), coalesce(sum(octets), 0), count(*) FILTER (WHERE user = ?1),"
_OF_USER = " coalesce(sum(octets) FILTER (WHERE user = ?1), 0) FROM parked"


class SqliteParkingRoom:
    """Reads the record of deliveries of this host. Only the hook makes and writes it."""

    def __init__(self, state_dir: str, room: Room) -> None:
        self._path = Path(state_dir) / "delivery" / "deliveries.sqlite"
        self._room = room

    def is_there(self, user: int, octets: int) -> bool:
        """See ``ports.parking.ParkingRoom``."""
        try:
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", timeout=_BUSY_SECONDS, uri=True)) as record:
                row = record.execute(_OCCUPIED + _OF_USER, (user,)).fetchone()
        except sqlite3.Error:  # no record yet, or it can't be read now
            return True
        return self._room.fits(octets, Occupied(row[2], row[3]), Occupied(row[0], row[1]))
