"""Reports to systemd: ready, reloading, stopping, alive. The protocol of sd_notify(3)."""

import socket
from collections.abc import MutableMapping
from contextlib import suppress


class ServiceManager:
    """The manager that started this process; without one (an empty address) nothing is sent. Datagrams never block.

    ``watchdog_seconds``: it kills the service if ``alive`` is not called for so long; 0 for no watchdog.
    """

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address  # an abstract socket, unix(7)
        self.watchdog_seconds = watchdog_seconds if address else 0.0

    @classmethod
    def of(cls, environment: MutableMapping[str, str], pid: int) -> "ServiceManager":
        """Read the manager's variables in ``environment`` and remove them: only the process ``pid`` may report."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        watched = environment.pop("WATCHDOG_PID", str(pid)) == str(pid)
        return cls(address, int(microseconds) / 1e6 if watched and microseconds.isdecimal() else 0.0)

    def __bool__(self) -> bool:
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Report that everything runs, or that a reload is done."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self, monotonic_seconds: float) -> None:
        """Report a reload that began at ``monotonic_seconds`` of CLOCK_MONOTONIC; ``ready`` must follow."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_seconds * 1e6)}")

    def stopping(self) -> None:
        """Report that the end has begun."""
        self._send("STOPPING=1", "STATUS=ending")

    def alive(self) -> None:
        """Report a sign of life: the watchdog's time begins again."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A manager that is gone, or slow, is no reason to stop taking mail.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sending:
            sending.sendto("\n".join(lines).encode(), self._address)
