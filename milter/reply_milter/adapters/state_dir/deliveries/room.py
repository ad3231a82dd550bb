"""Answer the milter, at SMTP time, whether one more reply may be parked. Implements ``ports.parking.ParkingRoom``.

Reads table ``parked`` of the database and writes nothing. Without a database, or while it is locked, the answer is yes:
the hook counts again before it keeps the reply.
"""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from reply_milter.core.delivery.parked import Occupied, Room

_BUSY_SECONDS = 0.5
_RESERVED_SECONDS = 60.0  # that a reply takes at most from its 250 to the hook, on a host in good order
_OCCUPIED = "SELECT count(*), coalesce(sum(octets), 0), count(*) FILTER (WHERE user = ?1),"
_OF_USER = " coalesce(sum(octets) FILTER (WHERE user = ?1), 0) FROM parked"


class _Place(NamedTuple):
    """The place of a reply between its 250 and the hook."""

    user: int
    octets: int
    until: float


class SqliteParkingRoom:
    """Reads the record of deliveries of this host, which only the hook makes and writes.

    A reply that was accepted and is not parked yet has a place in this process. So clients that send at the same
    time get at most the room that each of the milter's processes counts. If that is still too much, the hook defers,
    and the MTA keeps the reply.
    """

    def __init__(self, state_dir: str, room: Room) -> None:
        self._path = Path(state_dir) / "delivery" / "deliveries.sqlite"
        self._room = room
        self._lock = threading.Lock()
        self._reserved: dict[str, _Place] = {}

    def is_there(self, user: int, octets: int, identifier: str) -> bool:
        """See ``ports.parking.ParkingRoom``."""
        with self._lock:
            try:
                row = self._look(user)
            except sqlite3.Error:  # no record yet, or it can't be read now: the hook counts again
                return True
            coming = [place for reply, place in list(self._reserved.items()) if reply != identifier]
            theirs = [place for place in coming if place.user == user]
            of_user = Occupied(row[2] + len(theirs), row[3] + sum(place.octets for place in theirs))
            of_all = Occupied(row[0] + len(coming), row[1] + sum(place.octets for place in coming))
            if not self._room.fits(octets, of_user, of_all):
                return False
            self._reserved[identifier] = _Place(user, octets, time.monotonic() + _RESERVED_SECONDS)
            return True

    def leave(self, identifier: str) -> None:
        """See ``ports.ParkingRoom``. Waits for nobody who looks into the record meanwhile."""
        self._reserved.pop(identifier, None)

    def _look(self, user: int) -> tuple[int, int, int, int]:
        """Return what is parked, of all and of one user; forget places of replies that arrived, or are overdue."""
        with closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", timeout=_BUSY_SECONDS, uri=True)) as record:
            record.execute("BEGIN")
            for identifier, place in list(self._reserved.items()):
                found = record.execute("SELECT 1 FROM parked WHERE id = ?", (identifier,)).fetchone()
                if found or place.until < time.monotonic():
                    self._reserved.pop(identifier, None)
            row: tuple[int, int, int, int] = record.execute(_OCCUPIED + _OF_USER, (user,)).fetchone()
            return row
