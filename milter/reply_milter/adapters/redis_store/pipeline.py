"""Requests of many conversations on one connection, each claim once. Implements ``ports.StorePipeline``.

It takes over an idle connection of the blocking code, which connects, logs in, and finds out whether the server is
well: while the server does not answer, or has not answered something in time, nothing is sent from here. What was sent
is never sent again, except by the asker, where Redis says that it did nothing (NOSCRIPT).

An answer that says that another server may have the data (``errors.MISPLACED``) makes it leave this one: nothing more
is sent there, and once all answers are in, the connection is closed. Whoever may wait finds out where the address leads
now.

Each request has the time of an operation of its own. One that is late has failed, and its answer is dropped when it
comes; the others have theirs until they are late, too.
"""

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from reply_milter.adapters.redis_store.link.breaker import LIMIT
from reply_milter.adapters.redis_store.link.deadline import packed
from reply_milter.adapters.redis_store.link.errors import DEMOTED, KNOWN, LOST, MISPLACED, NoScriptError, kind_of
from reply_milter.adapters.redis_store.link.operation import Command, StoreTelemetry
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.adapters.redis_store.wording import Wording, answer_in, operation_of
from reply_milter.ports import Answered, Asked, StoreUnavailableError, Watcher


class _Waiting:
    """A request that waits for ``count`` answers. ``error``: the first that is one. ``is_late``: it has failed."""

    __slots__ = ("answers", "asked", "count", "error", "is_late", "start")

    def __init__(self, asked: Asked, count: int, start: float) -> None:
        self.asked = asked
        self.count = count
        self.start = start
        self.answers: list[Any] = []
        self.error: Exception | None = None
        self.is_late = False


class Pipeline:
    """``server`` is a single one without TLS; ``timeout``: seconds for each request."""

    def __init__(
        self, server: Server, wording: Wording, timeout: float, telemetry: StoreTelemetry | None, watcher: Watcher
    ) -> None:
        self._server = server
        self._wording = wording
        self._timeout = timeout
        self._telemetry = telemetry
        self._watcher = watcher
        self._connection: Any = None
        self._unsent = b""
        self._waiting: deque[_Waiting] = deque()
        self._failure: Exception | None = None  # of the connection: ``answers`` tells it
        self._leaves = False

    @property
    def deadline(self) -> float | None:
        """See ``ports.StorePipeline``."""
        for one in self._waiting:  # in the order in which they were sent: the first is due first
            if not one.is_late:
                return one.start + self._timeout
        return None

    def ask(self, asked: Sequence[Asked]) -> bool:
        """See ``ports.StorePipeline``."""
        now = time.monotonic()
        if not self._is_ready(now):
            return False
        commands: list[Command] = []
        waiting: list[_Waiting] = []
        for one in asked:
            its = self._wording.commands(one.request)
            commands += its
            waiting.append(_Waiting(one, len(its), now))
        if not self._push(packed(commands)):
            return False
        self._waiting += waiting
        return True

    def _is_ready(self, now: float) -> bool:
        """Whether the server is well, as far as anybody knows, and there is a connection."""
        failures = self._server.breaker.failures
        if (failures >= LIMIT or self._leaves) and not self._waiting:
            self.close()  # as idle ones are: it may be dead, and is not tried once the server is back
        if failures or self._leaves or self._failure is not None or (self._waiting and self._waiting[0].is_late):
            return False
        if self._connection is None:
            self._connection = self._server.take_idle(now + self._timeout)
            if self._connection is not None:
                self._watcher.watch(self._connection.descriptor(), writing=False)
        return self._connection is not None

    def _push(self, octets: bytes) -> bool:
        if self._unsent:
            self._unsent += octets
            return True
        try:
            sent = self._connection.push(octets)
        except OSError as error:
            self._failure = error
            return False
        self._keep(octets[sent:])
        return True

    def _keep(self, unsent: bytes) -> None:
        if bool(unsent) != bool(self._unsent):
            self._watcher.watch(self._connection.descriptor(), writing=bool(unsent))
        self._unsent = unsent

    def answers(self) -> list[Answered]:
        """See ``ports.StorePipeline``."""
        answered: list[Answered] = []
        if self._connection is not None:
            self._go_on(answered)
        if self._failure is not None:
            answered += self._lost(self._failure)
        due = self.deadline
        return answered if due is None or due > (now := time.monotonic()) else answered + self._late(now)

    def _go_on(self, answered: list[Answered]) -> None:
        """Send what there was no room for, and take what has arrived."""
        try:
            self._take(answered)
            if self._unsent:
                self._keep(self._unsent[self._connection.push(self._unsent) :])
        except KNOWN as error:
            self._failure = error

    def _take(self, answered: list[Answered]) -> None:
        """Take the answers that have arrived: each is the next one of the request that has waited longest."""
        waiting = self._waiting
        for answer in self._connection.pull():
            if not waiting:
                raise ValueError("the server sent an answer to nothing")
            one = waiting[0]
            one.answers.append(answer)
            if isinstance(answer, Exception) and one.error is None:
                one.error = answer
            if len(one.answers) == one.count:
                waiting.popleft()
                if one.is_late:
                    self._server.breaker.answered()
                else:
                    answered.append(self._read(one))

    def _read(self, one: _Waiting) -> Answered:
        """Tell what the answers to one request mean."""
        by, request = one.asked
        if isinstance(one.error, NoScriptError):
            return Answered(by, unasked=True)
        if one.error is not None:
            return self._failed(one, one.error)
        try:
            answer = answer_in(request, one.answers)
        except KNOWN as unreadable:
            return self._failed(one, unreadable)
        self._server.breaker.failures = 0
        if self._telemetry is not None:
            self._telemetry.store_operation(operation_of(request), time.monotonic() - one.start)
        return Answered(by, answer)

    def _failed(self, one: _Waiting, error: Exception) -> Answered:
        kind, name = kind_of(error), operation_of(one.asked.request)
        if kind in LOST:
            self._server.failed(one.start, time.monotonic())
        else:
            self._server.breaker.answered()
            self._leaves = self._leaves or kind in MISPLACED
        if kind in DEMOTED:
            self._server.forget()  # its idle connections lead to the same replica
        if self._telemetry is not None:
            self._telemetry.store_error(name, kind)
        return Answered(one.asked.by, failure=StoreUnavailableError(kind, f"{name}: {error}"))

    def _lost(self, error: Exception) -> list[Answered]:
        """Fail all that waits: the connection has ended."""
        lost = [self._failed(one, error) for one in self._waiting if not one.is_late]
        self.close()
        return lost

    def _late(self, now: float) -> list[Answered]:
        """Fail what is late. Once nothing else waits, an answer is not waited for."""
        late = [one for one in self._waiting if not one.is_late and one.start + self._timeout <= now]
        failed = [self._failed(one, TimeoutError("no answer before the deadline")) for one in late]
        for one in late:
            one.is_late = True
        if self._waiting and self._waiting[-1].is_late:
            self.close()
        return failed

    def close(self) -> None:
        """See ``ports.StorePipeline``."""
        self._waiting.clear()
        self._unsent, self._failure, self._leaves = b"", None, False
        if self._connection is not None:
            self._watcher.unwatch(self._connection.descriptor())
            self._connection.disconnect()
            self._connection = None
