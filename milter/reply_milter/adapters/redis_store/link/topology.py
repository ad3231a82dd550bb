"""Where a key's server is: one at a fixed place, or the master that Sentinels name."""

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

_SENTINEL_SECONDS = 0.25  # for one that does not answer: the others are to have their turn
_POLL_SECONDS = 1.0  # bounds how long a master is written to that Sentinels have given up, and we still reach


class Topology(Protocol):
    """Finds servers. Everything is thread-safe."""

    def find(self, deadline: float) -> Server:
        """The server for whatever needs no certain one. Raises DiscoveryError."""
        ...

    def servers(self, deadline: float) -> Sequence[Server]:
        """All that keep a part of the data, to be written to. Raises DiscoveryError."""
        ...

    def trouble(self) -> None:
        """A server is not there, or not what it was thought to be: look again soon."""
        ...

    def follow(self, deadline: float) -> bool:
        """A server says that it is not the one: look now. False where there is nowhere to look."""
        ...

    def watch(self) -> None:
        """Look by a thread, from now on."""
        ...

    def close(self) -> None:
        """Give up all idle connections."""
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

    def trouble(self) -> None:
        """See ``Topology``. There is nowhere to look."""

    def follow(self, _deadline: float) -> bool:
        """See ``Topology``."""
        return False

    def watch(self) -> None:
        """See ``Topology``. There is nothing to watch."""

    def close(self) -> None:
        """See ``Topology``."""
        self.server.forget()


class Discovered:
    """What servers that may change have in common: a lookout, which finds them again."""

    _lookout: DiscoveryThread

    def trouble(self) -> None:
        """See ``Topology``."""
        self._lookout.trouble()

    def follow(self, deadline: float) -> bool:
        """See ``Topology``."""
        self._lookout.renew(deadline)
        return True

    def watch(self) -> None:
        """See ``Topology``."""
        self._lookout.watch()


class SentinelReport(NamedTuple):
    """What one Sentinel says: the master, and the epoch of the failover that made it so."""

    epoch: int
    master: Place


def choose(said: Sequence[SentinelReport], sentinels: int, known: int) -> SentinelReport | None:
    """Whom to believe of ``sentinels``; ``known`` is the newest epoch so far, -1 for none.

    The newest epoch: a Sentinel that was cut off names an old master, and redis-py's ``discover_master`` believes
    whoever answers first. What is older than what was known is believed only if all say so (they were set up anew):
    who knows better may be the one that can't be reached.
    """
    if not said:
        return None
    newest = max(said)
    return newest if newest.epoch >= known or said.count(newest) == sentinels else None


class Sentinels(Discovered):
    """The master that Sentinels name. Its connections make sure, by ROLE, that it is one."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._sentinels = [Server(str(seed), connection_factory(target.sentinel_url(seed))) for seed in target.seeds]
        self._epoch = -1
        self._server: Server | None = None
        self._lookout = DiscoveryThread(self._look, _POLL_SECONDS)

    def find(self, deadline: float) -> Server:
        """See ``Topology``."""
        if self._server is None:
            self._lookout.first(deadline)
        elif self._lookout.stale:
            with suppress(DiscoveryError):
                self._lookout.renew(deadline)
        server = self._server
        if server is None:
            raise DiscoveryError(f"no Sentinel names the master of {self._target.name}")
        return server

    def servers(self, deadline: float) -> Sequence[Server]:
        """See ``Topology``."""
        return [self.find(deadline)]

    def sentinels(self) -> Sequence[Server]:
        """Those that are asked."""
        return tuple(self._sentinels)

    def problem(self, sentinel: Server) -> str:
        """What is wrong with one of them, in words; empty if it says what the others do."""
        try:
            said = query_sentinel(sentinel, self._target.name, time.monotonic() + _SENTINEL_SECONDS)
        except KNOWN as error:
            return str(error)
        if self._server is not None and str(said.master) != self._server.name:
            return f"names {said.master} as the master, and others name {self._server.name}"
        return ""

    def close(self) -> None:
        """See ``Topology``."""
        for server in (*self._sentinels, *([self._server] if self._server else [])):
            server.forget()

    def _look(self, deadline: float) -> None:
        """Ask until most have answered, and one knows what we know; next time, those that did not come last."""
        said: list[SentinelReport] = []
        silent, problem = [], "none answers"
        for sentinel in list(self._sentinels):
            if 2 * len(said) > len(self._sentinels) and max(said).epoch >= self._epoch:
                break
            try:
                said.append(
                    query_sentinel(sentinel, self._target.name, min(deadline, time.monotonic() + _SENTINEL_SECONDS))
                )
            except KNOWN as error:
                silent.append(sentinel)
                problem = f"{sentinel.name}: {error}"
        self._sentinels.sort(key=lambda sentinel: sentinel in silent)
        chosen = choose(said, len(self._sentinels), self._epoch)
        if chosen is None:
            raise DiscoveryError(f"no Sentinel names the master of {self._target.name}: {problem}")
        self._follow(chosen)

    def _follow(self, chosen: SentinelReport) -> None:
        self._epoch = chosen.epoch
        old, name = self._server, str(chosen.master)
        if old is not None and old.name == name:
            return
        self._server = Server(name, connection_factory(self._target.server_url(chosen.master), must_be_master=True))
        if old is not None:
            log.warning("the store's master is now %s, no more %s", name, old.name)
            old.retire()


def query_sentinel(sentinel: Server, name: str, deadline: float) -> SentinelReport:
    """What a Sentinel says. The address that it gives to clients is ahead of its own record during a failover.

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
