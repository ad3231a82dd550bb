"""The loop of one worker: one thread, any number of connections of MTAs.

A turn: read what has arrived and carry out its commands; ask the store what the steps of this turn need of it; write
the log lines; send each connection its answers. No step waits: a connection whose step has asked goes on when the
answer is there.
"""

import logging
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Final, final

from reply_milter.adapters.milter_loop.accepting import Accepting
from reply_milter.adapters.milter_loop.asking import Asking, PipelineOf
from reply_milter.adapters.milter_loop.connection import Connection
from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.spreading import ConnectionCounts
from reply_milter.ports import ConnectionTelemetry, Conversation

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 7200.0  # as with libmilter; Postfix keeps a connection for an hour at most
_SWEEP_SECONDS: Final = 60.0


@final
class MilterLoop:
    """``converse`` starts a conversation with a client, given its IP address; ``telemetry`` counts that client's steps.

    ``accepts_early``: whether DATA may end a message. ``counts``: the connections of all workers on the same socket.
    ``pipeline_of``: makes a store's pipeline, or returns None for a store that has none. ``write_log``: is called
    before the answers of a turn go out.
    """

    def __init__(
        self,
        converse: Callable[[str], Conversation],
        telemetry: Callable[[str], ConnectionTelemetry],
        accepts_early: Callable[[], bool],
        counts: ConnectionCounts,
        pipeline_of: PipelineOf,
        write_log: Callable[[], None],
    ) -> None:
        self._told: Final = (converse, telemetry, accepts_early)
        self._counts = counts
        self._connections: dict[int, Connection] = {}
        self._leaving: set[Connection] = set()  # closed, with a question open
        self._served: list[Connection] = []  # in this turn
        self._pipeline_of = pipeline_of
        self._write_log = write_log
        self._sweep_at = self._answer_at = 0.0

    @property
    def idle(self) -> bool:
        """Whether no message is on its way, and no answer to one. Another thread asks."""
        return not self._leaving and not any(one.is_busy for one in list(self._connections.values()))

    def prepare(self, listening: socket.socket) -> None:
        """Get ready to answer connections to ``listening``."""
        self._hooks = Hooks(*self._told, over_tcp=listening.family is not socket.AF_UNIX)
        self._epoll = select.epoll()
        self._accepting = Accepting(listening, self._epoll, self._counts)
        self._asking = Asking(self._epoll, self._give, self._pipeline_of)

    def serve(self) -> None:
        """Answer for ever: a signal ends the process."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Wait until something happens or is due, and see to all of it."""
        self._turn(self._epoll.poll(self._patience()))

    def _patience(self) -> float:
        """Return for how many seconds nothing is due."""
        self._answer_at = self._asking.deadline
        return max(0.0, min(self._sweep_at, self._answer_at, self._accepting.due) - time.monotonic())

    def _turn(self, events: list[tuple[int, int]]) -> None:
        now = time.monotonic()
        accepts = answered = False
        for descriptor, event in events:
            connection = self._connections.get(descriptor)
            if connection is not None:
                self._serve(connection, connection.on_event, event, now)
            elif self._asking.owns(descriptor):
                answered = True
            else:
                accepts = True
        if accepts or now >= self._accepting.due:  # behind the events: one may be of a descriptor that was closed now
            self._accept(now)
        if answered or now >= self._answer_at:
            self._asking.collect()
        self._asking.send()
        self._answer()
        if now >= self._sweep_at:
            self._sweep(now)

    def _serve(self, connection: Connection, step: Callable[[Any, Any], None], one: Any, other: Any) -> None:
        """Let a connection go on, and note what it asks of the store. An accident of ours ends it: its MTA defers."""
        try:
            step(one, other)
        except Exception:
            log.exception("hung up on the MTA")
            connection.close()
        self._served.append(connection)
        question = connection.session.steps.question
        if question is not None and question.is_new:  # a claim is sent once
            question.is_new = False
            self._asking.add(connection, question)

    def _give(self, connection: Connection, answer: Any, failure: Exception | None) -> None:
        self._serve(connection, connection.answered, answer, failure)

    def _answer(self) -> None:
        """Write what this turn has to log, then send its answers; forget who has left."""
        served, self._served = self._served, []
        if served:
            self._write_log()
        for connection in served:
            try:
                connection.flush()
            except Exception:
                log.exception("hung up on the MTA")
                connection.close()
            if connection.is_closed:
                self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """Forget a closed connection, but for a question that it has open: that goes on to its end."""
        if connection.is_busy:
            self._leaving.add(connection)
        else:
            self._leaving.discard(connection)
        if self._connections.get(connection.descriptor) is connection:
            del self._connections[connection.descriptor]
            self._accepting.hold(len(self._connections))

    def _accept(self, now: float) -> None:
        """Take a new connection, and what it has sent by now: MTAs write at once."""
        connected = self._accepting.accept(now)
        if connected is None:
            return
        connection = Connection(connected, self._epoll, self._hooks, now)
        self._connections[connection.descriptor] = connection
        self._accepting.hold(len(self._connections))
        self._serve(connection, connection.on_event, select.EPOLLIN, now)

    def _sweep(self, now: float) -> None:
        """Hang up on connections that have been idle for too long."""
        self._sweep_at = now + _SWEEP_SECONDS
        for connection in list(self._connections.values()):
            if now - connection.last > _IDLE_SECONDS:
                connection.close()
                self._forget(connection)
