"""Which processes a daemon is made of: kept by the supervisor, and seen by its children in memory that they share.

Memory and no file: a full disk must not keep a worker from being started.
"""

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from reply_milter.ports.condition import Process

_ENTRY = struct.Struct("=II")  # process id, starts


class ProcessTable:
    """Made by the supervisor, with the names of all its children, before the first is forked."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._supervisor = os.getpid()
        self._table = mmap.mmap(-1, max(1, _ENTRY.size * len(self._names)))

    def started(self, name: str, pid: int) -> None:
        """``name`` now is the process ``pid``."""
        at = _ENTRY.size * self._names.index(name)
        _, starts = _ENTRY.unpack_from(self._table, at)
        _ENTRY.pack_into(self._table, at, pid, starts + 1)

    def children(self) -> list[Process]:
        """All children as they are now."""
        entries = _ENTRY.iter_unpack(self._table[: _ENTRY.size * len(self._names)])
        return [
            Process(name, pid if self._lives(pid) else 0, starts)
            for name, (pid, starts) in zip(self._names, entries, strict=True)
        ]

    def all(self) -> list[Process]:
        """The supervisor, too."""
        return [Process("supervisor", self._supervisor, 1), *self.children()]

    def _lives(self, pid: int) -> bool:
        """Whether ``pid`` is a child of the supervisor's that has not ended; a number may be used again by others."""
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            return False
        return bool(pid) and state not in ("Z", "X") and int(parent) == self._supervisor
