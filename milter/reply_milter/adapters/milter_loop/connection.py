"""A socket of the MTA: what it sends goes to its session, and answers go back, also to an MTA that stalls."""

import select
import socket
from functools import partial
from typing import Final, final

from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.session import Session

_RECEIVED: Final = 65536  # octets at a time
_GONE: Final = (ConnectionError, TimeoutError, OSError)


@final
class Connection:
    """``epoll`` has this socket; ``last``: when the MTA last sent or took something, in monotonic seconds."""

    __slots__ = ("_epoll", "_socket", "_unsent", "_watched", "descriptor", "is_closed", "last", "session")

    def __init__(self, connected: socket.socket, epoll: select.epoll, hooks: Hooks, now: float) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._epoll = epoll
        self._unsent = b""
        self._watched = int(select.EPOLLIN)
        self.descriptor: Final = connected.fileno()
        self.is_closed = False
        self.last = now
        self.session: Final = Session(hooks, partial(_has_hung_up, connected))
        epoll.register(self.descriptor, self._watched)

    @property
    def is_busy(self) -> bool:
        """Whether a message is on its way, or an answer that the MTA has not taken."""
        steps = self.session.steps
        if steps.question is not None:
            return True
        return not self.is_closed and (steps.in_message or bool(steps.answers) or bool(self._unsent))

    def on_event(self, event: int, now: float) -> None:
        """Take what has arrived, or write what the MTA had no room for. ``flush`` sends the answers."""
        self.last = now
        if self._unsent:
            self._send(self._unsent)
        elif self.session.has_more:
            self.session.proceed()
        elif not event & select.EPOLLIN:
            self.close()
        elif self.session.steps.question is None:
            self._read()
        else:  # nothing is read while the store is asked
            self._watch(0)

    def _read(self) -> None:
        """Read once, so that no connection keeps the others waiting."""
        try:
            octets = self._socket.recv(_RECEIVED)
        except BlockingIOError:
            return
        except _GONE:
            octets = b""
        if octets:
            self.session.take(octets)
        else:
            self.close()

    def flush(self) -> None:
        """Send the answers that there are, all in one go; close what has ended."""
        if self.is_closed:
            return
        answers = self.session.steps.answers
        if answers:
            octets = answers[0] if len(answers) == 1 else b"".join(answers)
            answers.clear()
            self._send(self._unsent + octets if self._unsent else octets)
        elif self.session.has_ended and not self._unsent:
            self.close()
        elif self.session.steps.question is None:
            self._go_on()

    def _send(self, octets: bytes) -> None:
        try:
            sent = self._socket.send(octets)
        except BlockingIOError:
            sent = 0
        except _GONE:
            self.close()
            return
        self._unsent = octets[sent:]
        if self._unsent:
            self._watch(select.EPOLLOUT)
        elif self.session.has_ended:
            self.close()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Have the next turn read, or carry out what is left: that comes at once, as an MTA can be written to."""
        self._watch(select.EPOLLOUT if self._unsent or self.session.has_more else select.EPOLLIN)

    def _watch(self, events: int) -> None:
        if events != self._watched:
            self._watched = events
            self._epoll.modify(self.descriptor, events)

    def answered(self, answer: object, failure: Exception | None) -> None:
        """Give the session the store's answer."""
        self.session.answered(answer, failure)
        if self.is_closed:
            self.session.close()

    def close(self) -> None:
        """Hang up, and forget the message; a question to the store goes on to its end."""
        if not self.is_closed:
            self.is_closed = True
            self._socket.close()  # epoll forgets it by itself
        self.session.close()


def _has_hung_up(connected: socket.socket) -> bool:
    """Whether the MTA has hung up, or we have. What it may have sent stays to be read.

    No method: a connection that its own steps refer to is kept until the garbage is collected.
    """
    try:
        return not connected.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
