"""Spread connections evenly over the workers that share a listening socket: each counts its own in shared memory."""

from typing import Final, final

_MOST_WORKERS: Final = 256
COUNT_OCTETS: Final = _MOST_WORKERS * 4


@final
class ConnectionCounts:
    """``memory``: COUNT_OCTETS zero octets that all workers share; ``worker``: the number of this one.

    Each worker writes its own count only, one more than it has connections, so no lock is needed.
    """

    def __init__(self, memory: memoryview, worker: int) -> None:
        self._counts = memory.cast("i")
        self._own = worker
        self.set(0)

    def set(self, count: int) -> None:
        """Tell the others how many connections this worker has."""
        self._counts[self._own] = count + 1

    def has_many_more(self) -> bool:
        """Whether another worker has few, measured by what this one has."""
        return self._counts[self._own] > _many(min(filter(None, self._counts.tolist())))

    def has_few(self) -> bool:
        """Whether another worker has an eighth more than this one, and at least two."""
        return max(self._counts.tolist()) > _many(self._counts[self._own])


def _many(few: int) -> int:
    return few + 1 + few // 8
