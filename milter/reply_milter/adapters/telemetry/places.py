"""Which connections to the page are kept, and which are closed: each address, or user of this host, has a place."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

MOST_CONNECTIONS = 48  # a thread each
MOST_SILENT = 256  # a descriptor each
_REQUEST_PART = 0.3  # of the longest time: until the request must be there, TLS and all


@dataclass(slots=True, eq=False)
class Guest:
    """A connection: its place, and since when it lasts (monotonic seconds). ``asked``: its request has been read."""

    connection: socket.socket
    place: str
    client: Any = None  # its address, as ``accept`` gives it
    since: float = field(default_factory=time.monotonic)
    asked: bool = False

    def hang_up(self) -> None:
        """Shut it down, which wakes its thread. It bypasses TLS, which that thread may be using."""
        with suppress(OSError):  # it was closed already
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)


def one_too_many(guests: Sequence[Guest]) -> Guest:
    """Choose the connection to close, of ``guests`` in order of arrival: the last one of the place with the most.

    So a connection that is being answered is answered to the end, and a new place gets its first connection.
    """
    counts = Counter(guest.place for guest in guests)
    most = max(counts.values())
    place = next(guest.place for guest in reversed(guests) if counts[guest.place] == most)
    return next(guest for guest in reversed(guests) if guest.place == place)


class Lobby:
    """Connections that have sent nothing yet. One thread uses this. ``longest_seconds`` as for ``Guests``."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds * _REQUEST_PART
        self._all: dict[int, Guest] = {}  # by descriptor, in the order in which they came
        self._by_place: dict[str, dict[int, Guest]] = {}

    def come(self, guest: Guest) -> Guest | None:
        """Add one; return the one to close if they are too many: the oldest of the place with the most."""
        descriptor = guest.connection.fileno()
        self._all[descriptor] = self._by_place.setdefault(guest.place, {})[descriptor] = guest
        if len(self._all) <= MOST_SILENT:
            return None
        crowd = max(self._by_place.values(), key=len)
        return self.take(next(iter(crowd)))

    def take(self, descriptor: int) -> Guest | None:
        """Remove one and return it; None if it is not here."""
        guest = self._all.pop(descriptor, None)
        if guest is not None:
            crowd = self._by_place[guest.place]
            del crowd[descriptor]
            if not crowd:
                del self._by_place[guest.place]
        return guest

    def oldest(self) -> Guest | None:
        """Remove the oldest and return it."""
        return self.take(next(iter(self._all))) if self._all else None

    def late(self) -> list[Guest]:
        """Remove and return those that have sent nothing for too long."""
        latest = time.monotonic() - self._longest
        late = [descriptor for descriptor, guest in self._all.items() if guest.since < latest]
        return [guest for descriptor in late if (guest := self.take(descriptor)) is not None]


class Guests:
    """Connections that have sent something. Thread-safe. ``longest_seconds``: after which one is closed."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._all: list[Guest] = []
        self._answering: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def come(self, guest: Guest) -> bool:
        """Add one, and close one if they are too many; return False if that is the new one."""
        with self._lock:
            self._all.append(guest)
            if len(self._all) <= MOST_CONNECTIONS:
                return True
            leaving = one_too_many(self._all)
            self._all.remove(leaving)
        leaving.hang_up()
        return leaving is not guest

    def gone(self, guest: Guest) -> None:
        """Remove one whose thread ends."""
        with self._lock:
            if guest in self._all:
                self._all.remove(guest)
            if not any(other.place == guest.place for other in self._all):
                self._answering.pop(guest.place, None)

    def turn(self, place: str) -> threading.Lock:
        """Return the lock to hold while answering: clients of one place wait for each other, and delay no others."""
        with self._lock:
            return self._answering.setdefault(place, threading.Lock())

    def is_here(self, guest: Guest) -> bool:
        """Return whether it was not closed meanwhile, and has time left."""
        return guest in self._all and time.monotonic() - guest.since < self._longest

    def end_late(self) -> None:
        """Close connections that last too long, or whose request is not complete in time."""
        now = time.monotonic()
        with self._lock:
            late = [
                guest
                for guest in self._all
                if now - guest.since > self._longest * (1.0 if guest.asked else _REQUEST_PART)
            ]
        for guest in late:
            guest.hang_up()
