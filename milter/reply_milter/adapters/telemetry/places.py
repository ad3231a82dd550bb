"""Who is let in to the page, and who must go: each address, or user of this host, has a place of its own."""

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
    """A connection, whose place it takes, and since when (monotonic seconds). ``asked``: its request has been read."""

    connection: socket.socket
    place: str
    client: Any = None  # its address, as ``accept`` gives it
    since: float = field(default_factory=time.monotonic)
    asked: bool = False

    def hang_up(self) -> None:
        """Wake the thread that waits for it. Past TLS, which another thread may be busy with."""
        with suppress(OSError):  # it is gone already
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)


def one_too_many(guests: Sequence[Guest]) -> Guest:
    """Who of all, in the order in which they came, must go: one of the place that has most, the last of these first.

    So who is being answered is answered to the end, and who has no place yet gets one.
    """
    counts = Counter(guest.place for guest in guests)
    most = max(counts.values())
    place = next(guest.place for guest in reversed(guests) if counts[guest.place] == most)
    return next(guest for guest in reversed(guests) if guest.place == place)


class Lobby:
    """Connections that have said nothing yet. One thread uses this. ``longest_seconds`` as for ``Guests``."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds * _REQUEST_PART
        self._all: dict[int, Guest] = {}  # by descriptor, in the order in which they came
        self._by_place: dict[str, dict[int, Guest]] = {}

    def come(self, guest: Guest) -> Guest | None:
        """One more; who must go for it: the oldest of the place that has most, and had time enough to speak."""
        descriptor = guest.connection.fileno()
        self._all[descriptor] = self._by_place.setdefault(guest.place, {})[descriptor] = guest
        if len(self._all) <= MOST_SILENT:
            return None
        crowd = max(self._by_place.values(), key=len)
        return self.take(next(iter(crowd)))

    def take(self, descriptor: int) -> Guest | None:
        """Let go of one."""
        guest = self._all.pop(descriptor, None)
        if guest is not None:
            crowd = self._by_place[guest.place]
            del crowd[descriptor]
            if not crowd:
                del self._by_place[guest.place]
        return guest

    def oldest(self) -> Guest | None:
        """Let go of the one that came first."""
        return self.take(next(iter(self._all))) if self._all else None

    def late(self) -> list[Guest]:
        """Let go of those that should have said by now what they want."""
        latest = time.monotonic() - self._longest
        late = [descriptor for descriptor, guest in self._all.items() if guest.since < latest]
        return [guest for descriptor in late if (guest := self.take(descriptor)) is not None]


class Guests:
    """All connections. Thread-safe. ``longest_seconds``: after which one is ended."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._all: list[Guest] = []
        self._answering: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def come(self, guest: Guest) -> bool:
        """One more; if it is one too many, at the cost of another, or it must go itself: False."""
        with self._lock:
            self._all.append(guest)
            if len(self._all) <= MOST_CONNECTIONS:
                return True
            leaving = one_too_many(self._all)
            self._all.remove(leaving)
        leaving.hang_up()
        return leaving is not guest

    def gone(self, guest: Guest) -> None:
        """Its thread has ended."""
        with self._lock:
            if guest in self._all:
                self._all.remove(guest)
            if not any(other.place == guest.place for other in self._all):
                self._answering.pop(guest.place, None)

    def turn(self, place: str) -> threading.Lock:
        """For who makes an answer: those of one place wait for each other, and take no time from the others."""
        with self._lock:
            return self._answering.setdefault(place, threading.Lock())

    def is_here(self, guest: Guest) -> bool:
        """Whether nobody has ended it meanwhile, and it has time left."""
        return guest in self._all and time.monotonic() - guest.since < self._longest

    def end_late(self) -> None:
        """End what has taken too long, drop by drop, or has not said soon enough what it wants."""
        now = time.monotonic()
        with self._lock:
            late = [
                guest
                for guest in self._all
                if now - guest.since > self._longest * (1.0 if guest.asked else _REQUEST_PART)
            ]
        for guest in late:
            guest.hang_up()
