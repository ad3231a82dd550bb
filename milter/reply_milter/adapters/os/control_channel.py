"""The channel from the supervisor to one worker: new settings, the order to end, pings. Signals would stop libmilter.

The supervisor sends settings that it has checked, as one piece, so no worker reads files that changed afterwards. They
are in a memory file, and only its descriptor is sent: a message of constant size never blocks.
"""

import os
import socket
from contextlib import suppress

_SETTINGS, _END, _PING = b"S", b"E", b"A"


class ControlChannel:
    """One worker's channel, made before the fork: then the worker calls ``take_over``, the supervisor ``release``."""

    def __init__(self) -> None:
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._giving.setblocking(False)
        self.pings = self.answers = 0  # counted in the supervisor

    def send_settings(self, settings: bytes) -> bool:
        """Send new settings. Return False if the worker has died, or has not read for hundreds of messages."""
        with os.fdopen(os.memfd_create("settings"), "wb") as file:
            file.write(settings)
            file.flush()
            return self._send(_SETTINGS, [file.fileno()])

    def end(self) -> None:
        """Send the order to end."""
        self._send(_END, [])

    def ping(self) -> None:
        """Ask for a sign of life. The worker answers when it has carried out everything sent before."""
        self._send(_PING, [])
        self.pings += 1  # also if the worker has died: then no answer comes

    def count_answers(self) -> None:
        """Count the answers that have arrived."""
        with suppress(OSError):
            while self._giving.recv(1) == _PING:
                self.answers += 1

    def _send(self, message: bytes, descriptors: list[int]) -> bool:
        with suppress(OSError):
            socket.send_fds(self._giving, [message], descriptors)
            return True
        return False

    def close(self) -> None:
        """Close both ends: in the supervisor after the worker has died, in other workers at their start."""
        self._giving.close()
        self._taking.close()

    def release(self) -> None:
        """Close the worker's end, in the supervisor after the fork."""
        self._taking.close()

    def take_over(self) -> None:
        """Close the supervisor's end, in the worker, so that the worker notices when the supervisor has died."""
        self._giving.close()

    def next(self) -> bytes | None:
        """Wait for new settings, in the worker, and answer pings; None: it must end, or the supervisor has died."""
        message, descriptors, _, _ = socket.recv_fds(self._taking, 1, 1)
        while message == _PING:
            with suppress(OSError):
                self._taking.send(_PING)
            message, descriptors, _, _ = socket.recv_fds(self._taking, 1, 1)
        if message != _SETTINGS or not descriptors:
            return None
        os.lseek(descriptors[0], 0, os.SEEK_SET)
        with os.fdopen(descriptors[0], "rb") as file:
            return file.read()
