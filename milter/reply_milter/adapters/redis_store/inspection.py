"""Inspects a Redis for doctor: INFO, the clock, and which of our commands its user may use. Writes nothing.

Each command is tried in a form that passes Redis' first checks (ACL and arity) and then fails, or does nothing.
"""

import time
from dataclasses import replace

from reply_milter.adapters.redis_store.condition import read_info
from reply_milter.adapters.redis_store.link.cluster import Cluster
from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.errors import KNOWN
from reply_milter.adapters.redis_store.link.server import Server
from reply_milter.adapters.redis_store.link.target import Kind, read_url
from reply_milter.adapters.redis_store.link.topology import Sentinels
from reply_milter.core.diagnosis.store import StoreFacts, TopologyFacts
from reply_milter.ports import StoreUnavailableError

_UNUSED = "rm1:doctor"  # a key that is never written
_PATIENCE_SECONDS = 3.0
_NO_RIGHT = "no right: "
_PROBES: tuple[tuple[str, ...], ...] = (
    ("EVALSHA", "0" * 40, "1", _UNUSED),
    ("EVAL", "return 1", "none"),
    ("EXISTS", _UNUSED),
    ("EXPIRE", _UNUSED, "1"),
    ("EXPIREAT", _UNUSED, "1"),
    ("GET", _UNUSED),
    ("HDEL", _UNUSED, "f"),
    ("HEXISTS", _UNUSED, "f"),
    ("HGET", _UNUSED, "f"),
    ("HGETALL", _UNUSED),
    ("HLEN", _UNUSED),
    ("HMGET", _UNUSED, "f"),
    ("HSET", _UNUSED, "f", "v", "one too many"),
    ("PERSIST", _UNUSED),
    ("SET", _UNUSED, "v", "no such option"),
    ("TIME",),
)
_PROBES_OF = {Kind.SENTINEL: (("ROLE",),), Kind.CLUSTER: (("CLUSTER", "SLOTS"),)}
COMMANDS = tuple(words[0] for words in _PROBES)


class RedisInspection:
    """``url`` as for ``RedisStore``. It waits for _PATIENCE_SECONDS: no SMTP client waits meanwhile."""

    def __init__(self, url: str) -> None:
        self._connections = RedisConnections(url, _PATIENCE_SECONDS)
        target = read_url(url)
        self._user = target.user
        self._probes = _PROBES + _PROBES_OF.get(target.kind, ())
        self._in_cluster = target.kind is Kind.CLUSTER
        self._server: Server

    def look(self) -> StoreFacts:
        """Inspect the only server, or the first."""
        return self.look_at_all()[0]

    def look_at_all(self) -> list[StoreFacts]:
        """Inspect each server that has a part of the data; without a known server, return facts of one unreachable."""
        try:
            servers = self._connections.servers()
        except StoreUnavailableError as error:
            return [StoreFacts(None, str(error), user=self._user)]
        found = [self._look_at(server) for server in servers]
        self._connections.close()
        return [
            replace(facts, server=server.name, in_cluster=self._in_cluster)
            for facts, server in zip(found, servers, strict=True)
        ]

    def topology(self) -> TopologyFacts:
        """Inspect the Sentinels, or whether each slot of a Cluster has a master."""
        where, deadline = self._connections.topology, time.monotonic() + _PATIENCE_SECONDS
        if isinstance(where, Sentinels):
            return TopologyFacts({sentinel.name: where.problem(sentinel) for sentinel in where.sentinels()})
        try:
            return TopologyFacts(uncovered=where.uncovered(deadline) if isinstance(where, Cluster) else 0)
        except KNOWN:
            return TopologyFacts()

    def _look_at(self, server: Server) -> StoreFacts:
        self._server = server
        start = time.monotonic()
        problem = self._refusal(("EXISTS", _UNUSED))
        seconds = time.monotonic() - start
        if problem and not _about_rights(problem):
            return StoreFacts(None, problem)
        refusals = {name_of(words): self._refusal(words) for words in self._probes}
        return StoreFacts(
            seconds,
            info=self._info(),
            refused=tuple(name for name, words in refusals.items() if _about_rights(words) and not _about_keys(words)),
            keys_refused=any(map(_about_keys, refusals.values())),
            user=self._user,
            unix=self._time(),
        )

    def _refusal(self, words: tuple[str, ...]) -> str:
        """Return why this user may not use a command; empty if it may, even if the command fails for its arguments."""
        try:
            with self._connections.operation_on(self._server, "doctor") as call:
                call(words)
        except StoreUnavailableError as error:
            text = str(error).removeprefix("doctor: ")
            if "'role'" in text and words != ("ROLE",):  # each new connection sends ROLE first, for any command
                return ""
            if error.kind == "auth" and "permission" in text:
                return f"{_NO_RIGHT}{text}"
            if error.kind == "moved":  # the key is on another master: Redis checks rights first
                return ""
            if error.kind == "response":  # permitted; but an unknown command may have been renamed
                return f"{_NO_RIGHT}{text}" if text.startswith("unknown command") else ""
            return text
        return ""

    def _info(self) -> dict[str, str]:
        try:
            with self._connections.operation_on(self._server, "doctor") as call:
                (answer,) = call(("INFO",))
        except StoreUnavailableError:
            return {}
        return read_info(bytes(answer))

    def _time(self) -> float | None:
        """Return the store's clock in Unix seconds, corrected by half of the round trip."""
        start = time.monotonic()
        try:
            with self._connections.operation_on(self._server, "doctor") as call:
                ((seconds, microseconds),) = call(("TIME",))
        except StoreUnavailableError:
            return None
        return int(seconds) + int(microseconds) / 1e6 + (time.monotonic() - start) / 2


def name_of(words: tuple[str, ...]) -> str:
    """Return a command as ACL rules name it, in upper case: CLUSTER|SLOTS."""
    return "|".join(words) if words[0] == "CLUSTER" else words[0]


def _about_rights(problem: str) -> bool:
    return problem.startswith(_NO_RIGHT)


def _about_keys(problem: str) -> bool:
    return _about_rights(problem) and "key" in problem
