"""Commits replies some time after they were answered, behind the client's back: a thread with a queue.

The delay lets the answer reach the MTA first, so that a worker which dies in between leaves a reservation, and the
client's retry is welcome.
"""

import logging
import threading
import time
from collections import deque

from reply_milter.ports import Store, StoreUnavailableError

log = logging.getLogger(__name__)

_TRIES = 5
_RETRY_SECONDS = 1.0
_QUEUE_LIMIT = 100_000


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
            while self._queue:
                self._committing = True
                due, identifier, tries = self._queue.popleft()
                time.sleep(max(0.0, due - time.monotonic()))
                self._commit(identifier, tries)
                self._committing = False

    def _commit(self, identifier: str, tries: int) -> None:
        try:
            self._store.commit(identifier)
        except StoreUnavailableError:
            if tries > 1:
                self._queue.append((time.monotonic() + _RETRY_SECONDS, identifier, tries - 1))
            else:
                # It stays reserved: a replay of it would pass as a retry, with the same id.
                log.warning("a reply could not be committed: id=%s", identifier)
