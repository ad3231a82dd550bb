"""Keep a journal of revocations, to restore them when a store has lost its data.

``revocations.journal`` has one line per revocation or undo, in the form of ``core.token.revocation``; mode 0600,
because a process that can write it can revoke addresses.

Crash safety: a line is appended after the store has the revocation, under flock(2), then the file and its folder are
synced. A crash may leave half a line: the next line begins on a line of its own, and readers count the broken one. A
file above 1 MiB is replaced by what still matters: a new file, synced, then renamed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter import files
from reply_milter.core.token.revocation import History, Revocation, read_history

NAME = "revocations.journal"
_COMPACT_OCTETS = 1 << 20


class JournalError(Exception):
    """The journal can't be read or written; the message says why."""


class RevocationJournal:
    """``path``: the file; it is made with the first line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, revocation: Revocation, now: int) -> None:
        """Add a line, durably. When the file has grown, remove lines that no longer matter.

        Raises:
            JournalError: it can't be written.
        """
        try:
            with self._locked() as descriptor:
                if os.fstat(descriptor).st_size > _COMPACT_OCTETS:
                    self._compact(descriptor, revocation, now)
                else:
                    _append(descriptor, revocation.line(now))
            files.sync(self.path.parent)
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}") from error

    def read(self, now: int) -> tuple[list[Revocation], int]:
        """Return what is in force, and the number of lines that can't be read. Without a file: nothing.

        Raises:
            JournalError: it can't be read.
        """
        history = self.history(now)
        return history.in_force(), history.broken

    def history(self, now: int) -> History:
        """Return what still matters of it. Without a file: nothing.

        Raises:
            JournalError: it can't be read.
        """
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            text = ""
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}") from error
        return read_history(text.splitlines(), now)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Open and lock the file. Opens it again if it was replaced while this process waited for the lock."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            descriptor = os.open(self.path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), os.stat(self.path)):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _compact(self, descriptor: int, more: Revocation, now: int) -> None:
        """Replace the file by one with what still matters, and ``more``: the whole new file, or the old one."""
        octets = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        lines = [*octets.decode("utf-8", "replace").splitlines(), more.line(now).rstrip()]
        kept = "".join(f"{line}\n" for line in read_history(lines, now).compacted())
        files.replace(Path(self.path), kept.encode())


def _append(descriptor: int, line: str) -> None:
    size = os.fstat(descriptor).st_size
    cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # a crash left half a line
    _write(descriptor, ("\n" * cut + line).encode())
    os.fsync(descriptor)


def _write(descriptor: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(descriptor, octets) :]
