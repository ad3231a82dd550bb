"""Commits replies some time after they were answered, behind the client's back: a thread with a queue.

The delay lets the answer reach the MTA first, so that a worker which dies in between leaves a reservation, and the
client's retry is welcome. What falls due within a moment is committed in one round trip.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from reply_milter.ports import Store, StoreUnavailableError

log = logging.getLogger(__name__)

_GATHER_SECONDS = 0.02  # a round trip each costs this process six times as much, and Redis twice
_BATCH = 200  # Redis does nothing else for as long as it takes: a millisecond or two


class Bounds(NamedTuple):
    """How long a store that gives no answer is left alone, first and at most, and how many commits wait for it."""

    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    waiting: int = 100_000  # 20 MB


class CommitQueue:
    """``delay_seconds`` after ``enqueue``, the reply is committed; and again until the store has answered.

    Commits are idempotent. ``dropped`` hears of each that finds too many waiting.
    """

    def __init__(
        self, store: Store, delay_seconds: float, dropped: Callable[[], None], bounds: Bounds | None = None
    ) -> None:
        self._store = store
        self._delay = delay_seconds
        self._dropped = dropped
        self._bounds = bounds or Bounds()
        self._queue: deque[tuple[float, str]] = deque()  # when it is due, and what
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._committing = False
        self._failures = 0  # in a row
        threading.Thread(target=self._run, name="settler", daemon=True).start()

    def enqueue(self, identifier: str) -> None:
        """See ``ports.Settler``. Never blocks."""
        if len(self._queue) >= self._bounds.waiting:
            # It stays reserved: a replay of it would pass as a retry, with the same id.
            log.warning("a reply is not committed, too many wait for the store: id=%s", identifier)
            self._dropped()
            return
        self._queue.append((time.monotonic() + self._delay, identifier))
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout_seconds: float) -> None:
        """Before an orderly end: wait until what was answered is committed, each after its delay.

        What waits for the store is tried once more; what it does not take then stays reserved.
        """
        self._ending.set()
        deadline = time.monotonic() + timeout_seconds
        while (self._queue or self._committing) and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._queue:
            log.warning("replies that were not committed stay reserved: count=%d", len(self._queue))

    def renew(self, store: Store, delay_seconds: float) -> None:
        """Go on with other settings; what is queued is committed all the same."""
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
        """What has fallen due, taken off the queue."""
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
                log.warning("replies that were not committed stay reserved: count=%d", len(due))
                return
            self._queue.extendleft(reversed(due))
            self._failures += 1
            self._ending.wait(self._pause())
        else:
            self._failures = 0

    def _pause(self) -> float:
        """Seconds until the next try: twice as long each time."""
        doubled = self._bounds.first_seconds * 2.0 ** min(self._failures - 1, 16)
        return min(doubled, self._bounds.longest_seconds)
