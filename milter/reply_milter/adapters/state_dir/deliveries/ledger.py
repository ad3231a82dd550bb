"""Record how far each reply came, and lock replies while they are delivered. Implements ``ports.delivery.Ledger``.

Files: table ``delivery`` of the database; ``delivery/held``, an empty file. A reply is held by a lock of the kernel on
one octet of it, whose offset is a digest of the id. The lock ends with the process that has it, so a crash leaves none.
"""

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from reply_milter.adapters.state_dir.deliveries.database import Database
from reply_milter.ports.delivery import LedgerEntry, Progress

_OFFSET_BITS = 62
_PUT = (
    "INSERT INTO delivery VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET progress = excluded.progress, kept_until = excluded.kept_until"
)
_FLOCK = "hhqqi"  # struct flock of fcntl(2): type, whence, start, length, pid


class SqliteLedger:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._locks = str(database.folder / "held")

    @contextmanager
    def hold(self, identifier: str) -> Iterator[bool]:
        """See ``ports.delivery.Ledger``. Locks of open file descriptions (fcntl(2)): threads exclude each other."""
        digest = hashlib.sha256(identifier.encode()).digest()
        octet = int.from_bytes(digest[:8]) >> (64 - _OFFSET_BITS)
        descriptor = os.open(self._locks, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _lock(descriptor, octet)
        finally:
            os.close(descriptor)

    def entry(self, identifier: str) -> LedgerEntry:
        """See ``ports.delivery.Ledger``."""
        row = self._database.read("SELECT progress, first_tried FROM delivery WHERE id = ?", (identifier,))
        return LedgerEntry(Progress(row[0]), row[1]) if row else LedgerEntry()

    def put(self, identifier: str, progress: Progress, now: int, kept_until: int) -> None:
        """See ``ports.delivery.Ledger``."""
        self._database.write(_PUT, (identifier, progress.value, now, kept_until))

    def forget(self, now: int) -> None:
        """See ``ports.delivery.Ledger``."""
        with self._database.transaction() as sql:
            sql.execute("DELETE FROM delivery WHERE kept_until < ?", (now,))


def _lock(descriptor: int, octet: int) -> bool:
    wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, octet, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
    except BlockingIOError:
        return False
    return True
