"""What a supervisor tells its workers: new settings, or to end. Never by signal: libmilter listens to those.

Settings travel as one checked piece, so that no worker reads files which changed after the supervisor looked at them.
They go in a memory file, of which only the descriptor crosses the line: a message of constant size never blocks.
"""

import os
import socket
from contextlib import suppress

_SETTINGS, _END = b"S", b"E"


class OrderLine:
    """One worker's line. The supervisor keeps it and forks; the worker then calls ``taken`` and listens."""

    def __init__(self) -> None:
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._giving.setblocking(False)

    def settle(self, settings: bytes) -> bool:
        """Tell new settings; False if the worker is gone, or has stopped listening long ago."""
        with os.fdopen(os.memfd_create("settings"), "wb") as file:
            file.write(settings)
            file.flush()
            return self._send(_SETTINGS, [file.fileno()])

    def end(self) -> None:
        """Tell it to end."""
        self._send(_END, [])

    def _send(self, order: bytes, descriptors: list[int]) -> bool:
        with suppress(OSError):
            socket.send_fds(self._giving, [order], descriptors)
            return True
        return False

    def close(self) -> None:
        """Let go of both ends: in the supervisor when the worker is gone, in other workers at their start."""
        self._giving.close()
        self._taking.close()

    def release(self) -> None:
        """In the supervisor, after the fork: the worker has the other end."""
        self._taking.close()

    def take_over(self) -> None:
        """In the worker: keep the end that listens, and notice when the supervisor's is closed."""
        self._giving.close()

    def next(self) -> bytes | None:
        """Wait for the next order, in the worker: new settings, or None to end, also when the supervisor is gone."""
        order, descriptors, _, _ = socket.recv_fds(self._taking, 1, 1)
        if order != _SETTINGS or not descriptors:
            return None
        os.lseek(descriptors[0], 0, os.SEEK_SET)
        with os.fdopen(descriptors[0], "rb") as file:
            return file.read()
