"""The listening socket that all workers share: which of them takes the next connection, and when.

The system wakes one worker that waits (EPOLLEXCLUSIVE): of several, the one that began to listen first. So whoever took
a connection listens anew, behind the others. A worker that has many more than another leaves a connection to that one
for a moment, and the one that has so few is woken for each.
"""

import logging
import select
import socket
from typing import Final, final

from reply_milter.adapters.milter_loop.spreading import ConnectionCounts

log = logging.getLogger(__name__)

_YIELD_SECONDS: Final = 0.002  # for which a worker leaves a connection to another one that has fewer
_FULL_SECONDS: Final = 0.1  # for which a worker without free descriptors accepts nothing
_LOOK_SECONDS: Final = 1.0  # after which a worker looks unasked: the one that was woken may have been killed


@final
class Accepting:
    """``counts``: the connections of all workers on ``listening``. ``due``: when to call ``accept`` without an event,
    in monotonic seconds.
    """

    def __init__(self, listening: socket.socket, epoll: select.epoll, counts: ConnectionCounts) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._epoll = epoll
        self._counts = counts
        self.due = 0.0
        self._listen()

    def accept(self, now: float) -> socket.socket | None:
        """Return a new connection; None where there is none, or where it is left to another worker for a moment."""
        if not self._listens:
            self._listen()  # the moment is over
        elif self._counts.has_many_more():
            self._pause(now + _YIELD_SECONDS)
            return None
        self.due = now + _LOOK_SECONDS
        try:
            connected = self._listening.accept()[0]
        except BlockingIOError:
            return None
        except OSError as error:
            log.error("cannot accept a connection of the MTA: %s", error)
            self._pause(now + _FULL_SECONDS)
            return None
        self._took = True
        return connected

    def hold(self, count: int) -> None:
        """Tell the other workers how many connections this one has."""
        self._counts.set(count)
        if self._listens and (self._took or self._counts.has_few() != self._is_woken_for_all):
            self._ignore()
            self._listen()

    def _listen(self) -> None:
        self._is_woken_for_all = self._counts.has_few()
        events = select.EPOLLIN if self._is_woken_for_all else select.EPOLLIN | select.EPOLLEXCLUSIVE
        self._epoll.register(self._listening.fileno(), events)
        self._listens, self._took = True, False

    def _ignore(self) -> None:
        self._epoll.unregister(self._listening.fileno())
        self._listens = False

    def _pause(self, until: float) -> None:
        self._ignore()
        self.due = until
