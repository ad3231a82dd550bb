"""Commits replies in the background some time after they were answered: a thread with a queue.

The delay lets the answer reach the MTA first. A worker that dies in between leaves a reservation, so that the client's
retry is accepted. Commits that fall due within a moment share one round trip.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from reply_milter.ports import Store, StoreUnavailableError

log = logging.getLogger(__name__)

_GATHER_SECONDS = 0.02  # one round trip per commit would cost this process six times as much, and Redis twice
_BATCH = 200  # Redis does nothing else meanwhile: a millisecond or two


class Bounds(NamedTuple):
    """How long to wait after a failure, at first and at most, and how many commits may wait for the store."""

    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    waiting: int = 100_000  # 20 MB


class CommitQueue:
    """Commits a reply ``delay_seconds`` after ``enqueue``, and retries until the store has answered.

    Commits are idempotent. ``dropped`` is called for each reply that finds the queue full.
    """

    def __init__(
        self, store: Store, delay_seconds: float, dropped: Callable[[], None], bounds: Bounds | None = None
    ) -> None:
        self._store = store
        self._delay = delay_seconds
        self._dropped = dropped
        self._bounds = bounds or Bounds()
        self._queue: deque[tuple[float, str]] = deque()  # when it is due (monotonic seconds), and the identifier
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._committing = False
        self._failures = 0  # in a row
        threading.Thread(target=self._run, name="commit queue", daemon=True).start()

    def enqueue(self, identifier: str) -> None:
        """See ``ports.DelayedCommits``. Never blocks."""
        if len(self._queue) >= self._bounds.waiting:
            # It stays reserved: a replay of it would pass as a retry, with the same id.
            log.warning("a reply is not committed, too many commits wait for the store: id=%s", identifier)
            self._dropped()
            return
        self._queue.append((time.monotonic() + self._delay, identifier))
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout_seconds: float) -> None:
        """Wait until all answered replies are committed, each after its delay; for an orderly end.

        Commits that wait for the store are tried once more; if they fail again, their replies stay reserved.
        """
        self._ending.set()
        deadline = time.monotonic() + timeout_seconds
        while (self._queue or self._committing) and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._queue:
            log.warning("replies that could not be committed stay reserved: count=%d", len(self._queue))

    def renew(self, store: Store, delay_seconds: float) -> None:
        """Use another store and delay; what is queued is committed to that store."""
        self._store = store
        self._delay = delay_seconds

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._committing = True
            while self._queue:
                time.sleep(max(0.0, self._queue[0][0] - time.monotonic()) + _GATHER_SECONDS)
                self._commit(self._due())
            self._committing = False

    def _due(self) -> list[tuple[float, str]]:
        """Take what has fallen due off the queue and return it."""
        now = time.monotonic()
        due: list[tuple[float, str]] = []
        while self._queue and self._queue[0][0] <= now and len(due) < _BATCH:
            due.append(self._queue.popleft())
        return due

    def _commit(self, due: list[tuple[float, str]]) -> None:
        last = self._ending.is_set()
        try:
            self._store.commit_all([identifier for _, identifier in due])
        except StoreUnavailableError:
            if last:
                log.warning("replies that could not be committed stay reserved: count=%d", len(due))
                return
            self._queue.extendleft(reversed(due))
            self._failures += 1
            self._ending.wait(self._pause())
        else:
            self._failures = 0

    def _pause(self) -> float:
        """Return the seconds until the next try: twice as many each time."""
        doubled = self._bounds.first_seconds * 2.0 ** min(self._failures - 1, 16)
        return min(doubled, self._bounds.longest_seconds)
