"""The store: a Redis that answers in time, loses no data, evicts no keys, and allows the commands that we need."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reply_milter.core.diagnosis.problem import REDIS, SHELL, TOML, Problem, Remedy, error, note, warning
from reply_milter.core.encoding.plural import counted

_VERSION = (7, 0)
_FULL, _FILLING = 0.95, 0.8
_SENTINELS = 3
_LOSS_SECONDS = 7 * 86400  # how long a loss is reported after it was remedied


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What is known of one Redis.

    ``seconds``: until it answered, None if it never did; ``problem``: why not. ``info``: INFO's fields, empty if this
    user may not use INFO. ``refused``: commands that it may not use; ``keys_refused``: it may not use our keys.
    ``server``: which one of several it is; ``in_cluster``: the URL is that of a Cluster.
    """

    seconds: float | None
    problem: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    keys_refused: bool = False
    user: str = "default"
    server: str = ""
    in_cluster: bool = False
    unix: float | None = None

    def number(self, name: str) -> int:
        """Return a field of INFO as a number; 0 if it is missing."""
        text = self.info.get(name, "")
        return int(text) if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class TopologyFacts:
    """``sentinels``: what is wrong with each, or empty texts; ``uncovered``: slots of a Cluster without a master."""

    sentinels: Mapping[str, str] = field(default_factory=dict)
    uncovered: int = 0


def examine_topology(topology: TopologyFacts) -> Iterator[Problem]:
    """Examine the Sentinels, and whether each slot of a Cluster has a master."""
    silent = {name: problem for name, problem in topology.sentinels.items() if problem}
    severity = warning if 2 * len(silent) < len(topology.sentinels) else error
    for name, problem in silent.items():
        yield severity("store.sentinel", f"Sentinel {name}: {problem}", "a failover may not be followed, or not happen")
    if 0 < len(topology.sentinels) < _SENTINELS:
        yield warning(
            "store.sentinels",
            f"the URL names {counted(len(topology.sentinels), 'Sentinel')}",
            "fewer than three cannot agree when one is unavailable: name all of them",
        )
    if topology.uncovered:
        yield error(
            "store.slots", f"slots of the Cluster without a master: {topology.uncovered}", "some replies are deferred"
        )


