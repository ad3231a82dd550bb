"""What systemd is told: ready, reloading, stopping, and that we are alive. The protocol of sd_notify(3)."""

import socket
from collections.abc import MutableMapping
from contextlib import suppress


class ServiceManager:
    """The manager that started this process, or nobody: then nothing is sent. Datagrams never block.

    ``watchdog_seconds``: how long it waits for ``alive`` before it ends us; 0 if it doesn't watch.
    """

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address  # an abstract socket, unix(7)
        self.watchdog_seconds = watchdog_seconds if address else 0.0

    @classmethod
    def of(cls, environment: MutableMapping[str, str], pid: int) -> "ServiceManager":
        """Take what it left in ``environment`` out of there: no child may speak in the name of ``pid``."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        watched = environment.pop("WATCHDOG_PID", str(pid)) == str(pid)
        return cls(address, int(microseconds) / 1e6 if watched and microseconds.isdecimal() else 0.0)

    def __bool__(self) -> bool:
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Everything is up, or settled again after a reload."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self, monotonic_seconds: float) -> None:
        """Settings are being read again, since ``monotonic_seconds`` of CLOCK_MONOTONIC; ``ready`` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_seconds * 1e6)}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1", "STATUS=ending")

    def alive(self) -> None:
        """Put the watchdog's time back."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A manager that is gone, or slow, is no reason to stop taking mail.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sending:
            sending.sendto("\n".join(lines).encode(), self._address)
