"""Counts canaries, and logs those that fail."""

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge

from reply_milter.ports.canary import CanaryFailure

log = logging.getLogger("reply_milter.canary")


class CanaryCounter:
    """Implements ``ports.canary.CanaryTelemetry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._success = Gauge(
            "reply_milter_canary_last_success_timestamp_seconds",
            "When the milter last accepted a genuine address and refused a forged one of the canary; 0: never.",
            registry=registry,
            multiprocess_mode="max",
        )
        self._failures = Counter(
            "reply_milter_canary_failures_total", "Canaries that failed.", ["reason"], registry=registry
        )
        for failure in CanaryFailure:
            self._failures.labels(failure.value)
        self._failing = False

    def succeeded(self, now: int) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self._success.set(now)
        if self._failing:
            log.info("the canary succeeds again")
        self._failing = False

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self._failures.labels(failure.value).inc()
        self._failing = True
        log.error("the canary failed: reason=%s %s", failure.value, detail)
