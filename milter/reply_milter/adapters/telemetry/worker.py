"""What a worker counts and logs."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from reply_milter.adapters.telemetry.cells import Counts, Timings
from reply_milter.adapters.telemetry.logs import DecisionLog
from reply_milter.adapters.telemetry.metrics import Metrics
from reply_milter.ports import Decision, Fate, Minting, Notification, Replay, Stage

log = logging.getLogger("reply_milter.decision")


class _Started:
    """When the step that is carried out began, where one thread carries out all."""

    at = 0.0


class WorkerTelemetry:
    """Implements ``ports.Telemetry``, ``ports.MintingTelemetry`` and ``ports.ConnectionTelemetry``.

    ``holds_log``: the process has one thread that decides, which calls ``write_log`` before its answers go out.
    """

    def __init__(self, metrics: Metrics, holds_log: bool = False) -> None:
        self._m = metrics
        self._recipients = Counts(metrics.recipients)
        self._messages = Counts(metrics.messages)
        self._replays = Counts(metrics.replays)
        self._stages = Timings(metrics.stages)
        self._decisions = DecisionLog(log.name, holds_log)
        self._started: Any = _Started() if holds_log else threading.local()
        self.keys_used: dict[str, int] = {}  # by master key id, Unix seconds; the worker records it

    def write_log(self) -> None:
        """Write the lines of decisions that are kept."""
        self._decisions.flush()

    def expect(self, decisions: Iterable[Decision]) -> None:
        """Create the series of decisions, so that the first of its kind is an increase."""
        for decision in decisions:
            if decision.stage is Stage.RCPT:
                self._m.recipients.labels(_verdict(decision), decision.reason)
            else:
                self._m.messages.labels(_verdict(decision), decision.reason, decision.handler)

    def expect_keys(self, ids: Iterable[str]) -> None:
        """Create the series of master keys; 0 for one that was never used."""
        for master_id in ids:
            self._m.key_use.labels(master_id)

    def recall_keys(self, used: Mapping[str, int]) -> None:
        """Show when master keys were last used before this process began to count, by id."""
        for master_id, when in used.items():
            if when > self.keys_used.get(master_id, 0):
                self._m.key_use.labels(master_id).set(when)

    def recipient(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self._recipients[_verdict(decision), decision.reason].inc(1)
        self._m.wrapped.count_native(decision)
        accepted = decision.verdict is Fate.ACCEPT and not decision.would
        self._log(logging.DEBUG if accepted else logging.INFO, "recipient", decision)

    def message(self, decision: Decision) -> None:
        """See ``ports.Telemetry``."""
        self._messages[_verdict(decision), decision.reason, decision.handler].inc(1)
        self._m.wrapped.count_native(decision)
        self._log(logging.INFO, "message", decision)

    def replay(self, outcome: Replay) -> None:
        """See ``ports.Telemetry``."""
        self._replays[(outcome.value,)].inc(1)

    def wrong_author(self, last: bool) -> None:
        """See ``ports.Telemetry``."""
        self._m.wrong_authors.inc()
        if last:
            self._m.leaked.inc()

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
        if self.keys_used.get(master_id) != now:
            self.keys_used[master_id] = now
            self._m.key_use.labels(master_id).set(now)

    def commit_dropped(self) -> None:
        """Count a reply that is not committed because the queue is full."""
        self._m.commits_dropped.inc()

    def notification(self, notification: Notification) -> None:
        """See ``ports.MintingTelemetry``."""
        self._m.notifications.labels(notification.outcome.value).inc()
        if notification.outcome is Minting.MINTED:
            self._m.minted.labels(notification.handler).inc()
        self._m.wrapped.count_notification(notification)
        if notification.untrusted:
            self._m.untrusted.inc()
        self._log(logging.WARNING if notification.untrusted else logging.INFO, "notification", notification)

    def native(self, decision: Decision) -> None:
        """See ``ports.MintingTelemetry``."""
        self._m.wrapped.count_native(decision)
        self._log(logging.INFO, "recipient", decision)

    def connection_opened(self) -> None:
        """Count a connection of the MTA."""
        self._m.connections.inc()

    def connection_closed(self) -> None:
        """Count its end."""
        self._m.connections.dec()

    def stage_started(self) -> float:
        """Start the clock of a step that may decide; it runs on one thread, so the clock is the thread's."""
        started = self._started.at = time.perf_counter()
        return started

    def stage_resumed(self, started: float) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self._started.at = started

    def stage_ended(self, stage: Stage) -> None:
        """Count the time until the callback had its answer."""
        self._stages[stage].observe(time.perf_counter() - self._started.at)

    def internal_error(self, stage: Stage) -> None:
        """See ``ports.ConnectionTelemetry``."""
        self._m.internal_errors.labels(stage).inc()

    def _log(self, level: int, event: str, decision: Decision | Notification) -> None:
        self._decisions.write(level, event, decision, (time.perf_counter() - self._started.at) * 1000)


def _verdict(decision: Decision) -> str:
    return f"would_{decision.would}" if decision.would else decision.verdict
