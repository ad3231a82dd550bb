"""Makes operations on the servers that a store's URL names."""

import time
from collections.abc import Sequence
from contextlib import suppress

from reply_milter.adapters.redis_store.link.cluster import Cluster
from reply_milter.adapters.redis_store.link.cluster_operation import ClusterOperation
from reply_milter.adapters.redis_store.link.errors import KNOWN, kind_of
from reply_milter.adapters.redis_store.link.operation import Operation, StoreTelemetry
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.adapters.redis_store.link.target import Kind, read_url
from reply_milter.adapters.redis_store.link.topology import Sentinels, SingleServer, Topology
from reply_milter.ports import StoreUnavailableError


class RedisConnections:
    """``url`` as ``target.read_url`` takes it; ``timeout_seconds``: for a whole operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, telemetry: StoreTelemetry | None = None) -> None:
        target = read_url(url)
        self.topology: Topology
        self._operation: type[Operation] = Operation
        self._server: Server | None = None  # where there is only one
        self._is_plain = not target.url.startswith("rediss:")
        if target.kind is Kind.SINGLE:
            self.topology = single = SingleServer(target.url)
            self._server = single.server
        elif target.kind is Kind.SENTINEL:
            self.topology = Sentinels(target)
        else:
            self.topology, self._operation = Cluster(target), ClusterOperation
        self._timeout = timeout_seconds
        self._telemetry = telemetry

    def operation(self, name: str, changes: bool = False) -> "Operation":
        """Return one operation, to be entered with ``with`` (see ``operation``).

        ``changes``: the caller must know whether a failed one may have been carried out.
        """
        return self._operation(self.topology, name, self._timeout, self._telemetry, changes, self._server)

    def operation_on(self, server: Server, name: str) -> "Operation":
        """Return an operation on ``server``, wherever the keys are."""
        return Operation(self.topology, name, self._timeout, self._telemetry, False, server)

    @property
    def plain_server(self) -> Server | None:
        """The server, where there is only one, and nothing is encrypted on the way to it."""
        return self._server if self._is_plain else None

    @property
    def timeout(self) -> float:
        """Seconds for a whole operation."""
        return self._timeout

    @property
    def telemetry(self) -> StoreTelemetry | None:
        """Who counts operations."""
        return self._telemetry

    def servers(self) -> list[Server]:
        """Return all servers that have a part of the data.

        Raises:
            StoreUnavailableError: it is not known where they are.
        """
        try:
            return list(self.topology.servers(time.monotonic() + self._timeout))
        except KNOWN as error:
            raise StoreUnavailableError(kind_of(error), str(error)) from error

    def apart(self, keys: Sequence[str]) -> list[list[int]]:
        """Group the positions of ``keys`` by server; each position is a group of its own if discovery fails."""
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

    def make_sure(self) -> None:
        """Run discovery now; if it fails, keep the servers that are known.

        For operations that are minutes apart: meanwhile a master may have been replaced, and have come back in the
        belief that it is still the master.
        """
        with suppress(*KNOWN):
            self.topology.rediscover(time.monotonic() + self._timeout)

    def watch(self) -> None:
        """Start the discovery thread; for processes that never fork."""
        self.topology.watch()

    def close(self) -> None:
        """Close all idle connections."""
        self.topology.close()
