"""One store operation: one deadline, at most one attempt to change something, and one kind of error.

An operation is entered with ``with``, called with one or more commands, which are sent in one go, and left. It speaks
through redis-py's connections and not through its clients: those retry on their own, and give each step of a
connection a time-out of its own.

Deadline. It is fixed at entry: now and the store's ``timeout_ms``. Discovery, connecting (TCP, TLS, AUTH, SELECT, and
ROLE of a master that Sentinels name), sending, and waiting for the answers all end by then. Octets that have already
arrived are read even if the deadline has passed meanwhile.

Breaker. Each server has one. Three operations in a row without an answer (``errors.LOST``) open it; operations that
began before the last failure was known do not count. While it is open, one operation per half second is sent, and all
others fail at once with the kind "breaker". Any answer closes it, even an error. When it opens, idle connections are
closed.

Discovery. A store that is a single server needs none. Otherwise a thread keeps the known places up to date
(``discovery``). An operation waits for it only if no server is known yet, or to follow a server that says that it is no
master. A failure after which another server may have the data (``errors.MISPLACED``) makes the thread run at once;
in a process without the thread, the next operation runs discovery first.

Retries. After a time-out or a broken connection nothing is sent again: Redis may have carried it out, and a claim sent
twice looks like a replay. Three answers say that Redis did not carry out the command, and only these are followed by
sending it again, once and within the same deadline:

    READONLY    the server is a replica now: discovery runs, and all commands of the call go to the new master.
    MOVED, ASK  (Cluster) the slot has another master: the command goes there. A second redirection is an error.
    NOSCRIPT    Redis does not have the script: ``script`` calls again, with its text and with the reads before it.

In doubt. Every failure is raised as StoreUnavailableError, with one of ERROR_KINDS. For an operation made with
``changes``, its ``in_doubt`` says whether the change may have been made: not if nothing was sent, and not if a single
command was refused. If one of several commands was refused, others of them may have succeeded, so it is in doubt.
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
    """Counts operations, and the kinds of their failures."""

    def store_operation(self, operation: str, seconds: float) -> None:
        """Count an operation that succeeded after ``seconds``."""
        ...

    def store_error(self, operation: str, kind: str) -> None:
        """Count an operation that failed. ``kind`` is one of ERROR_KINDS."""
        ...


class Operation:
    """Sends commands in one go and returns all their answers; raises the first error reply.

    A class and not a generator: entering and leaving it costs a third as much, and each reply needs two operations.
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
        "_topology",
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
        self._topology = topology
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
        try:  # nearly every operation ends here, so this makes no call that it can do without
            if self._connection is None:
                self._open()
            self._sent = len(commands)
            answers: list[Any] = self._connection.ask(commands)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        except ReadOnlyError as error:
            return self._on_new_master(commands, error)
        return answers

    def _open(self) -> None:
        deadline = self._start + self._timeout
        server = self._server
        if server is None:
            server = self._server = self._topology.find(deadline)
        if server.breaker.failures and not server.breaker.admits(time.monotonic()):
            raise BreakerOpenError(f"{server.name} did not answer lately, and was not asked")
        self._connection = server.take(deadline)
        self._connection.deadline = deadline
        self._connection.make_ready()

    def _on_new_master(self, commands: tuple[Command, ...], error: Exception) -> list[Any]:
        """Send ``commands`` again, to the new master: the replica refused, so nothing was written there."""
        if self._sent == 1:
            self._sent = 0
        if not self._topology.rediscover(self._start + self._timeout):
            raise error
        self._drop()
        if self._server is not None:
            self._server.forget()
        self._connection = self._server = None
        return self._send(commands)

    def _send(self, commands: tuple[Command, ...]) -> list[Any]:
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
        """Close the connection: an answer may still arrive on it."""
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
            self._server.forget()  # its idle connections lead to the same replica
        if kind in MISPLACED:
            self._topology.rediscover_soon()
        if self._telemetry is not None:
            self._telemetry.store_error(self._name, kind)
        in_doubt = self._changes and self._in_doubt(error)
        raise StoreUnavailableError(kind, f"{self._name}: {error}", in_doubt) from error

    def _in_doubt(self, error: Exception) -> bool:
        """Return whether Redis may carry out, or have carried out, what was sent last, although ``error`` came."""
        refused = isinstance(error, REFUSALS) and self._sent == 1
        return self._sent > 0 and not refused


def checked(answers: list[Any]) -> list[Any]:
    """Return ``answers``; raise the first error reply among them."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
