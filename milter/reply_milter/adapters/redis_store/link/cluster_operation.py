"""An operation on a Cluster, whose keys may lie on several masters."""

from types import TracebackType
from typing import Any

from reply_milter.adapters.redis_store.link.cluster import Cluster
from reply_milter.adapters.redis_store.link.errors import ReadOnlyError, RedirectError
from reply_milter.adapters.redis_store.link.operation import Command, Operation, checked
from reply_milter.adapters.redis_store.link.server import Server

_SCRIPTS = ("EVALSHA", "EVAL")


class ClusterOperation(Operation):
    """Sends each command to the master that has its key, and to all masters before it waits for the first answer.

    A redirection is followed once: a redirected command was not carried out. ``_server``: the one in use at the moment.
    """

    __slots__ = ("_connections",)
    _topology: Cluster

    def __enter__(self) -> "ClusterOperation":
        self._connections: dict[Server, Any] = {}
        super().__enter__()
        return self

    def __call__(self, *commands: Command) -> list[Any]:
        try:
            return self._send(commands)
        except ReadOnlyError as error:
            return self._on_new_master(commands, error)

    def _send(self, commands: tuple[Command, ...]) -> list[Any]:
        return checked(self._ask(commands))

    def _ask(self, commands: tuple[Command, ...]) -> list[Any]:
        deadline = self._start + self._timeout
        parts: dict[Server, list[int]] = {}
        for index, command in enumerate(commands):
            parts.setdefault(self._topology.for_key(_key(command), deadline), []).append(index)
        asked: dict[int, Server] = {index: server for server, part in parts.items() for index in part}
        for server in parts:
            self._connection_to(server)
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

    def _connection_to(self, server: Server) -> Any:
        """Return a connection to ``server``, the same for the whole operation."""
        self._server = server
        self._connection = self._connections.get(server)
        if self._connection is None:
            try:
                self._open()
            finally:
                if self._connection is not None:
                    self._connections[server] = self._connection
        return self._connections[server]

    def _redirected(self, command: Command, error: RedirectError, asked: Server) -> Any:
        """Follow MOVED (the slot has another master) or ASK (it is being moved, and this key has moved already)."""
        connection = self._connection_to(self._topology.at(error, asked))
        if error.status_code == "MOVED":
            self._topology.rediscover_soon()
            return connection.ask((command,))[0]
        return connection.ask((("ASKING",), command))[1]

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._connection = None
        if error is None:
            for server, connection in self._connections.items():
                server.give_back(connection)
        super().__exit__(kind, error, traceback)

    def _drop(self) -> None:
        for connection in self._connections.values():
            connection.disconnect()
        self._connections = {}


def _key(command: Command) -> str | bytes:
    """Return the key of a command; each of our commands has exactly one."""
    key = command[3 if command[0] in _SCRIPTS else 1]
    return key if isinstance(key, str | bytes) else str(key)
