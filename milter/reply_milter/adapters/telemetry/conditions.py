"""Series that are looked up when the page is read: processes, the store's INFO, losses, the settings in force.

prometheus_client's multiprocess mode has none of the usual series of a process, because several processes share its
files. Here they are read for each of our processes, and labelled with its slot.
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
        """Yield, for each process, whether it runs and how often it was restarted; and its usage, if it runs."""
        up = GaugeMetricFamily("reply_milter_process_up", "Whether a process of the daemon runs.", labels=["process"])
        restarts = CounterMetricFamily("reply_milter_process_restarts", "Restarts of a process.", labels=["process"])
        used: dict[str, Metric] = {}
        for process in self._processes():
            up.add_metric([process.name], float(bool(process.pid)))
            restarts.add_metric([process.name], max(0, process.starts - 1))
            if process.pid:
                _add_usage(used, process)
        return [up, restarts, *used.values()]


def _add_usage(used: dict[str, Metric], process: Process) -> None:
    """Add what the library's own collector reads of one process, with the process as a label."""
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
    ("redis_keys", "Keys in Redis; each address that was replied to has one.", "keys"),
    ("redis_memory_used_bytes", "Memory that Redis uses for its data.", "used_bytes"),
    ("redis_memory_limit_bytes", "maxmemory of Redis; 0: no limit.", "max_bytes"),
    ("redis_aof_enabled", "Whether Redis writes an append-only file.", "aof_enabled"),
    ("redis_aof_ok", "Whether the last write and rewrite of the append-only file succeeded.", "aof_ok"),
)
_STORE_COUNTERS = (
    ("redis_commands", "Commands that Redis carried out.", "commands"),
    ("redis_evicted_keys", "Keys that Redis evicted because its memory was full.", "evicted_keys"),
)


class StoreSeries(Collector):
    """What INFO of each server of the store says."""

    def __init__(self, look: Callable[[], Mapping[str, StoreCondition | None]]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """Yield only ``redis_up`` for a server that does not answer; without a server name if none is known."""
        up = GaugeMetricFamily(
            "reply_milter_redis_up",
            "Whether Redis answers INFO now.",
            labels=["server"],
        )
        try:
            conditions = self._look()
        except StoreUnavailableError:
            up.add_metric([""], 0)
            return [up]
        for server, condition in conditions.items():
            up.add_metric([server], float(condition is not None))
        answered = [condition for condition in conditions.values() if condition is not None]
        about = GaugeMetricFamily(
            "reply_milter_redis_info",
            "Always 1: the version of Redis, its role, and what it does when its memory is full.",
            labels=["server", "version", "role", "maxmemory_policy"],
        )
        for condition in answered:
            about.add_metric([condition.server, condition.version, condition.role, condition.policy], 1)
        return [up, about, *_store_families(answered)]


def _store_families(answered: Sequence[StoreCondition]) -> Iterable[Metric]:
    kinds: tuple[tuple[type[GaugeMetricFamily] | type[CounterMetricFamily], tuple[tuple[str, str, str], ...]], ...] = (
        (GaugeMetricFamily, _STORE_GAUGES),
        (CounterMetricFamily, _STORE_COUNTERS),
    )
    for kind, series in kinds:
        for name, text, field in series:
            family = kind(f"reply_milter_{name}", text, labels=["server"])
            for condition in answered:
                family.add_metric([condition.server], float(getattr(condition, field)))
            yield family


class LossSeries(Collector):
    """Losses of the store's data that this host has noticed."""

    def __init__(self, look: Callable[[], LossCondition]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """Yield all series, also before the first loss."""
        condition = self._look()
        losses = CounterMetricFamily(
            "reply_milter_redis_losses", "Losses of data in Redis that this host noticed.", labels=["kind"]
        )
        for kind, count in condition.losses.items():
            losses.add_metric([kind.value], count)
        return [
            losses,
            _gauge(
                "redis_last_loss_timestamp_seconds",
                "When this host last noticed a loss of data in Redis; 0: never.",
                condition.last,
            ),
            _counter(
                "revocations_put_back", "Revocations that this host restored in Redis after a loss.", condition.restored
            ),
        ]


class SettingsSeries(Collector):
    """The settings in force."""

    def __init__(self, look: Callable[[], SettingsCondition]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        """Yield the state of each key, the mode, and how often the canary is sent."""
        condition = self._look()
        states = GaugeMetricFamily(
            "reply_milter_key_state",
            "1 for the current state of a master key, 0 for the others.",
            labels=["key", "state"],
        )
        expiries = GaugeMetricFamily(
            "reply_milter_key_last_address_expires_timestamp_seconds",
            "When the last address minted with a master key expires; the key can be retired then.",
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
            _gauge("enforcing", "1 in enforce mode, 0 in observe mode.", condition.enforcing),
            _gauge("canary_interval_seconds", "Time between two canaries; 0: none are sent.", condition.canary_seconds),
            _gauge(
                "wrapped_canary_interval_seconds",
                "Time between two wrapped canaries; 0: none are sent.",
                condition.wrapped_canary_seconds,
            ),
            _gauge(
                "native_canary_interval_seconds",
                "Time between two native canaries; 0: none are sent.",
                condition.native_canary_seconds,
            ),
        ]


class Guarded(Collector):
    """Wraps a collector: if it raises an error, its series are missing, and the rest of the page is shown."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        """Return what it collects, or nothing after an error."""
        try:
            return list(self._collector.collect())
        except Exception:
            log.exception("cannot collect metrics")
            return []


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"reply_milter_{name}", text, float(value))


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"reply_milter_{name}", text, value)
