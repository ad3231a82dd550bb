"""What a fetcher counts and logs: its connection, its looks, and what became of each message of its mailbox."""

import logging
import time
from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from reply_milter.adapters.telemetry.logs import DecisionLog
from reply_milter.adapters.telemetry.metrics import Metrics
from reply_milter.adapters.telemetry.silent import SilentTelemetry
from reply_milter.adapters.telemetry.worker import WorkerTelemetry
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.core.seal.sealed_reply import TOKEN_ID_LENGTH
from reply_milter.ports import Decision, Stage
from reply_milter.ports.fetching import FetchReport

log = logging.getLogger("reply_milter.fetch")

_LEVELS = {
    FetchVerdict.ORDINARY: logging.DEBUG,
    FetchVerdict.DEFERRED: logging.WARNING,
    FetchVerdict.UNREADABLE: logging.WARNING,
    FetchVerdict.DEAD_LETTER: logging.WARNING,  # the hook's own line is an error
}


class DecisionsLogged(SilentTelemetry):
    """Implements ``ports.Telemetry`` for a command: logs what is decided, and counts nothing."""

    def __init__(self) -> None:
        self._decisions = DecisionLog("reply_milter.decision")
        self._started = time.perf_counter()

    def stage_started(self) -> float:
        """Start the clock of the next decision."""
        self._started = time.perf_counter()
        return self._started

    def recipient(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self._write(logging.DEBUG if decision.would == "" else logging.INFO, "recipient", decision)

    def message(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self._write(logging.INFO, "message", decision)

    def _write(self, level: int, event: str, decision: Decision) -> None:
        self._decisions.write(level, event, decision, (time.perf_counter() - self._started) * 1000)


class FetchLog:
    """Implements ``ports.fetching.FetchTelemetry`` for a command. ``decisions``: what the milter's flow reports to."""

    def __init__(self, mailbox: str, decisions: DecisionsLogged | WorkerTelemetry) -> None:
        self._mailbox = mailbox
        self._decisions = decisions
        self._why = ""

    def started(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self._decisions.stage_started()

    def fetched(self, report: FetchReport) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        level = _LEVELS.get(report.verdict, logging.INFO)
        folder = f" to={report.folder}" if report.folder is not None else ""
        named = (("reason", report.reason), ("token", report.id[:TOKEN_ID_LENGTH]), ("id", report.id))
        about = "".join(f" {name}={value}" for name, value in named if value)
        why = f": {report.why}" if report.why else ""
        log.log(
            level, "fetched mailbox=%s uid=%d verdict=%s%s%s%s",
            self._mailbox, report.uid, report.verdict, about, folder, why,
        )  # fmt: skip

    def looked(self, now: int) -> None:
        """See ``ports.fetching.FetchTelemetry``."""

    def connected(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        log.info("mailbox %s: connected", self._mailbox)
        self._why = ""

    def disconnected(self, why: str, seconds: float) -> None:
        """See ``ports.fetching.FetchTelemetry``. The same trouble again is a line for debugging."""
        log.log(
            logging.DEBUG if why == self._why else logging.WARNING,
            "mailbox %s: not connected, will retry in %.0f s: %s", self._mailbox, seconds, why,
        )  # fmt: skip
        self._why = why

    def internal_error(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        log.exception("mailbox %s: a message failed, will retry", self._mailbox)


class FetchTelemetry(FetchLog):
    """Logs and counts, for a fetcher's process."""

    def __init__(self, mailbox: str, metrics: Metrics, decisions: WorkerTelemetry) -> None:
        super().__init__(mailbox, decisions)
        self._m = metrics
        self._worker = decisions
        self._messages = Counter(
            "reply_milter_imap_messages_total",
            "Messages of a mailbox, by what became of them.",
            ["mailbox", "verdict"],
            registry=metrics.registry,
        )
        self._connected, self._looked = (
            Gauge(f"reply_milter_imap_{name}", text, ["mailbox"], registry=metrics.registry, multiprocess_mode="max")
            for name, text in (
                ("connected", "Whether the mailbox is open."),
                ("last_look_timestamp_seconds", "When the mailbox was last looked at to its end; 0: never."),
            )
        )
        self.expect(FetchVerdict)

    def expect(self, verdicts: Iterable[FetchVerdict]) -> None:
        """Create the series, so that a first message shows as an increase."""
        for verdict in verdicts:
            self._messages.labels(self._mailbox, verdict.value)
        self._connected.labels(self._mailbox).set(0)
        self._looked.labels(self._mailbox)

    def fetched(self, report: FetchReport) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self._messages.labels(self._mailbox, report.verdict.value).inc()
        super().fetched(report)

    def looked(self, now: int) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self._looked.labels(self._mailbox).set(now)

    def connected(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self._connected.labels(self._mailbox).set(1)
        super().connected()

    def disconnected(self, why: str, seconds: float) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self._connected.labels(self._mailbox).set(0)
        super().disconnected(why, seconds)

    def internal_error(self) -> None:
        """See ``ports.fetching.FetchTelemetry``."""
        self._worker.internal_error(Stage.EOM)
        super().internal_error()
