"""Connections to Redis: one deadline for everything that an operation takes, and every error as one kind of error.

Speaks through redis-py's connections, not through its client: the client retries on its own (a claim sent twice looks
like a replay) and gives each step of a connection its own timeout.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.retry import Retry

from reply_milter.ports import StoreUnavailableError

_IDLE_CONNECTIONS = 64
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (redis.exceptions.TimeoutError, "timeout"),
    (redis.exceptions.BusyLoadingError, "loading"),
    (redis.exceptions.ReadOnlyError, "readonly"),
    (redis.exceptions.OutOfMemoryError, "oom"),
    (redis.exceptions.AuthenticationError, "auth"),
    (redis.exceptions.NoPermissionError, "auth"),
    (redis.exceptions.ConnectionError, "connection"),
    (redis.exceptions.ResponseError, "response"),
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
        self._factory = _connection_factory(url)
        self._timeout = timeout_seconds
        self._telemetry = telemetry
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    @contextmanager
    def operation(self, name: str, changes: bool = False) -> Iterator["Call"]:
        """One operation under one deadline, measured, on a connection that is reused only if all went well.

        ``changes``: it writes what somebody relies on, so that it matters whether a failed one was carried out.
        """
        start = time.monotonic()
        connection, call = None, None
        try:
            connection = self._connection()
            connection.deadline = start + self._timeout
            call = Call(connection)
            yield call
            self._give_back(connection)
        except (redis.exceptions.RedisError, OSError, ValueError, TypeError) as error:
            if connection is not None:
                connection.disconnect()
            kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "other")
            if self._telemetry is not None:
                self._telemetry.store_error(name, kind)
            in_doubt = changes and call is not None and call.in_doubt(error)
            raise StoreUnavailableError(kind, f"{name}: {error}", in_doubt) from error
        if self._telemetry is not None:
            self._telemetry.store_operation(name, time.monotonic() - start)

    def _connection(self) -> Any:
        """An idle connection that the server has not closed meanwhile, or a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._factory()
            try:
                if not connection.can_read(0):
                    return connection
            except (redis.exceptions.RedisError, OSError):
                pass
            connection.disconnect()

    def _give_back(self, connection: Any) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.disconnect()

    def close(self) -> None:
        """Give up all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()


class Call:
    """Sends commands in one go and returns all their answers; raises the first error among them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._sent = 0

    def in_doubt(self, error: Exception) -> bool:
        """Whether what was sent last may have been carried out, or may be yet, although it ended with ``error``."""
        refused = isinstance(error, _REFUSALS) and self._sent == 1
        return self._sent > 0 and not refused

    def __call__(self, *commands: tuple[str | bytes | int, ...]) -> list[Any]:
        connection = self._connection
        connection.connect()
        self._sent = len(commands)
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        answers: list[Any] = []
        failure: redis.exceptions.ResponseError | None = None
        for _ in commands:
            try:
                answers.append(connection.read_response())
            except redis.exceptions.ResponseError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return answers


class _Deadline:
    """Mixed into redis-py's connections: every wait ends at ``deadline`` (monotonic seconds), the handshake's too."""

    deadline = 0.0

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise redis.exceptions.TimeoutError("the deadline has passed")
        return remaining

    def _connect(self) -> Any:
        self.socket_connect_timeout = self.socket_timeout = self._remaining()
        return super()._connect()  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        options["timeout"] = self._remaining()
        return super().read_response(*args, **options)  # type: ignore[misc]


def url_mistake(url: str) -> str:
    """What is wrong with a store's URL, without the URL itself, which may hold a password; empty if nothing is."""
    try:
        _connection_factory(url)()
    except (ValueError, TypeError, redis.exceptions.RedisError):
        return "redis-py can make nothing of it: redis://[USER:PASSWORD@]HOST[:PORT][/DB], or unix://PATH?db=DB"
    return ""


def _connection_factory(url: str) -> Callable[[], Any]:
    """How to make connections for ``url``. RESP2 and no client info: no handshake but AUTH and SELECT."""
    pool = ConnectionPool.from_url(url)
    plain = pool.connection_class
    deadlined = type(f"Deadlined{plain.__name__}", (_Deadline, plain), {})
    options = {
        **pool.connection_kwargs,
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "health_check_interval": 0,
    }
    return lambda: deadlined(**options)
