"""One operation: one deadline for everything that it takes, and every error as one kind of error.

Speaks through redis-py's connections, not through its clients: those retry on their own (a claim sent twice looks like
a replay) and give each step of a connection its own timeout.
"""

import time
from types import TracebackType
from typing import Any, Protocol

from reply_milter.adapters.redis_store.link.errors import (
    DEMOTED,
    KNOWN,
    LOST,
    MISPLACED,
    REFUSALS,
    BreakerOpenError,
    ReadOnlyError,
    kind_of,
)
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.adapters.redis_store.link.topology import Topology
from reply_milter.ports import StoreUnavailableError

Command = tuple[str | bytes | int, ...]


class StoreTelemetry(Protocol):
    """Counts what the store costs and how it fails."""

    def store_operation(self, operation: str, seconds: float) -> None:
        """An operation was answered."""
        ...

    def store_error(self, operation: str, kind: str) -> None:
        """An operation failed. ``kind`` is one of ERROR_KINDS."""
        ...


class Operation:
    """Sends commands in one go and returns all their answers; raises the first error among them.

    A class and not a generator: entering and leaving one costs a third of it, and two are on every reply's way.
    """

    __slots__ = (
        "_changes",
        "_connection",
        "_name",
        "_sent",
        "_server",
        "_start",
        "_telemetry",
        "_timeout",
        "_where",
    )

    def __init__(
        self,
        topology: Topology,
        name: str,
        timeout: float,
        telemetry: StoreTelemetry | None,
        changes: bool,
        server: Server | None = None,
    ) -> None:
        self._where = topology
        self._name = name
        self._timeout = timeout
        self._telemetry = telemetry
        self._changes = changes
        self._server = server
        self._connection: Any = None
        self._sent = 0

    def __enter__(self) -> "Operation":
        self._start = time.monotonic()
        return self

    def __call__(self, *commands: Command) -> list[Any]:
        try:  # the way of nearly all, without a call too many
            if self._connection is None:
                self._open()
            self._sent = len(commands)
            answers: list[Any] = self._connection.ask(commands)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        except ReadOnlyError as error:
            return self._elsewhere(commands, error)
        return answers

    def _open(self) -> None:
        deadline = self._start + self._timeout
        server = self._server
        if server is None:
            server = self._server = self._where.find(deadline)
        if server.breaker.failures and not server.breaker.admits(time.monotonic()):
            raise BreakerOpenError(f"{server.name} has not answered lately")
        self._connection = server.take(deadline)
        self._connection.deadline = deadline
        self._connection.make_ready()

    def _elsewhere(self, commands: tuple[Command, ...], error: Exception) -> list[Any]:
        """Nothing was written, so it may be sent once more, to whoever is the master now."""
        self._sent *= self._sent > 1
        if not self._where.follow(self._start + self._timeout):
            raise error
        self._drop()
        if self._server is not None:
            self._server.forget()
        self._connection = self._server = None
        return self._once_more(commands)

    def _once_more(self, commands: tuple[Command, ...]) -> list[Any]:
        self._open()
        self._sent = len(commands)
        return checked(self._connection.ask(commands))

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        if error is None:
            if self._connection is not None and self._server is not None:
                self._server.give_back(self._connection)
            if self._telemetry is not None:
                self._telemetry.store_operation(self._name, time.monotonic() - self._start)
        elif isinstance(error, KNOWN):
            self._fail(error)

    def _drop(self) -> None:
        """Close what may have an answer under way."""
        if self._connection is not None:
            self._connection.disconnect()

    def _fail(self, error: Exception) -> None:
        self._drop()
        kind = kind_of(error)
        if self._server is not None and not isinstance(error, BreakerOpenError):
            if kind in LOST:
                self._server.failed(self._start, time.monotonic())
            else:
                self._server.breaker.answered()
        if self._server is not None and kind in DEMOTED:
            self._server.forget()  # its other connections lead to the same replica
        if kind in MISPLACED:
            self._where.trouble()
        if self._telemetry is not None:
            self._telemetry.store_error(self._name, kind)
        in_doubt = self._changes and self._in_doubt(error)
        raise StoreUnavailableError(kind, f"{self._name}: {error}", in_doubt) from error

    def _in_doubt(self, error: Exception) -> bool:
        """Whether what was sent last may have been carried out, or may be yet, although it ended with ``error``."""
        refused = isinstance(error, REFUSALS) and self._sent == 1
        return self._sent > 0 and not refused


def checked(answers: list[Any]) -> list[Any]:
    """The same; raises the first error among them."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
