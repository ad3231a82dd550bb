"""Health: the supervisor pings its workers, and reports the result to the service manager."""

import logging
import time
from collections.abc import Callable, Mapping

from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.systemd import ServiceManager

log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_POLL_SECONDS = 0.05  # between checks for an answer
_STORE_PATIENCE_SECONDS = 5.0  # after so long, the start is reported without the store


class Health:
    """``channels``: to each worker, by slot; a restarted worker has a new one.

    ``store_answers`` tries once and returns soon. It is called at the start only.
    """

    def __init__(
        self,
        manager: ServiceManager,
        channels: Mapping[str, ControlChannel],
        store_answers: Callable[[], bool],
        listening: str,
    ) -> None:
        self._manager = manager
        self._channels = channels
        self._store_answers = store_answers
        self._listening = listening
        self._status: str | None = ""  # to report with the next READY; None if it was reported
        self._patience_ends = time.monotonic() + _STORE_PATIENCE_SECONDS
        self._due = 0.0

    def tick(self) -> float:
        """Ping workers, and report to the manager; return the seconds until the next call is due."""
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
            self._ping()
            self._due = now + self._manager.watchdog_seconds / 3
        return max(_POLL_SECONDS, self._due - now)

    def reloading(self) -> None:
        """Report that settings are being read again."""
        self._manager.reloading(time.monotonic())

    def reloaded(self, problem: str = "") -> None:
        """Report readiness as soon as workers have applied the new settings; or ``problem``, why there are none."""
        self._ping()
        self._status = problem

    def ending(self) -> None:
        """Report that the daemon is ending."""
        self._manager.stopping()

    def _announce(self, problem: str) -> float:
        if self._patience_ends and not self._store_answers():
            if time.monotonic() < self._patience_ends:
                return _POLL_SECONDS
            log.warning("the store does not answer yet; started without it")
        self._patience_ends = 0.0
        self._manager.ready(f"{self._listening}; {problem}" if problem else self._listening)
        self._status = None
        return _POLL_SECONDS

    def _all_answered(self) -> bool:
        for channel in self._channels.values():
            channel.count_answers()
            if not channel.pings:  # a worker that was started since the last look
                channel.ping()
        return bool(self._channels) and all(channel.answers == channel.pings for channel in self._channels.values())

    def _ping(self) -> None:
        for channel in self._channels.values():
            channel.ping()
