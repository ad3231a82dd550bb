"""The journal of revocations under ``state_dir``: what is put back when a store has lost its data.

One line each, added and synced when the store has it. For nobody else to read or write: who writes here, revokes.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.core.token.revocation import Revocation, in_force

NAME = "revocations.journal"
_COMPACT_OCTETS = 1 << 20


class JournalError(Exception):
    """The journal can't be read or written; the message says why."""


class RevocationJournal:
    """``path``: a file, which is made when the first line comes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, revocation: Revocation, now: int) -> None:
        """Put it on record, for good. What has no meaning any more is taken out when the file has grown.

        Raises:
            JournalError: it can't be written.
        """
        try:
            with self._locked() as descriptor:
                if os.fstat(descriptor).st_size > _COMPACT_OCTETS:
                    self._compact(descriptor, revocation, now)
                else:
                    _append(descriptor, revocation.line(now))
            _sync_folder(self.path.parent)
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}") from error

    def read(self, now: int) -> tuple[list[Revocation], int]:
        """What is in force, and how many lines can't be read. Nothing where there is no file.

        Raises:
            JournalError: it can't be read.
        """
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return [], 0
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror}") from error
        found, broken = in_force(text.splitlines(), now)
        return [revocation for _, revocation in found], broken

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, open and nobody else's: who has waited for the lock may hold one that has been replaced since."""
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
        """Replace the file by one with what is in force, and ``more``: all of it, or nothing."""
        octets = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        found, _ = in_force([*octets.decode("utf-8", "replace").splitlines(), more.line(now).rstrip()], now)
        new = f"{self.path}.new"
        spare = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _write(spare, "".join(f"{line}\n" for line, _ in found).encode())
            os.fsync(spare)
        finally:
            os.close(spare)
        os.replace(new, self.path)


def _append(descriptor: int, line: str) -> None:
    size = os.fstat(descriptor).st_size
    cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # a crash in the midst of a line
    _write(descriptor, ("\n" * cut + line).encode())
    os.fsync(descriptor)


def _write(descriptor: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(descriptor, octets) :]


def _sync_folder(folder: Path) -> None:
    """A new file's name, too, is to be there after a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
