"""Operations on Redis: one deadline for everything that one takes, and every error as one kind of error.

Speaks through redis-py's connections, not through its clients: those retry on their own (a claim sent twice looks like
a replay) and give each step of a connection its own timeout.
"""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

from reply_milter.adapters.redis_store.cluster import Cluster
from reply_milter.adapters.redis_store.errors import (
    KNOWN,
    LOST,
    MISPLACED,
    REFUSALS,
    BreakerOpenError,
    ReadOnlyError,
    RedirectError,
    kind_of,
)
from reply_milter.adapters.redis_store.server import Server
from reply_milter.adapters.redis_store.target import Kind, read_url
from reply_milter.adapters.redis_store.topology import Alone, Sentinels, Topology
from reply_milter.ports import StoreUnavailableError

Command = tuple[str | bytes | int, ...]
_SCRIPTS = ("EVALSHA", "EVAL")


class StoreTelemetry(Protocol):
    """Counts what the store costs and how it fails."""

    def store_operation(self, operation: str, seconds: float) -> None:
        """An operation was answered."""
        ...

    def store_error(self, operation: str, kind: str) -> None:
        """An operation failed. ``kind`` is one of ERROR_KINDS."""
        ...


class RedisConnections:
    """``url`` as ``target.read_url`` takes it; ``timeout_seconds``: for all of an operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, telemetry: StoreTelemetry | None = None) -> None:
        target = read_url(url)
        self.topology: Topology
        self._operation: type[Operation] = Operation
        if target.kind is Kind.ALONE:
            self.topology = Alone(target.url)
        elif target.kind is Kind.SENTINEL:
            self.topology = Sentinels(target)
        else:
            self.topology, self._operation = Cluster(target), ClusterOperation
        self._timeout = timeout_seconds
        self._telemetry = telemetry

    def operation(self, name: str, changes: bool = False) -> "Operation":
        """One operation under one deadline, measured, on a connection that is reused only if all went well.

        ``changes``: it writes what somebody relies on, so that it matters whether a failed one was carried out.
        """
        return self._operation(self.topology, name, self._timeout, self._telemetry, changes)

    def operation_on(self, server: Server, name: str) -> "Operation":
        """One on a certain server, whoever has the keys."""
        return Operation(self.topology, name, self._timeout, self._telemetry, False, server)

    def servers(self) -> list[Server]:
        """All that keep a part of the data.

        Raises:
            StoreUnavailableError: it is not known where they are.
        """
        try:
            return list(self.topology.servers(time.monotonic() + self._timeout))
        except KNOWN as error:
            raise StoreUnavailableError(kind_of(error), str(error)) from error

    def apart(self, keys: Sequence[str]) -> list[list[int]]:
        """Which of ``keys`` have one server, by their numbers; each by itself where that is not known."""
        if not isinstance(self.topology, Cluster):
            return [list(range(len(keys)))]
        deadline = time.monotonic() + self._timeout
        parts: dict[Server, list[int]] = {}
        try:
            for number, key in enumerate(keys):
                parts.setdefault(self.topology.for_key(key, deadline), []).append(number)
        except KNOWN:
            return [[number] for number in range(len(keys))]
        return list(parts.values())

    def watch(self) -> None:
        """Keep what is known about servers up to date by a thread; for processes that never fork."""
        self.topology.watch()

    def close(self) -> None:
        """Give up all idle connections."""
        self.topology.close()


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
        try:
            return _checked(self._ask(commands))
        except ReadOnlyError:  # nothing was written, so it may be sent once more, to whoever is the master now
            self._sent *= self._sent > 1
            if not self._where.follow(self._start + self._timeout):
                raise
        self._let_go()
        return _checked(self._ask(commands))

    def _ask(self, commands: tuple[Command, ...]) -> list[Any]:
        if self._connection is None:
            deadline = self._start + self._timeout
            server = self._server
            if server is None:
                server = self._server = self._where.find(deadline)
            self._connection = _ready(server, deadline)
        self._sent = len(commands)
        answers: list[Any] = self._connection.ask(commands)
        return answers

    def _let_go(self) -> None:
        """Of a server that is not the one."""
        if self._connection is not None:
            self._connection.disconnect()
        if self._server is not None:
            self._server.forget()
        self._connection = self._server = None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        if error is None:
            self._keep()
            if self._telemetry is not None:
                self._telemetry.store_operation(self._name, time.monotonic() - self._start)
        elif isinstance(error, KNOWN):
            self._fail(error)

    def _keep(self) -> None:
        if self._connection is not None and self._server is not None:
            self._server.give_back(self._connection)
            self._server.breaker.failures = 0

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


def _checked(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _ready(server: Server, deadline: float) -> Any:
    """A connection to ``server`` that is connected."""
    if server.breaker.failures and not server.breaker.admits(time.monotonic()):
        raise BreakerOpenError(f"{server.name} has not answered lately")
    connection = server.take(deadline)
    connection.deadline = deadline
    try:
        connection.make_ready()
    except BaseException:
        connection.disconnect()
        raise
    return connection


class ClusterOperation(Operation):
    """Sends each command to the master that has its key, to all of them before it waits for any.

    A redirection is followed once: what was redirected was not carried out. ``_server`` is whom it deals with just now.
    """

    __slots__ = ("_connections",)
    _where: Cluster

    def __enter__(self) -> "ClusterOperation":
        self._connections: dict[Server, Any] = {}
        super().__enter__()
        return self

    def _ask(self, commands: tuple[Command, ...]) -> list[Any]:
        deadline = self._start + self._timeout
        parts: dict[Server, list[int]] = {}
        for index, command in enumerate(commands):
            parts.setdefault(self._where.for_key(_key(command), deadline), []).append(index)
        asked: dict[int, Server] = {index: server for server, part in parts.items() for index in part}
        for server in parts:
            self._reach(server, deadline)
        self._sent = len(commands)
        answers: list[Any] = [None] * len(commands)
        for server, part in parts.items():
            self._server = server
            self._connections[server].send([commands[index] for index in part])
        for server, part in parts.items():
            self._server = server
            for index, answer in zip(part, self._connections[server].collect(len(part)), strict=True):
                answers[index] = answer
        for index, answer in enumerate(answers):
            if isinstance(answer, RedirectError):
                answers[index] = self._redirected(commands[index], answer, asked[index])
        return answers

    def _reach(self, server: Server, deadline: float) -> Any:
        self._server = server
        if server not in self._connections:
            self._connections[server] = _ready(server, deadline)
        return self._connections[server]

    def _redirected(self, command: Command, error: RedirectError, asked: Server) -> Any:
        """MOVED: the slot has another master. ASK: it is about to, and this key has moved already."""
        connection = self._reach(self._where.at(error, asked), self._start + self._timeout)
        if error.status_code == "MOVED":
            self._where.trouble()
            return connection.ask((command,))[0]
        return connection.ask((("ASKING",), command))[1]

    def _let_go(self) -> None:
        self._drop()
        self._connections, self._server = {}, None

    def _keep(self) -> None:
        for server, connection in self._connections.items():
            server.give_back(connection)
            server.breaker.failures = 0

    def _drop(self) -> None:
        for connection in self._connections.values():
            connection.disconnect()


def _key(command: Command) -> str | bytes:
    """All our commands have one key."""
    key = command[3 if command[0] in _SCRIPTS else 1]
    return key if isinstance(key, str | bytes) else str(key)
