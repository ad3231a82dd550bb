"""The condition of the store's servers, from INFO. Reads only."""

from collections.abc import Mapping

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.condition import StoreCondition

_SECTIONS = ("server", "clients", "memory", "persistence", "stats", "replication", "keyspace")


class RedisObserver:
    """``url`` as for ``RedisStore``; ``timeout_seconds``: for one query."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._connections = RedisConnections(url, timeout_seconds)

    def look(self) -> dict[str, StoreCondition | None]:
        """Query each server that has a part of the data; None for one that does not answer, or does not allow INFO.

        Raises:
            StoreUnavailableError: no server is known.
        """
        return {server.name: self._look_at(server) for server in self._connections.servers()}

    def _look_at(self, server: Server) -> StoreCondition | None:
        try:
            with self._connections.operation_on(server, "info") as call:
                answers = call(*(("INFO", section) for section in _SECTIONS))
        except StoreUnavailableError:
            return None
        return _condition(server.name, read_info(b"\n".join(bytes(answer) for answer in answers)))


def read_info(text: bytes) -> dict[str, str]:
    """Return the fields of INFO's answer, as Redis names them."""
    pairs = (line.partition(":") for line in text.decode("utf-8", "replace").splitlines())
    return {name: value.strip() for name, colon, value in pairs if colon}


def _condition(server: str, info: Mapping[str, str]) -> StoreCondition:
    """Read INFO's fields; one that is missing, as in other servers of the protocol, is 0 or empty."""

    def number(name: str) -> int:
        value = info.get(name, "")
        return int(value) if value.isdecimal() else 0

    return StoreCondition(
        server=server,
        version=info.get("redis_version", ""),
        role=info.get("role", ""),
        policy=info.get("maxmemory_policy", ""),
        uptime_seconds=number("uptime_in_seconds"),
        clients=number("connected_clients"),
        commands=number("total_commands_processed"),
        keys=sum(_keys(value) for name, value in info.items() if name.startswith("db") and name[2:].isdecimal()),
        used_bytes=number("used_memory"),
        max_bytes=number("maxmemory"),
        evicted_keys=number("evicted_keys"),
        aof_enabled=info.get("aof_enabled") == "1",
        aof_ok=info.get("aof_last_write_status") == "ok" and info.get("aof_last_bgrewrite_status") == "ok",
    )


def _keys(counts: str) -> int:
    """Read the number of keys in ``keys=12,expires=3,...``."""
    words = dict(word.partition("=")[::2] for word in counts.split(","))
    return int(words["keys"]) if words.get("keys", "").isdecimal() else 0
