"""The process of a test's own redis-server or Sentinel, and a client past the store under test."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis


class RedisProcess:
    """A base: who inherits it starts ``_process``. ``side``: a client of its own, for what a test says or looks at."""

    def __init__(self, side: redis.Redis) -> None:
        self.side = side
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """End this process, and no other; one that was halted, too."""
        self.side.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        assert self._process is not None
        self._process.send_signal(number)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have it take connections and answer nothing, for a while."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it is ready to work."""
        try:
            return bool(self.side.ping())
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.BusyLoadingError):
            return False

    def command(self, *words: str | bytes | int) -> Any:
        """Say something to it past the store under test."""
        return self.side.execute_command(*words)  # type: ignore[no-untyped-call]
