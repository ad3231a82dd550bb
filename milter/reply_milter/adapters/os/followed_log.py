"""Lines of a log as they are written: of the journal, or of a file, which may be rotated meanwhile.

Reading never waits. Of a flood, the newest lines are kept.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from reply_milter.adapters.os.journal import Entry, read_entry, start_following

_OCTETS = 1 << 18  # of one read
_READS = 32  # at one look: 8 MiB
_KEPT = 1000  # lines of one look
_LONGEST = 1 << 17  # octets of a line; the rest of a longer one is left out


class FollowedJournal:
    """The journal of ``unit``, from its last ``before`` entries on.

    Raises:
        JournalError: there is none.
    """

    def __init__(self, unit: str, before: int) -> None:
        self._program = start_following(unit, before)
        assert self._program.stdout is not None  # noqa: S101 # a pipe was asked for
        self._descriptor = self._program.stdout.fileno()
        os.set_blocking(self._descriptor, False)
        self._lines = Lines()

    def look(self) -> list[Entry]:
        """Return the entries that came since the last look."""
        found = deque(self._lines.of(_octets(self._descriptor)), _KEPT)
        return [entry for line in found if (entry := read_entry(line)) is not None]

    def has_ended(self) -> bool:
        """Return whether journalctl ended, so that nothing more comes."""
        return self._program.poll() is not None

    def close(self) -> None:
        """End the program."""
        self._program.kill()
        self._program.communicate()


class FollowedFile:
    """A file that somebody writes lines to. A rotated or emptied file is read from its beginning.

    Raises:
        OSError: it can't be read.
    """

    def __init__(self, path: str, before: int) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._lines = Lines()
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._descriptor)
            raise OSError(errno.EINVAL, "is not a file", path)
        start = max(0, found.st_size - _OCTETS) if before else found.st_size
        os.lseek(self._descriptor, start, os.SEEK_SET)
        lines = list(self._lines.of(_octets(self._descriptor)))
        self._first = lines[1 if start else 0 :][-before:]  # the first may be half a line

    def look(self) -> list[Entry]:
        """Return the lines that came since the last look."""
        found = deque(self._first, _KEPT)
        self._first = []
        found.extend(self._lines.of(_octets(self._descriptor)))
        if self._was_replaced():
            self._lines = Lines()
            found.extend(self._lines.of(_octets(self._descriptor)))
        return [Entry(None, line.decode(errors="replace")) for line in found]

    def has_ended(self) -> bool:
        """A file never ends."""
        return False

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _was_replaced(self) -> bool:
        """Open the file that has the name now, if that is another one, or go back to the start of a shorter one."""
        ours = os.fstat(self._descriptor)
        with suppress(OSError):  # between the two steps of a rotation there is none
            theirs = os.stat(self._path)
            if (theirs.st_dev, theirs.st_ino) != (ours.st_dev, ours.st_ino):
                opened = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
                os.close(self._descriptor)
                self._descriptor = opened
                return True
        if ours.st_size < os.lseek(self._descriptor, 0, os.SEEK_CUR):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            return True
        return False


FollowedLog = FollowedJournal | FollowedFile


class Lines:
    """Octets made into whole lines; the beginning of the next one is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the lines that ``pieces`` complete."""
        for piece in pieces:
            *whole, self._rest = (self._rest + piece).split(b"\n")
            self._rest = self._rest[:_LONGEST]
            yield from whole


def _octets(descriptor: int) -> Iterator[bytes]:
    for _ in range(_READS):
        try:
            piece = os.read(descriptor, _OCTETS)
        except BlockingIOError:
            return
        if not piece:
            return
        yield piece


def follow(path: str, unit: str, before: int) -> FollowedLog:
    """Follow the file ``path``, or the journal of ``unit`` if that is empty."""
    return FollowedFile(path, before) if path else FollowedJournal(unit, before)
