"""A socket in place of systemd's: the messages of a daemon to its service manager, in order."""

import os
import select
import socket
import time
from collections.abc import Callable

Told = dict[str, str]


class Manager:
    """``address`` as in NOTIFY_SOCKET: a path, or ``@`` and the name of an abstract socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        if not address.startswith("@"):
            os.chmod(address, 0o722)  # noqa: S103 # the daemon is another user
        self.told: list[Told] = []

    def close(self) -> None:
        """Stop reading."""
        self._socket.close()

    def hear(self, seconds: float) -> bool:
        """Take the next message that comes within ``seconds``; False if none does."""
        if not select.select([self._socket], [], [], max(0.0, seconds))[0]:
            return False
        lines = self._socket.recv(4096).decode().split("\n")
        self.told.append(dict(line.split("=", 1) for line in lines))
        return True

    def until(self, wanted: Callable[[Told], bool], seconds: float = 20) -> Told:
        """Read until a message has ``wanted``; return it."""
        deadline = time.monotonic() + seconds
        while self.hear(deadline - time.monotonic()):
            if wanted(self.told[-1]):
                return self.told[-1]
        raise AssertionError(f"not told in {seconds} s; told so far: {self.told}")

    def silent(self, key: str, seconds: float) -> bool:
        """Return whether no message has ``key`` for ``seconds``."""
        deadline = time.monotonic() + seconds
        while self.hear(deadline - time.monotonic()):
            if key in self.told[-1]:
                return False
        return True
