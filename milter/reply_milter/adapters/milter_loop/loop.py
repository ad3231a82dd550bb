"""The loop of one worker: one thread, any number of connections of MTAs.

A turn: read what has arrived, carry out its commands, send each connection its answers; then ask the store what the
steps of this turn need of it. No step waits: a connection whose step has asked goes on when the answer is there.
"""

import logging
import math
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Final, final

from reply_milter.adapters.milter_loop.asking import Asking, PipelineOf
from reply_milter.adapters.milter_loop.connection import Connection
from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.spreading import ConnectionCounts
from reply_milter.ports import ConnectionTelemetry, Conversation

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 7200.0  # as with libmilter; Postfix keeps a connection for an hour at most
_SWEEP_SECONDS: Final = 60.0
_YIELD_SECONDS: Final = 0.002  # for which a worker leaves a connection to another one that has fewer
_FULL_SECONDS: Final = 0.1  # for which a worker without free descriptors accepts nothing


@final
class MilterLoop:
    """``converse`` starts a conversation with a client, given its IP address; ``telemetry`` counts that client's steps.

    ``accepts_early``: whether DATA may end a message. ``counts``: the connections of all workers on the same socket.
    ``pipeline_of``: makes a store's pipeline, or returns None for a store that has none.
    """

    def __init__(
        self,
        converse: Callable[[str], Conversation],
        telemetry: Callable[[str], ConnectionTelemetry],
        accepts_early: Callable[[], bool],
        counts: ConnectionCounts,
        pipeline_of: PipelineOf,
    ) -> None:
        self._told: Final = (converse, telemetry, accepts_early)
        self._counts = counts
        self._connections: dict[int, Connection] = {}
        self._busy: set[Connection] = set()
        self._pipeline_of = pipeline_of
        self._listens = True
        self._insists = False
        self._resume_at = 0.0
        self._sweep_at = 0.0

    @property
    def idle(self) -> bool:
        """Whether no message is on its way, and no answer to one."""
        return not self._busy

    def prepare(self, listening: socket.socket) -> None:
        """Get ready to answer connections to ``listening``."""
        self._listening = listening
        self._hooks = Hooks(*self._told, over_tcp=listening.family is not socket.AF_UNIX)
        self._epoll = select.epoll()
        listening.setblocking(False)
        self._epoll.register(listening.fileno(), select.EPOLLIN)
        self._asking = Asking(self._epoll, self._give, self._pipeline_of)

    def serve(self) -> None:
        """Answer for ever: a signal ends the process."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Wait until something happens or is due, and see to all of it."""
        self._turn(self._epoll.poll(self._patience()))

    def _patience(self) -> float:
        now = time.monotonic()
        until = min(self._sweep_at, self._asking.deadline, math.inf if self._listens else self._resume_at)
        return max(0.0, until - now)

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
        if answered or now >= self._asking.deadline:
            self._asking.collect()
        self._asking.send()
        if accepts:  # last: a new connection may get the descriptor of one that was closed in this turn
            self._accept(now)
        self._insists = False
        self._keep_time(now)

    def _serve(self, connection: Connection, step: Callable[..., None], *given: Any) -> None:
        """Let a connection go on. An accident of ours ends that one alone: its MTA defers."""
        try:
            step(*given)
        except Exception:
            log.exception("hung up on the MTA")
            connection.close()
        self._look_after(connection)

    def _look_after(self, connection: Connection) -> None:
        """Ask what a connection needs of the store; note whether it is busy, and whether it has ended."""
        steps = connection.session.steps
        question = steps.question
        if question is not None and question.is_new:  # a claim is sent once
            question.is_new = False
            self._asking.add(connection, question)
        if question is not None or steps.in_message or connection.has_unsent:
            self._busy.add(connection)
        else:
            self._busy.discard(connection)
        if connection.is_closed and self._connections.get(connection.descriptor) is connection:
            del self._connections[connection.descriptor]
            self._counts.set(len(self._connections))

    def _give(self, connection: Connection, answer: Any, failure: Exception | None) -> None:
        self._serve(connection, connection.answered, answer, failure)

    def _accept(self, now: float) -> None:
        """Take one new connection, unless a worker with fewer is there to take it within a moment."""
        if not self._insists and not self._counts.has_fewest():
            self._pause(now + _YIELD_SECONDS)
            return
        try:
            connected, _ = self._listening.accept()
        except BlockingIOError:
            return
        except OSError as error:
            log.error("cannot accept a connection of the MTA: %s", error)
            self._pause(now + _FULL_SECONDS)
            return
        connection = Connection(connected, self._epoll, self._hooks, now)
        self._connections[connection.descriptor] = connection
        self._counts.set(len(self._connections))

    def _pause(self, until: float) -> None:
        self._listens, self._resume_at = False, until
        self._epoll.modify(self._listening.fileno(), 0)

    def _keep_time(self, now: float) -> None:
        if not self._listens and now >= self._resume_at:
            self._listens = self._insists = True
            self._epoll.modify(self._listening.fileno(), select.EPOLLIN)
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_SECONDS
            for connection in list(self._connections.values()):
                if now - connection.last > _IDLE_SECONDS:
                    connection.close()
                    self._look_after(connection)
