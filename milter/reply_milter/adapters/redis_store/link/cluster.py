"""A Cluster: which master has which slots."""

import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from reply_milter.adapters.redis_store.link.deadline import connection_factory
from reply_milter.adapters.redis_store.link.discovery import DiscoveryThread
from reply_milter.adapters.redis_store.link.errors import KNOWN, ClusterDownError, DiscoveryError, RedirectError
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.adapters.redis_store.link.target import Place, Target
from reply_milter.adapters.redis_store.link.topology import Discovered

log = logging.getLogger(__name__)

_NODE_SECONDS = 0.25  # for one that does not answer, so that there is time for the others
_POLL_SECONDS = 10.0  # redirections report most changes; this is for nodes that got no command for a while
_NOWHERE = ("", "?")  # a node that does not know its own address


class Cluster(Discovered):
    """The masters of a Cluster, by slot."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._servers: dict[Place, Server] = {}  # every node that we have connected to and that is still a master
        self._slots: list[Server | None] = []
        self._discovery = DiscoveryThread(self._look, _POLL_SECONDS)

    def find(self, deadline: float) -> Server:
        """See ``Topology``."""
        return self.servers(deadline)[0]

    def servers(self, deadline: float) -> Sequence[Server]:
        """See ``Topology``."""
        return list(dict.fromkeys(server for server in self._known(deadline) if server is not None))

    def for_key(self, key: str | bytes, deadline: float) -> Server:
        """Return the master that has ``key``.

        Raises:
            DiscoveryError: no node says where it is.
            ClusterDownError: no master has its slot.
        """
        octets = key if isinstance(key, bytes) else key.encode()
        server = self._known(deadline)[key_slot(octets)]
        if server is None:
            raise ClusterDownError("no master has the slot")
        return server

    def at(self, error: RedirectError, asked: Server) -> Server:
        """Return the server that a redirection names; without a host it means the host of the server ``asked``."""
        host = error.host or asked.name.rpartition(":")[0].strip("[]")
        return self._server(Place(host, error.port))

    def uncovered(self, deadline: float) -> int:
        """Return how many slots have no master."""
        return self._known(deadline).count(None)

    def close(self) -> None:
        """See ``Topology``."""
        for server in list(self._servers.values()):
            server.forget()

    def _known(self, deadline: float) -> list[Server | None]:
        if not self._slots:
            self._discovery.wait_for_first(deadline)
        elif self._discovery.stale:
            with suppress(DiscoveryError):
                self._discovery.rediscover(deadline)
        return self._slots

    def _server(self, place: Place) -> Server:
        server = self._servers.get(place)
        if server is None:
            made = Server(str(place), connection_factory(self._target.server_url(place)))
            server = self._servers.setdefault(place, made)
        return server

    def _look(self, deadline: float) -> None:
        """Query nodes until one answers, in random order: a fixed first node would be believed when it is cut off."""
        places = list(dict.fromkeys((*self._servers, *self._target.seeds)))
        random.shuffle(places)  # nothing secret
        problem = "no node answers"
        for place in places:
            try:
                found = self._query(place, min(deadline, time.monotonic() + _NODE_SECONDS))
            except (*KNOWN, IndexError, KeyError) as error:
                problem = f"{place}: {error}"
                continue
            if any(found):
                self._assign(found)
                return
            problem = f"{place}: knows no master"
        raise DiscoveryError(f"no node says which masters the Cluster has: {problem}")

    def _query(self, place: Place, deadline: float) -> list[Place | None]:
        server = self._servers.get(place) or Server(str(place), connection_factory(self._target.server_url(place)))
        connection = server.take(deadline)
        connection.deadline = deadline
        try:
            connection.make_ready()
            (answer,) = connection.ask((("CLUSTER", "SLOTS"),))
            if isinstance(answer, Exception):
                raise answer
            slots = _read_slots(answer, place)
        except BaseException:
            connection.disconnect()
            raise
        (server.give_back if place in self._servers else _end)(connection)
        return slots

    def _assign(self, found: list[Place | None]) -> None:
        masters = {place for place in found if place is not None}
        before = {server.name for server in self._slots if server is not None}
        self._slots = [None if place is None else self._server(place) for place in found]
        for place in [place for place in list(self._servers) if place not in masters]:
            self._servers.pop(place).retire()
        now = {str(place) for place in masters}
        if before and before != now:
            log.warning("the store's masters are now %s", ", ".join(sorted(now)))


def _end(connection: Any) -> None:
    connection.disconnect()


def _read_slots(answer: Sequence[Any], asked: Place) -> list[Place | None]:
    """Read CLUSTER SLOTS: first and last slot, then the master, then replicas; of each, address, port and id."""
    slots: list[Place | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
    for first, last, master, *_ in answer:
        host = bytes(master[0] or b"").decode()
        place = Place(asked.host if host in _NOWHERE else host, int(master[1]))
        slots[first : last + 1] = [place] * (last + 1 - first)
    return slots
