"""Commits replies some time after they were answered, behind the client's back: a thread with a queue.

The delay lets the answer reach the MTA first, so that a worker which dies in between leaves a reservation, and the
client's retry is welcome. What falls due within a moment is committed in one round trip.
"""

import logging
import threading
import time
from collections import deque

from reply_milter.ports import Store, StoreUnavailableError

log = logging.getLogger(__name__)

_TRIES = 30  # a failover of the store takes seconds, and some take many
_RETRY_SECONDS = 1.0
_QUEUE_LIMIT = 100_000
_GATHER_SECONDS = 0.02  # a round trip each costs this process six times as much, and Redis twice
_BATCH = 200  # Redis does nothing else for as long as it takes: a millisecond or two


class SettlingThread:
    """``delay_seconds`` after ``settle``, the reply is committed. Commits are idempotent, so they are tried again."""

    def __init__(self, store: Store, delay_seconds: float) -> None:
        self._store = store
        self._delay = delay_seconds
        self._queue: deque[tuple[float, str, int]] = deque(maxlen=_QUEUE_LIMIT)
        self._wake = threading.Event()
        self._committing = False
        threading.Thread(target=self._run, name="settler", daemon=True).start()

    def settle(self, identifier: str) -> None:
        """See ``ports.Settler``. Never blocks."""
        self._queue.append((time.monotonic() + self._delay, identifier, _TRIES))
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout_seconds: float) -> None:
        """Before an orderly end: wait until what was answered is committed, each after its delay."""
        deadline = time.monotonic() + timeout_seconds
        while (self._queue or self._committing) and time.monotonic() < deadline:
            time.sleep(0.01)

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

    def _due(self) -> dict[str, int]:
        """What has fallen due, taken off the queue: how many more tries each has."""
        now = time.monotonic()
        due: dict[str, int] = {}
        while self._queue and self._queue[0][0] <= now and len(due) < _BATCH:
            _, identifier, tries = self._queue.popleft()
            due[identifier] = tries
        return due

    def _commit(self, due: dict[str, int]) -> None:
        try:
            self._store.commit_all(list(due))
        except StoreUnavailableError:
            again = time.monotonic() + _RETRY_SECONDS
            for identifier, tries in due.items():
                if tries > 1:
                    self._queue.append((again, identifier, tries - 1))
                else:
                    # It stays reserved: a replay of it would pass as a retry, with the same id.
                    log.warning("a reply could not be committed: id=%s", identifier)
