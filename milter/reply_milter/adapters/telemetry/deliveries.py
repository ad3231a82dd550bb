"""What the delivery hook counts and logs."""

import logging
import threading
import time
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge

from reply_milter.adapters.telemetry.metrics import Metrics
from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping.wrap import Road
from reply_milter.ports.delivery_telemetry import DeliveryEvent, DeliveryReport, TurnedAway

log = logging.getLogger("reply_milter.delivery")

_LEVELS = {
    DeliveryEvent.DEAD_LETTER: logging.ERROR,
    DeliveryEvent.DEFERRED: logging.WARNING,
}


class DeliveryLog:
    """Implements ``ports.delivery.DeliveryTelemetry`` for a command: logs, and counts nothing."""

    def __init__(self) -> None:
        self._started = threading.local()  # one message is delivered by one thread, so its clock is the thread's, too

    def started(self) -> None:
        """Note that this thread begins to deliver a message."""
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
        log.warning("cannot ask the user about a parked reply, will retry: id=%s %s", identifier, why)

    def internal_error(self) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        log.exception("a handler failed")


class DeliverySeries:
    """Series about deliveries. A host without a delivery hook shows them at 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "reply_milter_deliveries_total",
            "Accepted replies handed to the delivery hook.",
            ["handler", "outcome"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "reply_milter_dead_letters_total",
            "Messages kept as dead letters because they can never be delivered.",
            ["reason"],
            registry=registry,
        )
        self.restored = Counter(
            "reply_milter_restored_total",
            "Replies that wrapped applications took under their own address.",
            ["handler", "class"],
            registry=registry,
        )
        self.turned_away = Counter(
            "reply_milter_deliveries_turned_away_total",
            "Accepted replies deferred to the MTA before they were examined.",
            ["handler", "reason"],
            registry=registry,
        )
        self._create_gauges(registry)
        for reason in Undeliverable:
            self.dead_letters.labels(reason.value)

    def _create_gauges(self, registry: CollectorRegistry) -> None:
        self.parked = Gauge(
            "reply_milter_parked",
            "Parked replies that wait for the user's confirmation.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.parked_bytes = Gauge(
            "reply_milter_parked_bytes",
            "Size of the messages of parked replies.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.in_flight = Gauge(
            "reply_milter_delivery_bytes_in_flight",
            "Octets of messages that the hook is receiving or delivering.",
            registry=registry,
            multiprocess_mode="sum",
        )

    def expect_handlers(self, handlers: Handlers) -> None:
        """Create the series of handlers, and of messages that name none, so that a first failure is an increase."""
        self.deliveries.labels("", DeliveryEvent.DEAD_LETTER.value)
        names = [handler.name for handler in handlers.by_id.values()]
        for handler, road in product(handlers.by_id.values(), Road):
            if handler.wrap is not None:
                self.restored.labels(handler.name, road.value)
        for name in ("", *names):
            for why in TurnedAway:
                self.turned_away.labels(name, why.value)
        for name in names:
            for outcome in DeliveryEvent:
                self.deliveries.labels(name, outcome.value)


class DeliveryTelemetry(DeliveryLog):
    """Logs and counts, for the process of the delivery hook."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._m = metrics
        self._series = DeliverySeries(metrics.registry)
        self._series.in_flight.set(0)  # the last process of this slot may have died in a delivery

    def expect_handlers(self, handlers: Handlers) -> None:
        """See ``DeliverySeries``."""
        self._series.expect_handlers(handlers)

    def delivery(self, report: DeliveryReport) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self._series.deliveries.labels(report.handler, report.outcome.value).inc()
        if report.outcome is DeliveryEvent.DEAD_LETTER:
            self._series.dead_letters.labels(report.reason).inc()
        elif report.outcome is DeliveryEvent.DELIVERED and report.road:
            self._series.restored.labels(report.handler, report.road).inc()
        super().delivery(report)

    def parked(self, count: int, octets: int) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self._series.parked.set(count)
        self._series.parked_bytes.set(octets)

    def turned_away(self, handler: str, why: TurnedAway) -> None:
        """See ``ports.delivery.IntakeTelemetry``."""
        self._series.turned_away.labels(handler, why.value).inc()
        log.warning("deferred a message to the MTA: handler=%s reason=%s", handler or "-", why)

    def in_flight(self, octets: int) -> None:
        """See ``ports.delivery.IntakeTelemetry``."""
        self._series.in_flight.set(octets)

    def internal_error(self) -> None:
        """See ``ports.delivery.DeliveryTelemetry``."""
        self._m.internal_errors.labels("delivery").inc()
        super().internal_error()

    def ended(self) -> None:
        """Note that this thread has ended its delivery."""
        self._m.stages.labels("delivery").observe(time.perf_counter() - self._started.at)
