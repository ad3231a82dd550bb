"""Prometheus metrics and the log line of each decision.

Several processes write, each into memory-mapped files of its own under one folder (prometheus_client's multiprocess
mode), and one more process adds them up for ``/metrics``. Files are named by worker slot, not by process id, so that a
worker that is restarted goes on counting where the last one stopped, and a thousand restarts leave no thousand files.
"""

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.exposition import start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from reply_milter.core.verdict import Reason
from reply_milter.ports import Decision, Replay

log = logging.getLogger("reply_milter.decision")

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
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
# What RCPT can answer: series that exist from the start, so that a first refusal shows as an increase.
_AT_RCPT = (
    ("accept", Reason.OK),
    ("reject", Reason.MALFORMED),
    ("reject", Reason.FORGED),
    ("reject", Reason.EXPIRED),
    ("reject", Reason.REVOKED),
    ("defer", Reason.NOT_ALONE),
    ("defer", Reason.THROTTLED),
    ("defer", Reason.STORE_UNAVAILABLE),
)


def prepare(folder: str) -> None:
    """Empty ``folder`` for a new run, before any process of it counts."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)


def _multiprocess(folder: str, slot: str) -> CollectorRegistry:
    """A registry whose series this process keeps in files named by ``slot``."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
    return CollectorRegistry()


class Metrics:
    """All series of one process. ``slot`` names its files under ``folder``; one process a slot at a time."""

    def __init__(self, folder: str, slot: str, stages: tuple[str, ...], operations: tuple[str, ...]) -> None:
        registry = _multiprocess(folder, slot)

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
        self.stages = histogram("stage_seconds", "Time to decide at one SMTP stage.", "stage")
        self.store = histogram("store_seconds", "Time of a store operation that was answered.", "operation")
        self.store_errors = counter("store_errors_total", "Store operations that failed.", "operation", "kind")
        self.store_up = Gauge(
            "reply_milter_store_up",
            "Whether the last operation on the store was answered.",
            registry=registry,
            multiprocess_mode="min",
        )
        self.replays = counter("replay_total", "What claims found.", "outcome")
        self.ages = histogram("token_age_seconds", "Age of the address when its reply was accepted.", buckets=_AGES)
        self.connections = Gauge(
            "reply_milter_connections",
            "Open connections of the MTA.",
            registry=registry,
            multiprocess_mode="sum",
        )
        self.disagreements = counter(
            "address_disagreements_total", "Recipients that the MTA read as another address than we did."
        )
        self.stripped = counter("headers_stripped_total", "Foreign X-Reply-Verdict fields taken off replies.")
        self.key_use = Gauge(
            "reply_milter_key_last_used_timestamp_seconds",
            "When a master key last verified a reply recipient.",
            ["key"],
            registry=registry,
            multiprocess_mode="max",
        )
        self._create_series(stages, operations)

    def _create_series(self, stages: tuple[str, ...], operations: tuple[str, ...]) -> None:
        for verdict, reason in _AT_RCPT:
            self.recipients.labels(verdict, reason.value)
        for outcome in Replay:
            self.replays.labels(outcome.value)
        for stage in stages:
            self.stages.labels(stage)
        for operation in operations:
            self.store.labels(operation)
        self.connections.set(0)


class SupervisorMetrics:
    """What the supervisor itself has to tell."""

    def __init__(self, folder: str, version: str) -> None:
        registry = _multiprocess(folder, "supervisor")
        self._reload = Gauge(
            "reply_milter_config_last_reload_success",
            "Whether the configuration was good when it was last read.",
            registry=registry,
            multiprocess_mode="min",
        )
        build = Gauge("reply_milter_build_info", "Always 1.", ["version"], registry=registry, multiprocess_mode="max")
        self._reload.set(1)
        build.labels(version).set(1)

    def reloaded(self, good: bool) -> None:
        """The configuration was read again."""
        self._reload.set(int(good))


