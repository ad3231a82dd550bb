"""A Redis that is as far away as a test says."""

import subprocess
import sys
from pathlib import Path

from tests.support.processes.daemon_process import wait_until
from tests.support.stores.redis_under_test import RedisUnderTest


class Distance:
    """A proxy before a Redis; ``milliseconds`` are the way there and back."""

    def __init__(self, folder: Path, server: RedisUnderTest) -> None:
        self.url = f"unix://{folder}/far.sock"
        self._file = folder / "ms"
        self.milliseconds = 0
        program = str(Path(__file__).with_name("latency_proxy.py"))
        socket = folder / "far.sock"
        self._process = subprocess.Popen([sys.executable, program, str(socket), str(server.socket), str(self._file)])
        wait_until(socket.exists, 10, "the proxy listens")

    @property
    def milliseconds(self) -> int:
        """There and back."""
        return int(self._file.read_text())

    @milliseconds.setter
    def milliseconds(self, wanted: int) -> None:
        other = self._file.with_suffix(".new")
        other.write_text(str(wanted))
        other.rename(self._file)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
