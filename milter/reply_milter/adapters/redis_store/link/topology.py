"""Where the data is: on one server at a fixed place, or on the master that Sentinels name."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from reply_milter.adapters.redis_store.link.deadline import connection_factory
from reply_milter.adapters.redis_store.link.discovery import DiscoveryThread
from reply_milter.adapters.redis_store.link.errors import KNOWN, DiscoveryError
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.adapters.redis_store.link.target import Place, Target, shown

log = logging.getLogger(__name__)

_SENTINEL_SECONDS = 0.25  # for one that does not answer, so that there is time for the others
_POLL_SECONDS = 1.0  # how long we may write to a master that Sentinels have replaced, while we still reach it


class Topology(Protocol):
    """Finds servers. Everything is thread-safe."""

    def find(self, deadline: float) -> Server:
        """Return the server for commands that any server may answer. Raises DiscoveryError."""
        ...

    def servers(self, deadline: float) -> Sequence[Server]:
        """Return every server that has a part of the data and takes writes. Raises DiscoveryError."""
        ...

    def rediscover_soon(self) -> None:
        """Have discovery run soon: a server is unreachable, or not what it was known to be."""
        ...

    def rediscover(self, deadline: float) -> bool:
        """Run discovery now: a server said that it is not the master. Return False where there is no discovery."""
        ...

    def watch(self) -> None:
        """Start the discovery thread."""
        ...

    def close(self) -> None:
        """Close all idle connections."""
        ...


class SingleServer:
    """One server, at a fixed place."""

    def __init__(self, url: str) -> None:
        self.server = Server(shown(url), connection_factory(url))

    def find(self, _deadline: float) -> Server:
        """See ``Topology``."""
        return self.server

    def servers(self, _deadline: float) -> Sequence[Server]:
        """See ``Topology``."""
        return [self.server]

    def rediscover_soon(self) -> None:
        """See ``Topology``. There is no discovery."""

    def rediscover(self, _deadline: float) -> bool:
        """See ``Topology``."""
        return False

    def watch(self) -> None:
        """See ``Topology``. There is no discovery."""

    def close(self) -> None:
        """See ``Topology``."""
        self.server.forget()


class Discovered:
    """What Sentinels and Cluster share: servers that may change, and a thread that discovers them."""

    _discovery: DiscoveryThread

    def rediscover_soon(self) -> None:
        """See ``Topology``."""
        self._discovery.rediscover_soon()

    def rediscover(self, deadline: float) -> bool:
        """See ``Topology``."""
        self._discovery.rediscover(deadline)
        return True

    def watch(self) -> None:
        """See ``Topology``."""
        self._discovery.watch()


class SentinelReport(NamedTuple):
    """What one Sentinel says: the master, and the epoch of the failover that made it so."""

    epoch: int
    master: Place


def choose(reports: Sequence[SentinelReport], sentinels: int, known: int) -> SentinelReport | None:
    """Choose one report of a number of ``sentinels``; ``known`` is the newest epoch so far, -1 for none.

    The newest epoch wins: a Sentinel that was cut off names an old master, and redis-py's ``discover_master`` believes
    the first that answers. An epoch older than ``known`` is believed only if every Sentinel reports it (they were set
    up anew): otherwise the one that knows better may be unreachable.
    """
    if not reports:
        return None
    newest = max(reports)
    return newest if newest.epoch >= known or reports.count(newest) == sentinels else None


class Sentinels(Discovered):
    """The master that Sentinels name. Each new connection to it checks with ROLE that it is a master."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._sentinels = [Server(str(seed), connection_factory(target.sentinel_url(seed))) for seed in target.seeds]
        self._epoch = -1
        self._server: Server | None = None
        self._discovery = DiscoveryThread(self._look, _POLL_SECONDS)

    def find(self, deadline: float) -> Server:
        """See ``Topology``."""
        if self._server is None:
            self._discovery.wait_for_first(deadline)
        elif self._discovery.stale:
            with suppress(DiscoveryError):
                self._discovery.rediscover(deadline)
        server = self._server
        if server is None:
            raise DiscoveryError(f"no Sentinel names the master of {self._target.name}")
        return server

    def servers(self, deadline: float) -> Sequence[Server]:
        """See ``Topology``."""
        return [self.find(deadline)]

    def sentinels(self) -> Sequence[Server]:
        """Return all Sentinels of the URL."""
        return tuple(self._sentinels)

    def problem(self, sentinel: Server) -> str:
        """Return what is wrong with one Sentinel; empty if it agrees with the others."""
        try:
            report = query_sentinel(sentinel, self._target.name, time.monotonic() + _SENTINEL_SECONDS)
        except KNOWN as error:
            return str(error)
        if self._server is not None and str(report.master) != self._server.name:
            return f"names {report.master} as the master, but others name {self._server.name}"
        return ""

    def close(self) -> None:
        """See ``Topology``."""
        for server in (*self._sentinels, *([self._server] if self._server else [])):
            server.forget()

    def _look(self, deadline: float) -> None:
        """Query Sentinels until most have answered, and one knows what we know; ask the silent ones last next time."""
        reports: list[SentinelReport] = []
        silent, problem = [], "no Sentinel answers"
        for sentinel in list(self._sentinels):
            if 2 * len(reports) > len(self._sentinels) and max(reports).epoch >= self._epoch:
                break
            try:
                reports.append(
                    query_sentinel(sentinel, self._target.name, min(deadline, time.monotonic() + _SENTINEL_SECONDS))
                )
            except KNOWN as error:
                silent.append(sentinel)
                problem = f"{sentinel.name}: {error}"
        self._sentinels.sort(key=lambda sentinel: sentinel in silent)
        chosen = choose(reports, len(self._sentinels), self._epoch)
        if chosen is None:
            raise DiscoveryError(f"no Sentinel names the master of {self._target.name}: {problem}")
        self._connect_to(chosen)

    def _connect_to(self, chosen: SentinelReport) -> None:
        self._epoch = chosen.epoch
        old, name = self._server, str(chosen.master)
        if old is not None and old.name == name:
            return
        self._server = Server(name, connection_factory(self._target.server_url(chosen.master), must_be_master=True))
        if old is not None:
            log.warning("the store's master is now %s, no longer %s", name, old.name)
            old.retire()


def query_sentinel(sentinel: Server, name: str, deadline: float) -> SentinelReport:
    """Query one Sentinel. The address that it gives to clients is ahead of its own record during a failover.

    Raises:
        Exception: one of ``errors.KNOWN``.
    """
    connection = sentinel.take(deadline)
    connection.deadline = deadline
    try:
        connection.make_ready()
        address, record = connection.ask((("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), ("SENTINEL", "MASTER", name)))
        for answer in (address, record):
            if isinstance(answer, Exception):
                raise answer
        if address is None:
            raise DiscoveryError(f"it knows no master {name}")
        host, port = address
        fields = dict(zip(record[::2], record[1::2], strict=True))
        found = SentinelReport(int(fields.get(b"config-epoch", b"")), Place(bytes(host).decode(), int(port)))
    except BaseException:
        connection.disconnect()
        raise
    sentinel.give_back(connection)
    return found
