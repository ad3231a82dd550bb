"""Whether one more reply may be parked, for who decides about it at SMTP time. Implements ``ports.ParkingRoom``."""

import sqlite3
from contextlib import closing
from pathlib import Path

from reply_milter.core.delivery.parked import Occupied, Room

_BUSY_SECONDS = 0.5
_OCCUPIED = "SELECT count(*), coalesce(sum(octets), 0), count(*) FILTER (WHERE user = ?1),"
_OF_USER = " coalesce(sum(octets) FILTER (WHERE user = ?1), 0) FROM parked"


class SqliteParkingRoom:
    """Reads the record of deliveries of this host, of which the hook is the only writer; never makes it."""

    def __init__(self, state_dir: str, room: Room) -> None:
        self._path = Path(state_dir) / "delivery" / "deliveries.sqlite"
        self._room = room

    def is_there(self, user: int, octets: int) -> bool:
        """See ``ports.ParkingRoom``."""
        try:
            with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", timeout=_BUSY_SECONDS, uri=True)) as record:
                row = record.execute(_OCCUPIED + _OF_USER, (user,)).fetchone()
        except sqlite3.Error:  # no record yet, or none that can be read now: the hook counts again
            return True
        return self._room.fits(octets, Occupied(row[2], row[3]), Occupied(row[0], row[1]))
