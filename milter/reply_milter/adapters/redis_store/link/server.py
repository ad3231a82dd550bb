"""One redis-server: its idle connections and its breaker."""

from collections.abc import Callable
from typing import Any

from reply_milter.adapters.redis_store.link.breaker import Breaker

_IDLE_CONNECTIONS = 256  # more than an MTA has sessions: making a new one for each reply would cost more than the reply
_TRUSTED_SECONDS = 0.002  # since the last use: a server does not restart in less


class Server:
    """``name``: for log lines. ``make`` makes a connection, which connects when it is first used."""

    __slots__ = ("_idle", "_make", "_retired", "breaker", "name")

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self.breaker = Breaker()
        self._make = make
        self._idle: list[Any] = []  # appending and popping are atomic: many threads share it
        self._retired = False

    def take(self, deadline: float) -> Any:
        """Return an idle connection that the server has not closed, or a new one."""
        connection = self.take_idle(deadline)
        return connection if connection is not None else self._make()

    def take_idle(self, deadline: float) -> Any | None:
        """Return an idle connection that the server has not closed; None if there is none."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if deadline - connection.deadline < _TRUSTED_SECONDS or connection.is_quiet():
                return connection
            connection.disconnect()

    def give_back(self, connection: Any) -> None:
        """Keep a connection whose answers have all been read."""
        self.breaker.failures = 0
        if len(self._idle) < _IDLE_CONNECTIONS and not self._retired:
            self._idle.append(connection)
        else:
            connection.disconnect()

    def failed(self, began: float, now: float) -> None:
        """Count an operation without an answer. If that opens the breaker, close idle connections: they may be dead."""
        if self.breaker.failed(began, now):
            self.forget()

    def forget(self) -> None:
        """Close all idle connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()

    def retire(self) -> None:
        """Keep no connection from now on: another server has replaced this one."""
        self._retired = True
        self.forget()
