"""Series that nobody counts: looked up when the page is asked for. Processes, the store's own word, settings in force.

prometheus_client's multiprocess mode has none of the usual series of a process, since its files belong to many; here
they are read for each of our processes, and named by its slot.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reply_milter.core.token.keyring import KeyState
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.condition import LossCondition, Process, SettingsCondition, StoreCondition

log = logging.getLogger(__name__)

_LEFT_OUT = "reply_milter_process_virtual_memory_bytes"  # says nothing about a process that maps shared files


class ProcessSeries(Collector):
    """Every process of the daemon, by its slot."""

    def __init__(self, processes: Callable[[], Sequence[Process]]) -> None:
        self._processes = processes

    def collect(self) -> Iterable[Metric]:
        """Of all, whether they run and how often they were restarted; of those that run, what they use."""
        up = GaugeMetricFamily("reply_milter_process_up", "Whether a process of the daemon runs.", labels=["process"])
        restarts = CounterMetricFamily(
            "reply_milter_process_restarts", "Times that a process was started again.", labels=["process"]
        )
        used: dict[str, Metric] = {}
        for process in self._processes():
            up.add_metric([process.name], float(bool(process.pid)))
            restarts.add_metric([process.name], max(0, process.starts - 1))
            if process.pid:
                _add_usage(used, process)
        return [up, restarts, *used.values()]


def _add_usage(used: dict[str, Metric], process: Process) -> None:
    """What the library's own collector reads of one process, with that process as a label."""
    one = ProcessCollector("reply_milter", lambda: process.pid, registry=None)
    for family in one.collect():
        if family.name == _LEFT_OUT:
            continue
        whole = used.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        for sample in family.samples:
            whole.add_sample(sample.name, {"process": process.name}, sample.value)


_STORE_GAUGES = (
    ("redis_uptime_seconds", "How long Redis has been running.", "uptime_seconds"),
    ("redis_clients", "Connections that Redis has.", "clients"),
    ("redis_keys", "Keys in Redis: an address that was answered is one.", "keys"),
    ("redis_memory_used_bytes", "What Redis keeps in memory.", "used_bytes"),
    ("redis_memory_limit_bytes", "Its maxmemory; 0: no limit.", "max_bytes"),
    ("redis_aof_enabled", "Whether Redis writes an append-only file.", "aof_enabled"),
    ("redis_aof_ok", "Whether its last write and rewrite went well.", "aof_ok"),
)
_STORE_COUNTERS = (
    ("redis_commands", "Commands that Redis carried out.", "commands"),
    ("redis_evicted_keys", "Keys that Redis threw away because it was full.", "evicted_keys"),
)


class StoreSeries(Collector):
    """What each server of the store tells of itself when it is asked."""

    def __init__(self, look: Callable[[], Mapping[str, StoreCondition | None]]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """``redis_up`` alone of a server that tells nothing, and without a server where none is known."""
        up = GaugeMetricFamily(
            "reply_milter_redis_up",
            "Whether Redis told of itself (INFO) when it was asked just now.",
            labels=["server"],
        )
        try:
            conditions = self._look()
        except StoreUnavailableError:
            up.add_metric([""], 0)
            return [up]
        for server, condition in conditions.items():
            up.add_metric([server], float(condition is not None))
        told = [condition for condition in conditions.values() if condition is not None]
        about = GaugeMetricFamily(
            "reply_milter_redis_info",
            "Always 1: the version of Redis, its role, and what it does when it is full.",
            labels=["server", "version", "role", "maxmemory_policy"],
        )
        for condition in told:
            about.add_metric([condition.server, condition.version, condition.role, condition.policy], 1)
        return [up, about, *_store_families(told)]


def _store_families(told: Sequence[StoreCondition]) -> Iterable[Metric]:
    kinds: tuple[tuple[type[GaugeMetricFamily] | type[CounterMetricFamily], tuple[tuple[str, str, str], ...]], ...] = (
        (GaugeMetricFamily, _STORE_GAUGES),
        (CounterMetricFamily, _STORE_COUNTERS),
    )
    for kind, series in kinds:
        for name, text, field in series:
            family = kind(f"reply_milter_{name}", text, labels=["server"])
            for condition in told:
                family.add_metric([condition.server], float(getattr(condition, field)))
            yield family


class LossSeries(Collector):
    """Whether the store has lost data, as far as this host has seen."""

    def __init__(self, look: Callable[[], LossCondition]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """All of it, from the start."""
        condition = self._look()
        losses = CounterMetricFamily(
            "reply_milter_redis_losses", "Times that Redis was seen to have lost data.", labels=["kind"]
        )
        for kind, count in condition.losses.items():
            losses.add_metric([kind.value], count)
        return [
            losses,
            _gauge("redis_last_loss_timestamp_seconds", "When Redis last lost data; 0: never.", condition.last),
            _counter("revocations_put_back", "Revocations that were put back into Redis.", condition.put_back),
        ]


class SettingsSeries(Collector):
    """The settings in force."""

    def __init__(self, look: Callable[[], SettingsCondition]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """Keys in all their states, the mode, and how often the canary is sent."""
        condition = self._look()
        states = GaugeMetricFamily(
            "reply_milter_key_state", "1 for the state that a master key is in.", labels=["key", "state"]
        )
        expiries = GaugeMetricFamily(
            "reply_milter_key_last_address_expires_timestamp_seconds",
            "When the last address that a master key minted expires; it may be retired after that.",
            labels=["key"],
        )
        for key in condition.keys:
            for state in KeyState:
                states.add_metric([key.id, state.value], float(key.state is state))
            if key.last_expiry is not None:
                expiries.add_metric([key.id], key.last_expiry)
        return [
            states,
            expiries,
            _gauge("enforcing", "1 where findings have consequences, 0 in observe mode.", condition.enforcing),
            _gauge("canary_interval_seconds", "Time between two canaries; 0: none.", condition.canary_seconds),
        ]


class Guarded(Collector):
    """Another collector, whose accident costs its own series and not the page."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        """What it collects, or nothing."""
        try:
            return list(self._collector.collect())
        except Exception:
            log.exception("cannot collect metrics")
            return []


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"reply_milter_{name}", text, float(value))


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"reply_milter_{name}", text, value)
