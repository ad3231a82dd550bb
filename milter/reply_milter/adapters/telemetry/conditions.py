"""Series that nobody counts: looked up when the page is asked for. Processes, the store's own word, settings in force.

prometheus_client's multiprocess mode has none of the usual series of a process, since its files belong to many; here
they are read for each of our processes, and named by its slot.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reply_milter.core.keyring import KeyState
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.condition import Process, SettingsCondition, StoreCondition

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


class StoreSeries(Collector):
    """What the store tells of itself when it is asked."""

    def __init__(self, look: Callable[[], StoreCondition]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """``redis_up`` alone where it tells nothing."""
        try:
            condition = self._look()
        except StoreUnavailableError:
            return [_gauge("redis_up", "Whether Redis told of itself (INFO) when it was asked just now.", 0)]
        about = GaugeMetricFamily(
            "reply_milter_redis_info",
            "Always 1: the version of Redis, its role, and what it does when it is full.",
            labels=["version", "role", "maxmemory_policy"],
        )
        about.add_metric([condition.version, condition.role, condition.policy], 1)
        return [
            _gauge("redis_up", "Whether Redis told of itself (INFO) when it was asked just now.", 1),
            about,
            _gauge("redis_uptime_seconds", "How long Redis has been running.", condition.uptime_seconds),
            _gauge("redis_clients", "Connections that Redis has.", condition.clients),
            _gauge("redis_keys", "Keys in Redis: an address that was answered is one.", condition.keys),
            _gauge("redis_memory_used_bytes", "What Redis keeps in memory.", condition.used_bytes),
            _gauge("redis_memory_limit_bytes", "Its maxmemory; 0: no limit.", condition.max_bytes),
            _gauge("redis_aof_enabled", "Whether Redis writes an append-only file.", condition.aof_enabled),
            _gauge("redis_aof_ok", "Whether its last write and rewrite went well.", condition.aof_ok),
            _counter("redis_commands", "Commands that Redis carried out.", condition.commands),
            _counter("redis_evicted_keys", "Keys that Redis threw away because it was full.", condition.evicted_keys),
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
