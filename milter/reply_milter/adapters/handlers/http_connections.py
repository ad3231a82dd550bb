"""Connections for HTTP/1.1 requests (RFC 9112) that stay open for a moment, and end each step by one deadline.

http.client writes requests and reads answers; but it knows no deadline, and would wait anew for each octet of a server
that drips. So its socket is a ``Wire``.

A connection stays open after an answer, for the next request to the same host: an encrypted one costs more than all the
rest. It is closed soon, because a server closes it sooner or later, too, and a request that meets the end of its
connection may have been carried out.
"""

import http.client
import os
import select
import socket
import ssl
import threading
import time
from functools import cache
from typing import NamedTuple

from reply_milter.ports.delivery import Names

IDLE_SECONDS = 1.0  # servers close idle connections after two seconds and more
_CHUNK = 1 << 16
_ANSWER_OCTETS = 1 << 18  # of the header of an answer, those before the final one included
_INTERIM = 10  # answers of 1xx before the final one


class Place(NamedTuple):
    """Where a request goes. A connection was verified for one name, so it serves that name alone."""

    is_encrypted: bool
    host: str
    port: int


class Wire:
    """A connection: what http.client needs of a socket and its file. Every step ends by ``deadline`` (monotonic)."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received = bytearray()
        self._octets_left = 0
        self.deadline = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether the server said nothing by itself: not even that it closes the connection."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return not self._received and not poller.poll(0)

    def allow(self, octets: int) -> None:
        """Let the server send so many octets from now on, beyond what has arrived."""
        self._octets_left = octets

    def sendall(self, octets: bytes) -> None:
        """Send all of ``octets``; http.client calls this."""
        view = memoryview(octets)
        while view:
            self._socket.settimeout(self._left())
            view = view[self._socket.send(view[:_CHUNK]) :]

    def makefile(self, _mode: str) -> "Wire":
        """Return what answers are read from; http.client calls this."""
        return self

    def readline(self, limit: int) -> bytes:
        """Read a line with its end, or ``limit`` octets of it; http.client calls this."""
        looked = 0
        while (end := self._received.find(b"\n", looked, limit) + 1) == 0 and len(self._received) < limit:
            looked = len(self._received)
            if not self._receive():
                break
        return self._taken(end or limit)

    def read(self, count: int) -> bytes:
        """Read ``count`` octets, fewer at the end of the connection; http.client calls this."""
        while len(self._received) < count and self._receive():
            pass
        return self._taken(count)

    def flush(self) -> None:
        """Do nothing; http.client calls this."""

    def close(self) -> None:
        """Do nothing: it is called after each answer. See ``end``."""

    def end(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> bool:
        self._socket.settimeout(self._left())
        octets = self._socket.recv(_CHUNK)
        self._octets_left -= len(octets)
        if self._octets_left < 0:
            raise http.client.LineTooLong("answer")
        self._received += octets
        return bool(octets)

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Connections:
    """Those of one process. Threads share it, and each has a connection alone while it uses it."""

    def __init__(self) -> None:
        self._idle: dict[Place, list[tuple[float, Wire]]] = {}  # with the time since when
        self._lock = threading.Lock()
        self._closes = False

    def take(self, place: Place, names: Names, deadline: float) -> Wire:
        """Return an idle connection, or a new one.

        Raises:
            NameLookupError: the host has no address.
            OSError: there is no connection in time, or its certificate is not good.
        """
        wire = self._taken(place) or Wire(names.reach(place.host, deadline - time.monotonic(), _Dial(place)))
        wire.deadline = deadline
        return wire

    def give_back(self, place: Place, wire: Wire) -> None:
        """Keep a connection for a moment; all that was asked on it is answered."""
        with self._lock:
            self._idle.setdefault(place, []).append((time.monotonic(), wire))
            if not self._closes:
                self._closes = True
                threading.Thread(target=self._close_old, name="idle connections", daemon=True).start()

    def _taken(self, place: Place) -> Wire | None:
        while True:
            with self._lock:
                idle = self._idle.get(place)
                if not idle:
                    return None
                since, wire = idle.pop()
            if time.monotonic() - since < IDLE_SECONDS and wire.is_silent:
                return wire
            wire.end()

    def _close_old(self) -> None:
        """Close what was idle for too long, until nothing is idle."""
        goes_on = True
        while goes_on:
            time.sleep(IDLE_SECONDS)
            before = time.monotonic() - IDLE_SECONDS
            with self._lock:
                old = [wire for idle in self._idle.values() for since, wire in idle if since <= before]
                young = {place: [one for one in idle if one[0] > before] for place, idle in self._idle.items()}
                self._idle = {place: idle for place, idle in young.items() if idle}
                self._closes = goes_on = bool(self._idle)
            for wire in old:
                wire.end()


class _Dial:
    """Connects to one address of a place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __call__(self, address: str, seconds: float) -> socket.socket:
        deadline = time.monotonic() + seconds
        plain = socket.create_connection((address, self._place.port), seconds)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._place.is_encrypted:
                return plain
            plain.settimeout(max(deadline - time.monotonic(), 0.001))  # for the whole handshake
            return _trusted().wrap_socket(plain, server_hostname=self._place.host)
        except BaseException:
            plain.close()
            raise


@cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that certificates are verified with: the system's. To read them takes 25 ms of CPU."""
    return ssl.create_default_context()


def connections() -> Connections:
    """Return those of this process: a fork must not use the connections of its parent."""
    return _connections(os.getpid())


@cache
def _connections(_pid: int) -> Connections:
    return Connections()


def final_answer(wire: Wire) -> http.client.HTTPResponse:
    """Read an answer to a POST up to its body; what comes before the final one is passed over (RFC 9110 section 15.2).

    Raises:
        http.client.HTTPException: it is none.
        OSError: the connection is lost, or the deadline is over.
    """
    wire.allow(_ANSWER_OCTETS)
    for _ in range(_INTERIM):
        response = http.client.HTTPResponse(wire, method="POST")  # type: ignore[arg-type] # what it needs of a socket
        response.begin()
        if response.status >= 200:
            return response
    raise http.client.BadStatusLine("only interim answers")
