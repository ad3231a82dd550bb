"""What the hook counts and logs."""

import logging
import threading
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from reply_milter.adapters.telemetry.metrics import Metrics
from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport, TurnedAway

log = logging.getLogger("reply_milter.delivery")

_LEVELS = {
    DeliveryEvent.DEAD_LETTER: logging.ERROR,
    DeliveryEvent.DEFERRED: logging.WARNING,
}


class DeliveryLog:
    """Implements ``ports.delivery.DeliveryTelemetry`` for a command: logs, and counts nothing."""

    def __init__(self) -> None:
        self._started = threading.local()  # one message is delivered by one thread, and so may its clock be

    def started(self) -> None:
        """This thread begins with a message."""
        self._started.at = time.perf_counter()

    def delivery(self, report: DeliveryReport) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        level = _LEVELS.get(report.outcome, logging.INFO)
        if report.outcome is DeliveryEvent.DEAD_LETTER and not Undeliverable(report.reason).is_alarming:
            level = logging.INFO
        milliseconds = f"{(time.perf_counter() - self._started.at) * 1000:.2f}" if hasattr(self._started, "at") else ""
        log.log(level, "delivery", extra={"decision": report, "milliseconds": milliseconds})

    def parked(self, count: int, octets: int) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""

    def not_asked(self, identifier: str, why: str) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        log.warning("the user was not asked about a parked reply, it is tried again: id=%s %s", identifier, why)

    def internal_error(self) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        log.exception("a handler failed")


class DeliverySeries:
    """What is counted of deliveries. A host without a hook shows it as well, at 0: it delivers nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "reply_milter_deliveries_total",
            "Accepted replies handed to the delivery hook.",
            ["handler", "outcome"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "reply_milter_dead_letters_total",
            "Messages kept as dead letters because nobody will take them.",
            ["reason"],
            registry=registry,
        )
        self.parked = Gauge(
            "reply_milter_parked",
            "Replies that wait for a word of their user.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.parked_bytes = Gauge(
            "reply_milter_parked_bytes",
            "Size of their messages.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.turned_away = Counter(
            "reply_milter_deliveries_turned_away_total",
            "Accepted replies left with the MTA before they were looked at.",
            ["handler", "reason"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "reply_milter_delivery_bytes_in_flight",
            "Octets of messages that the hook is receiving or delivering.",
            registry=registry,
            multiprocess_mode="sum",
        )
        for reason in Undeliverable:
            self.dead_letters.labels(reason.value)

    def expect_handlers(self, names: Sequence[str]) -> None:
        """Create the series of handlers, so that a first failure shows as an increase; and of what names none."""
        self.deliveries.labels("", DeliveryEvent.DEAD_LETTER.value)
        for name in ("", *names):
            for why in TurnedAway:
                self.turned_away.labels(name, why.value)
        for name in names:
            for outcome in DeliveryEvent:
                self.deliveries.labels(name, outcome.value)


class DeliveryTelemetry(DeliveryLog):
    """The same for the hook's process: counts as well."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._m = metrics
        self._series = DeliverySeries(metrics.registry)
        self._series.in_flight.set(0)  # the last process of this slot may have died with some

    def expect_handlers(self, names: Sequence[str]) -> None:
        """See ``DeliverySeries``."""
        self._series.expect_handlers(names)

    def delivery(self, report: DeliveryReport) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self._series.deliveries.labels(report.handler, report.outcome.value).inc()
        if report.outcome is DeliveryEvent.DEAD_LETTER:
            self._series.dead_letters.labels(report.reason).inc()
        super().delivery(report)

    def parked(self, count: int, octets: int) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self._series.parked.set(count)
        self._series.parked_bytes.set(octets)

    def turned_away(self, handler: str, why: TurnedAway) -> None:
        """See ``ports.delivery.IntakeTelemetry``."""
        self._series.turned_away.labels(handler, why.value).inc()
        log.warning("a message was left with the MTA: handler=%s reason=%s", handler or "-", why)

    def in_flight(self, octets: int) -> None:
        """See ``ports.delivery.IntakeTelemetry``."""
        self._series.in_flight.set(octets)

    def internal_error(self) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self._m.accidents.labels("delivery").inc()
        super().internal_error()

    def ended(self) -> None:
        """It is done with it."""
        self._m.stages.labels("delivery").observe(time.perf_counter() - self._started.at)
