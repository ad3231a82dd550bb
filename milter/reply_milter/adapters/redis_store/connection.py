"""Connections to Redis: one deadline for everything that an operation takes, and every error as one kind of error.

Speaks through redis-py's connections, not through its client: the client retries on its own (a claim sent twice looks
like a replay) and gives each step of a connection its own timeout.
"""

import time
from types import TracebackType
from typing import Any, Protocol

import redis

from reply_milter.adapters.redis_store.deadline import connection_factory
from reply_milter.ports import StoreUnavailableError

_IDLE_CONNECTIONS = 256  # more than an MTA has sessions: making a new one for each reply would cost more than the reply
_TRUSTED_SECONDS = 0.002  # from one use to the next: a server does not go away and come back in less
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (redis.exceptions.TimeoutError, "timeout"),
    (redis.exceptions.BusyLoadingError, "loading"),
    (redis.exceptions.ReadOnlyError, "readonly"),
    (redis.exceptions.OutOfMemoryError, "oom"),
    (redis.exceptions.AuthenticationError, "auth"),
    (redis.exceptions.NoPermissionError, "auth"),
    (redis.exceptions.ConnectionError, "connection"),
    (redis.exceptions.ResponseError, "response"),
    (TimeoutError, "timeout"),
    (OSError, "connection"),
)
ERROR_KINDS = (*dict.fromkeys(kind for _, kind in _KINDS), "other")


class StoreTelemetry(Protocol):
    """Counts what the store costs and how it fails."""

    def store_operation(self, operation: str, seconds: float) -> None:
        """An operation was answered."""
        ...

    def store_error(self, operation: str, kind: str) -> None:
        """An operation failed. ``kind`` is one of ERROR_KINDS."""
        ...


NoScriptError = redis.exceptions.NoScriptError
_REFUSALS = (redis.exceptions.ResponseError, redis.exceptions.BusyLoadingError)


class RedisConnections:
    """``url``: redis://, rediss:// or unix://; ``timeout_seconds``: for all of an operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, telemetry: StoreTelemetry | None = None) -> None:
        self._factory = connection_factory(url)
        self._timeout = timeout_seconds
        self._telemetry = telemetry
        self._idle: list[Any] = []  # appending and popping are atomic: many threads share it

    def operation(self, name: str, changes: bool = False) -> "Operation":
        """One operation under one deadline, measured, on a connection that is reused only if all went well.

        ``changes``: it writes what somebody relies on, so that it matters whether a failed one was carried out.
        """
        return Operation(self, name, self._timeout, self._telemetry, changes)

    def take(self, deadline: float) -> Any:
        """An idle connection that the server has not closed meanwhile, or a new one, for an operation until then."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._factory()
            if deadline - connection.deadline < _TRUSTED_SECONDS or connection.is_quiet():
                return connection
            connection.disconnect()

    def give_back(self, connection: Any) -> None:
        """Keep a connection on which nothing is under way."""
        if len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.disconnect()

    def close(self) -> None:
        """Give up all idle connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()


class Operation:
    """Sends commands in one go and returns all their answers; raises the first error among them.

    A class and not a generator: entering and leaving one costs a third of it, and two are on every reply's way.
    """

    __slots__ = ("_changes", "_connection", "_connections", "_name", "_sent", "_start", "_telemetry", "_timeout")

    def __init__(
        self,
        connections: RedisConnections,
        name: str,
        timeout: float,
        telemetry: StoreTelemetry | None,
        changes: bool,
    ) -> None:
        self._connections = connections
        self._name = name
        self._timeout = timeout
        self._telemetry = telemetry
        self._changes = changes
        self._connection: Any = None
        self._sent = 0

    def __enter__(self) -> "Operation":
        self._start = time.monotonic()
        return self

    def __call__(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        if self._connection is None:
            deadline = self._start + self._timeout
            self._connection = self._connections.take(deadline)
            self._connection.deadline = deadline
            self._connection.make_ready()
        self._sent = len(commands)
        answers: list[Any] = self._connection.ask(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        if error is None:
            if self._connection is not None:
                self._connections.give_back(self._connection)
            if self._telemetry is not None:
                self._telemetry.store_operation(self._name, time.monotonic() - self._start)
        elif isinstance(error, redis.exceptions.RedisError | OSError | ValueError | TypeError):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._connection is not None:
            self._connection.disconnect()
        kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "other")
        if self._telemetry is not None:
            self._telemetry.store_error(self._name, kind)
        in_doubt = self._changes and self._in_doubt(error)
        raise StoreUnavailableError(kind, f"{self._name}: {error}", in_doubt) from error

    def _in_doubt(self, error: Exception) -> bool:
        """Whether what was sent last may have been carried out, or may be yet, although it ended with ``error``."""
        refused = isinstance(error, _REFUSALS) and self._sent == 1
        return self._sent > 0 and not refused