def examine_loss(lost_at: int, restored_at: int, now: int) -> Iterator[Problem]:
    """Examine whether this host has noticed a loss of data; times in Unix seconds, 0 for never."""
    if not lost_at or (restored_at >= lost_at and now - lost_at > _LOSS_SECONDS):
        return
    when = datetime.fromtimestamp(lost_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if restored_at < lost_at:
        yield error(
            "store.lost",
            f"the store lost data on {when}, and the revocations of this host are not restored",
            "revoked addresses may work, and replies taken before may be replayed once",
            Remedy(SHELL, "reply-milter revoke restore"),
        )
    else:
        yield warning(
            "store.lost",
            f"the store lost data on {when}; the revocations of this host were restored",
            "replies taken before may be replayed once; import the users on file again",
        )


def of_one(server: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield ``problems`` with the name of the server, where there are several."""
    return (replace(problem, what=f"{server}: {problem.what}") for problem in problems)


def examine(store: StoreFacts, timeout_ms: int, embedded: bool) -> Iterator[Problem]:
    """Examine one Redis. ``embedded``: the daemon starts it."""
    if store.seconds is None:
        remedy = Remedy(SHELL, "systemctl restart reply-milter") if embedded else Remedy()
        yield error("store.unreachable", f"the store does not answer: {store.problem}", "replies are deferred", remedy)
        return
    if store.seconds * 1000 > timeout_ms:
        longer = min(20000, max(timeout_ms * 2, int(store.seconds * 3000)))
        yield error(
            "store.slow",
            f"the store answered after {store.seconds * 1000:.0f} ms, and timeout_ms is {timeout_ms}",
            "replies are deferred",
            Remedy(TOML, f"timeout_ms = {longer}", "[store]"),
        )
    yield from examine_rights(store)
    if not store.info:
        yield warning(
            "store.info",
            f"the Redis user {store.user} may not use INFO",
            "whether the store keeps its data was not examined",
            Remedy(REDIS, f"ACL SETUSER {store.user} +info"),
        )
        return
    yield from _mode(store)
    yield from _version(store)
    yield from _persistence(store)
    yield from _memory(store)


def examine_rights(store: StoreFacts) -> Iterator[Problem]:
    """Examine what its user may not do."""
    if store.keys_refused:
        yield error(
            "store.keys",
            f"the Redis user {store.user} may not use keys that begin with rm1:",
            "replies are deferred",
            Remedy(REDIS, f"ACL SETUSER {store.user} ~rm1:*"),
        )
    if store.refused:
        names = " ".join(f"+{name.lower()}" for name in store.refused)
        yield error(
            "store.commands",
            f"the Redis user {store.user} may not use {', '.join(store.refused)}",
            "replies are deferred, or operators cannot revoke",
            Remedy(REDIS, f"ACL SETUSER {store.user} {names}"),
        )


def _mode(store: StoreFacts) -> Iterator[Problem]:
    if store.info.get("redis_mode") == "cluster" and not store.in_cluster:
        yield error(
            "store.mode",
            "the store is one server of a Cluster, but the URL names only this server",
            "replies whose keys are on other servers are deferred: begin the URL with redis+cluster://",
        )


def _version(store: StoreFacts) -> Iterator[Problem]:
    text = store.info.get("redis_version", "")
    parts = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    if len(parts) < 2 or parts < _VERSION:
        yield error(
            "store.version",
            f"the store is Redis {text or 'of an unknown version'}",
            "7.0 is the oldest version that is known to work",
        )
    if store.info.get("role", "master") != "master":
        yield error("store.replica", "the store is a replica", "it takes no writes: replies are deferred")


def _persistence(store: StoreFacts) -> Iterator[Problem]:
    if store.info.get("aof_enabled") != "1":
        yield error(
            "store.aof",
            "the store writes no append-only file",
            "a crash loses the records of up to an hour of replies, which can then be replayed",
            Remedy(REDIS, "CONFIG SET appendonly yes\nCONFIG REWRITE"),
        )
    failed = [name for name in ("aof_last_write_status", "aof_last_bgrewrite_status") if store.info.get(name) == "err"]
    if failed:
        yield error(
            "store.aof_failing",
            f"the store could not write its append-only file ({', '.join(failed)})",
            "it refuses writes, and replies are deferred: look for a full disk",
        )


def _memory(store: StoreFacts) -> Iterator[Problem]:
    policy = store.info.get("maxmemory_policy", "")
    if policy != "noeviction":
        yield error(
            "store.eviction",
            f"maxmemory-policy is {policy or 'unknown'}",
            "a reply whose record was evicted can be replayed",
            Remedy(REDIS, "CONFIG SET maxmemory-policy noeviction\nCONFIG REWRITE"),
        )
    if store.number("evicted_keys"):
        yield warning(
            "store.evicted",
            f"the store evicted {counted(store.number('evicted_keys'), 'key')} since it was started",
            "if they were ours, the replies in them can be replayed",
        )
    most, used = store.number("maxmemory"), store.number("used_memory")
    if most and used > most * _FILLING:
        severity = error if used > most * _FULL else warning
        yield severity(
            "store.memory",
            f"the store uses {used >> 20} of {most >> 20} MiB",
            "when it is full, replies are deferred",
            Remedy(REDIS, f"CONFIG SET maxmemory {2 * most}\nCONFIG REWRITE"),
        )
    if not most and used > store.number("total_system_memory") * _FILLING > 0:
        yield note(
            "store.memory",
            "the store uses most of this host's memory, and has no maxmemory",
            "the kernel may kill it; then it starts again with the data of its append-only file",
        )