class WorkerTelemetry:
    """What a worker counts and logs: implements ``ports.Telemetry`` and what the doors and the store ask for."""

    def __init__(self, metrics: Metrics) -> None:
        self._m = metrics
        self._started = threading.local()
        self.keys_used: dict[str, int] = {}  # by master key id, Unix seconds; the worker puts it on record

    def recipient(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self._m.recipients.labels(_verdict(decision), decision.reason).inc()
        accepted = decision.verdict == "accept" and not decision.would
        self._log(logging.DEBUG if accepted else logging.INFO, "recipient", decision)

    def message(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self._m.messages.labels(_verdict(decision), decision.reason, decision.handler).inc()
        self._log(logging.INFO, "message", decision)

    def replay(self, outcome: Replay) -> None:
        """See ``ports.Telemetry``."""
        self._m.replays.labels(outcome.value).inc()

    def address_disagreement(self) -> None:
        """See ``ports.Telemetry``."""
        self._m.disagreements.inc()

    def headers_stripped(self, count: int) -> None:
        """See ``ports.Telemetry``."""
        self._m.stripped.inc(count)

    def token_age(self, seconds: int) -> None:
        """See ``ports.Telemetry``."""
        self._m.ages.observe(max(0, seconds))

    def key_used(self, master_id: str, now: int) -> None:
        """See ``ports.Telemetry``."""
        self.keys_used[master_id] = now
        self._m.key_use.labels(master_id).set(now)

    def connection_opened(self) -> None:
        """An MTA connected."""
        self._m.connections.inc()

    def connection_closed(self) -> None:
        """It is gone."""
        self._m.connections.dec()

    def stage_started(self) -> None:
        """A callback that may decide begins. One callback runs on one thread, and so may its clock."""
        self._started.at = time.perf_counter()

    def stage_ended(self, name: str) -> None:
        """It has its answer."""
        self._m.stages.labels(name).observe(time.perf_counter() - self._started.at)

    def _log(self, level: int, event: str, decision: Decision) -> None:
        milliseconds = f"{(time.perf_counter() - self._started.at) * 1000:.2f}"
        log.log(level, "%s", event, extra={"decision": decision, "milliseconds": milliseconds})

    def store_operation(self, operation: str, seconds: float) -> None:
        """An operation on the store was answered."""
        self._m.store.labels(operation).observe(seconds)
        self._m.store_up.set(1)

    def store_error(self, operation: str, kind: str) -> None:
        """An operation on the store failed."""
        self._m.store_errors.labels(operation, kind).inc()
        self._m.store_up.set(0)
        log.warning("the store gave no answer: operation=%s kind=%s", operation, kind)


def serve_metrics(folder: str, host: str, port: int) -> None:
    """Answer ``/metrics`` with the sums over all processes, from a thread of its own.

    Raises:
        OSError: the address can't be bound.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    start_http_server(port, addr=host, registry=registry)


def _verdict(decision: Decision) -> str:
    return f"would_{decision.would}" if decision.would else decision.verdict


class _Formatter(logging.Formatter):
    """One line a record; a decision's fields as key=value pairs or as JSON members. UTC."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record``; a traceback goes on behind it, escaped in JSON."""
        fields = _fields(record)
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        if self._as_json:
            head = {"time": moment, "level": record.levelname.lower(), "event": text}
            return json.dumps({**head, "pid": os.getpid(), **fields})
        pairs = "".join(f" {name}={value}" for name, value in fields.items())
        return f"{moment} {record.levelname.lower()} reply-milter[{os.getpid()}]: {text}{pairs}"


def _fields(record: logging.LogRecord) -> Mapping[str, str]:
    decision = getattr(record, "decision", None)
    if not isinstance(decision, Decision):
        return {}
    named = {
        "queue": decision.queue_id,
        "token": decision.token_id,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "would": decision.would,
        "stage": decision.stage,
        "handler": decision.handler,
        "replay": decision.replay,
        "ms": getattr(record, "milliseconds", ""),
    }
    return {name: str(value) for name, value in named.items() if value}


def log_to_stderr(as_json: bool, level: str) -> None:
    """Send every log record of this process to standard error, where journald and the MTA's host expect it."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(as_json))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


def wait_for_ever() -> None:
    """Keep a process whose threads do the work."""
    threading.Event().wait()
