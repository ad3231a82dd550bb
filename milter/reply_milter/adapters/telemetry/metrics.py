"""Prometheus metrics of several processes.

Each process writes to memory-mapped files of its own in one folder (prometheus_client's multiprocess mode), and the
metrics process adds them up for ``/metrics``. A file is named by the worker's slot, not by the process id, so that a
restarted worker goes on counting where the last one stopped, and restarts leave no files behind.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from reply_milter.adapters.telemetry.cells import Cells
from reply_milter.adapters.telemetry.wrapped import WrappedSeries
from reply_milter.core.verdict.handler import Handlers
from reply_milter.ports import Minting, Replay

# The largest are what an MTA waits for: milter_command_timeout of Postfix is 30 seconds.
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DAY = 86400.0
_AGES = (
    60.0,
    3600.0,
    6 * 3600.0,
    _DAY,
    3 * _DAY,
    7 * _DAY,
    14 * _DAY,
    30 * _DAY,
    60 * _DAY,
    90 * _DAY,
    365 * _DAY,
)


def prepare(folder: str) -> None:
    """Empty ``folder`` for a new run, before the first process counts."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)


def process_registry(folder: str, slot: str) -> CollectorRegistry:
    """Return a registry whose series this process keeps in files named by ``slot``."""
    return _registry(Cells(folder, slot))


def _registry(cells: Cells) -> CollectorRegistry:
    values.ValueClass = cells
    return CollectorRegistry()


class Metrics:
    """All series of one process. ``slot`` names its files under ``folder``; one process per slot at a time."""

    def __init__(self, folder: str, slot: str, stages: tuple[str, ...], operations: tuple[str, ...]) -> None:
        self.registry = registry = process_registry(folder, slot)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"reply_milter_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
            return Histogram(f"reply_milter_{name}", text, labels, buckets=buckets, registry=registry)

        self.recipients = counter("recipients_total", "Reply recipients answered at RCPT.", "verdict", "reason")
        self.messages = counter(
            "messages_total",
            "Messages to reply recipients answered at end of message.",
            "verdict",
            "reason",
            "handler",
        )
        self.stages = histogram("stage_seconds", "Time to decide at an SMTP stage.", "stage")
        self.store = histogram("store_seconds", "Time of a store operation that was answered.", "operation")
        self.store_errors = counter("store_errors_total", "Store operations that failed.", "operation", "kind")
        self.internal_errors = counter(
            "internal_errors_total", "Internal errors; the client is deferred and retries.", "stage"
        )
        self.replays = counter("replay_total", "Outcomes of claims.", "outcome")
        self.commits_dropped = counter(
            "commits_dropped_total", "Accepted replies left reserved because too many commits waited for the store."
        )
        self.ages = histogram("token_age_seconds", "Age of the address when its reply was accepted.", buckets=_AGES)
        self.wrong_authors = counter("wrong_authors_total", "Different authors of a token who were not its own.")
        self.leaked = counter("addresses_leaked_total", "Addresses with so many wrong authors that they have leaked.")
        self.disagreements = counter(
            "address_disagreements_total", "Recipients that the MTA and the milter read as different addresses."
        )
        self.stripped = counter("headers_stripped_total", "Foreign X-Reply-Verdict fields removed from replies.")
        self._create_minting(counter)
        self._create_gauges(registry)
        self._create_series(stages, operations)

    def _create_minting(self, counter: Callable[..., Counter]) -> None:
        self.minted = counter("minted_total", "Reply addresses minted for notifications.", "handler")
        self.wrapped = WrappedSeries(self.registry)
        self.notifications = counter(
            "notifications_total",
            "Outgoing messages that asked for a reply address, or held a wrapped application's own.",
            "outcome",
        )
        self.untrusted = counter(
            "notifications_untrusted_total",
            "Outgoing messages that left without the reply address they asked for, because their client may not ask.",
        )

    def _create_gauges(self, registry: CollectorRegistry) -> None:
        self.store_up = Gauge(
            "reply_milter_store_up",
            "Whether the last operation on the store was answered.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.connections = Gauge(
            "reply_milter_connections",
            "Open connections of the MTA.",
            registry=registry,
            multiprocess_mode="sum",
        )
        self.key_use = Gauge(
            "reply_milter_key_last_used_timestamp_seconds",
            "When a master key last verified an accepted reply.",
            ["key"],
            registry=registry,
            multiprocess_mode="max",
        )

    def _create_series(self, stages: tuple[str, ...], operations: tuple[str, ...]) -> None:
        for outcome in Replay:
            self.replays.labels(outcome.value)
        for minting in Minting:
            self.notifications.labels(minting.value)
        for stage in stages:
            self.stages.labels(stage)
            self.internal_errors.labels(stage)
        for operation in operations:
            self.store.labels(operation)
        self.connections.set(0)

    def expect_errors(self, operations: Iterable[str], kinds: Iterable[str]) -> None:
        """Create the series of a store's failures, so that a first one shows as an increase."""
        for operation, kind in product(operations, kinds):
            self.store_errors.labels(operation, kind)

    def expect_handlers(self, handlers: Handlers) -> None:
        """Create the series of handlers, so that a first address shows as an increase."""
        for handler in handlers.by_id.values():
            self.minted.labels(handler.name)
            if handler.wrap is not None:
                self.wrapped.expect_handler(handler.name)


class SupervisorMetrics:
    """Series of the supervisor itself."""

    def __init__(self, folder: str, version: str) -> None:
        self._folder, self._version = folder, version
        self._open()

    def _open(self) -> None:
        self._cells = Cells(self._folder, "supervisor")
        registry = _registry(self._cells)
        self._reload = Gauge(
            "reply_milter_config_last_reload_success",
            "Whether the configuration was good when it was last read.",
            registry=registry,
            multiprocess_mode="min",
        )
        build = Gauge("reply_milter_build_info", "Always 1.", ["version"], registry=registry, multiprocess_mode="max")
        self._reload.set(1)
        build.labels(self._version).set(1)

    def reloaded(self, good: bool) -> None:
        """Count a reload; open new files if one was cut: a write would kill the supervisor, which nothing restarts."""
        if not self._cells.are_there():
            self._cells.close()
            self._open()
        self._reload.set(int(good))
