"""A redis-server for one test: on a unix socket in its own folder, ended by its process id."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import redis

from tests.support.stores.redis_process import RedisProcess

READY_SECONDS = 10.0
DEBUG = ("--enable-debug-command", "local")
PROGRAM = shutil.which("redis-server")


def eventually(ready: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    """Poll until ``ready``; fail if it never is."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not ready within {seconds} s"
        time.sleep(0.005)


class RedisUnderTest(RedisProcess):
    """``folder`` must be short: a socket's path has at most 107 octets. ``wrapper``: a command that runs it."""

    def __init__(self, folder: Path, *settings: str) -> None:
        super().__init__(redis.Redis(unix_socket_path=str(folder / "redis.sock"), decode_responses=True))
        self.wrapper: tuple[str, ...] = ()
        self.environment: dict[str, str] = {}
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self._settings = settings
        self.raw = redis.Redis(unix_socket_path=str(self.socket))  # like ``side``, for values that are no text

    def start(self, wait: bool = True) -> None:
        """Start it, with the data that the last one left."""
        assert PROGRAM is not None
        fixed = ("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder), "--save", "", *DEBUG)
        self._process = subprocess.Popen(
            [*self.wrapper, PROGRAM, *fixed, *self._settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self.environment},
        )
        eventually(self.answers if wait else self._listens)

    def _listens(self) -> bool:
        """Whether it takes connections; its socket is there a moment earlier."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        """End it as ``RedisProcess`` does, and leave no socket behind."""
        self.raw.close()
        super().stop()
        self.socket.unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        """Of the server, or of what runs it."""
        assert self._process is not None
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self._folder
