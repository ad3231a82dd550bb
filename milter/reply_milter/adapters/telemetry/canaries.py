"""Counts canaries, and logs those that fail."""

import logging
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from reply_milter.ports.canary import NATIVE_FAILURES, PLAIN_FAILURES, WRAPPED_FAILURES, CanaryFailure

log = logging.getLogger("reply_milter.canary")


_ANSWERED = "When the milter last accepted a genuine address and refused a forged one of the canary; 0: never."
_RESTORED = "When the milters last wrapped a notification of the canary, and its answer was restored; 0: never."
_VERIFIED = (
    "When the milter last accepted an application's own address of a known user, and refused a forged one; 0: never."
)


class CanaryCounter:
    """Implements ``ports.canary.CanaryTelemetry``. ``name``: of the canary, in log lines."""

    def __init__(self, success: Gauge, failures: Counter, name: str) -> None:
        self._success, self._failures, self._name = success, failures, name
        self._failing = False

    @classmethod
    def plain(cls, registry: CollectorRegistry) -> "CanaryCounter":
        """Of the canary that is sent wherever replies are verified."""
        return cls.named(registry, "canary", PLAIN_FAILURES, _ANSWERED)

    @classmethod
    def wrapped(cls, registry: CollectorRegistry) -> "CanaryCounter":
        """Of the canary that is sent where an application is wrapped, too."""
        return cls.named(registry, "wrapped_canary", WRAPPED_FAILURES, _RESTORED)

    @classmethod
    def native(cls, registry: CollectorRegistry) -> "CanaryCounter":
        """Of the canary that is sent where addresses of an application are verified, and a user is named for it."""
        return cls.named(registry, "native_canary", NATIVE_FAILURES, _VERIFIED)

    @classmethod
    def named(
        cls, registry: CollectorRegistry, name: str, failures: Iterable[CanaryFailure], success: str
    ) -> "CanaryCounter":
        """Of the canary called ``name``, with the ``failures`` that it can have. ``success``: the text of its gauge."""
        last = Gauge(
            f"reply_milter_{name}_last_success_timestamp_seconds", success, registry=registry, multiprocess_mode="max"
        )
        words = name.replace("_", " ")
        failed = Counter(
            f"reply_milter_{name}_failures_total", f"Failures of the {words}.", ["reason"], registry=registry
        )
        for failure in failures:
            failed.labels(failure.value)
        return cls(last, failed, words)

    def succeeded(self, now: int) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self._success.set(now)
        if self._failing:
            log.info("the %s succeeds again", self._name)
        self._failing = False

    def failed(self, failure: CanaryFailure, detail: str) -> None:
        """See ``ports.canary.CanaryTelemetry``."""
        self._failures.labels(failure.value).inc()
        self._failing = True
        log.error("the %s failed: reason=%s %s", self._name, failure.value, detail)
