"""An operation on a Cluster, whose keys may lie on several masters."""

from typing import Any

from reply_milter.adapters.redis_store.cluster import Cluster
from reply_milter.adapters.redis_store.errors import RedirectError
from reply_milter.adapters.redis_store.operation import Command, Operation, ready
from reply_milter.adapters.redis_store.server import Server

_SCRIPTS = ("EVALSHA", "EVAL")


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
            self._connections[server] = ready(server, deadline)
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
