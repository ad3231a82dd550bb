"""The table of a daemon's processes, in shared memory: the supervisor writes it, its children read it.

It is not a file, so that workers can be started while the disk is full.
"""

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from reply_milter.ports.condition import Process

_ENTRY = struct.Struct("=II")  # process id, starts


class ProcessTable:
    """``names``: of all children. The supervisor makes it before the first fork."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._supervisor = os.getpid()
        self._table = mmap.mmap(-1, max(1, _ENTRY.size * len(self._names)))

    def started(self, name: str, pid: int) -> None:
        """Record that ``name`` is now the process ``pid``."""
        at = _ENTRY.size * self._names.index(name)
        _, starts = _ENTRY.unpack_from(self._table, at)
        _ENTRY.pack_into(self._table, at, pid, starts + 1)

    def children(self) -> list[Process]:
        """Return all children as they are now."""
        entries = _ENTRY.iter_unpack(self._table[: _ENTRY.size * len(self._names)])
        return [
            Process(name, pid if self._lives(pid) else 0, starts)
            for name, (pid, starts) in zip(self._names, entries, strict=True)
        ]

    def all(self) -> list[Process]:
        """Return the supervisor and all children."""
        return [Process("supervisor", self._supervisor, 1), *self.children()]

    def _lives(self, pid: int) -> bool:
        """Return whether ``pid`` is a running child of the supervisor; another process may have reused the number."""
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            return False
        return bool(pid) and state not in ("Z", "X") and int(parent) == self._supervisor
