"""Milter sockets: opened once by the supervisor, and listened on by every process that it forks.

libmilter keeps one listening socket per process, in a variable that no caller can set. A supervisor of two kinds of
milters has two sockets. So each process has libmilter open an unused socket, and puts the real one in its place.
"""

import os
import socket
import tempfile
from contextlib import suppress

import Milter

_BACKLOG = 512


class ListenError(Exception):
    """The milter socket cannot be opened; the message says why."""


def listen(path: str, host: str, port: int) -> socket.socket:
    """Listen on ``path``, or on ``host`` and ``port``. Only this user may connect to a ``path`` yet.

    Raises:
        ListenError: another program listens there, or this user may not.
    """
    family = socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    mask = os.umask(0o177)
    try:
        if not path:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit it. libmilter writes each edit and the answer by itself: without this, the second
            # write waits until the MTA acknowledges the first, which takes it 40 ms (RFC 9293 section 3.7.4).
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(path or (host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        place = path or f"{host} port {port}"
        raise ListenError(f"cannot listen on {place}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    return listening


def adopt(listening: socket.socket) -> None:
    """Let libmilter answer connections to ``listening``: put it where libmilter keeps its own, of the same family.

    Call it once, after ``MilterCallbacks.register`` and while no other thread opens files.
    """
    before = _descriptors()
    if listening.family is socket.AF_UNIX:
        with tempfile.TemporaryDirectory() as folder:
            _open(f"unix:{folder}/unused")
    else:
        _open("inet6:0@::1" if listening.family is socket.AF_INET6 else "inet:0@127.0.0.1")
    (own,) = _descriptors() - before
    os.dup2(listening.fileno(), own, inheritable=False)


def serve() -> None:
    """Answer connections to the adopted socket. It returns only after an error: a signal ends the process."""
    Milter.milter.main()


def _open(place: str) -> None:
    Milter.milter.setconn(place)
    try:
        Milter.milter.opensocket(False)
    except Milter.error as error:
        raise ListenError(f"libmilter cannot open {place}") from error


def _descriptors() -> set[int]:
    """The open descriptors of this process, without the one that reads the list."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            os.fstat(int(name))
            found.add(int(name))
    return found
