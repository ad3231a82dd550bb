"""What a supervisor tells its workers: new settings, to end, or to give a sign of life. Never by signal: libmilter
listens to those.

Settings travel as one checked piece, so that no worker reads files which changed after the supervisor looked at them.
They go in a memory file, of which only the descriptor crosses the line: a message of constant size never blocks.
"""

import os
import socket
from contextlib import suppress

_SETTINGS, _END, _ALIVE = b"S", b"E", b"A"


class ControlChannel:
    """One worker's line. The supervisor keeps it and forks; the worker then calls ``taken`` and listens."""

    def __init__(self) -> None:
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._giving.setblocking(False)
        self.asked = self.heard = 0  # signs of life, in the supervisor

    def send_settings(self, settings: bytes) -> bool:
        """Tell new settings; False if the worker is gone, or has stopped listening long ago."""
        with os.fdopen(os.memfd_create("settings"), "wb") as file:
            file.write(settings)
            file.flush()
            return self._send(_SETTINGS, [file.fileno()])

    def end(self) -> None:
        """Tell it to end."""
        self._send(_END, [])

    def ask(self) -> None:
        """Ask for a sign of life. It comes when all earlier orders have been carried out."""
        self._send(_ALIVE, [])
        self.asked += 1  # also of one who is gone: then no answer comes

    def listen(self) -> None:
        """Take note of what was answered so far."""
        with suppress(OSError):
            while self._giving.recv(1) == _ALIVE:
                self.heard += 1

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
        while order == _ALIVE:
            with suppress(OSError):
                self._taking.send(_ALIVE)
            order, descriptors, _, _ = socket.recv_fds(self._taking, 1, 1)
        if order != _SETTINGS or not descriptors:
            return None
        os.lseek(descriptors[0], 0, os.SEEK_SET)
        with os.fdopen(descriptors[0], "rb") as file:
            return file.read()
