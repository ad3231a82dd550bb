"""A separate /dev/log for programs in a chroot that use syslog(3)."""

import re
import socket
import threading
from pathlib import Path


class SystemLog:
    """The /dev/log of a chroot: keeps all log lines."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        path.chmod(0o666)
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while line := self._socket.recv(65536):
            self._lines.append(re.sub(r"^<\d+>", "", line.decode(errors="replace").rstrip("\0\n")))

    def text(self) -> str:
        """Return all lines so far."""
        return "\n".join(self._lines)

    def close(self) -> None:
        """Stop listening."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()
