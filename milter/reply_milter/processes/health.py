"""Signs of life: the supervisor asks its workers, and tells the service manager what comes of it."""

import logging
import time
from collections.abc import Callable, Mapping

from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.systemd import ServiceManager

log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_POLL_SECONDS = 0.05  # between looks, while a sign of life is awaited
_STORE_PATIENCE_SECONDS = 5.0  # mail is answered without a store, too


class Health:
    """``lines``: to each worker, by slot; they change as workers are started again.

    ``store_answers`` looks once and soon returns. It is asked at the start only.
    """

    def __init__(
        self,
        manager: ServiceManager,
        lines: Mapping[str, ControlChannel],
        store_answers: Callable[[], bool],
        listening: str,
    ) -> None:
        self._manager = manager
        self._lines = lines
        self._store_answers = store_answers
        self._listening = listening
        self._status: str | None = ""  # what to say with the next READY; None if it was said
        self._patience_ends = time.monotonic() + _STORE_PATIENCE_SECONDS
        self._due = 0.0

    def tick(self) -> float:
        """Look after workers and manager; returns the seconds until the next look is due."""
        if not self._manager:
            return _IDLE_SECONDS
        answered = self._all_answered()
        if self._status is not None:
            return self._announce(self._status) if answered else _POLL_SECONDS
        if not self._manager.watchdog_seconds:
            return _IDLE_SECONDS
        now = time.monotonic()
        if answered and now >= self._due:
            self._manager.alive()
            self._ask()
            self._due = now + self._manager.watchdog_seconds / 3
        return max(_POLL_SECONDS, self._due - now)

    def reloading(self) -> None:
        """Settings are about to be read again."""
        self._manager.reloading(time.monotonic())

    def reloaded(self, problem: str = "") -> None:
        """Orders are on their way to the workers; or they are not, because of ``problem``."""
        self._ask()
        self._status = problem

    def ending(self) -> None:
        """The tree is about to be ended."""
        self._manager.stopping()

    def _announce(self, problem: str) -> float:
        if self._patience_ends and not self._store_answers():
            if time.monotonic() < self._patience_ends:
                return _POLL_SECONDS
            log.warning("the store gives no answer yet: started without it")
        self._patience_ends = 0.0
        self._manager.ready(f"{self._listening}; {problem}" if problem else self._listening)
        self._status = None
        return _POLL_SECONDS

    def _all_answered(self) -> bool:
        for line in self._lines.values():
            line.listen()
            if not line.asked:  # a worker that was started since the last look
                line.ask()
        return bool(self._lines) and all(line.heard == line.asked for line in self._lines.values())

    def _ask(self) -> None:
        for line in self._lines.values():
            line.ask()
