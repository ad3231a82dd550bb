"""What a process counts and logs of its store."""

import logging
import time

from reply_milter.adapters.telemetry.cells import Timings
from reply_milter.adapters.telemetry.metrics import Metrics

log = logging.getLogger("reply_milter.store")

_UP_SECONDS = 1.0  # after which it is said again that the store is up: /metrics shows what was said last


class StoreOperations:
    """Implements ``redis_store.StoreTelemetry``: what the store costs and how it fails."""

    def __init__(self, metrics: Metrics) -> None:
        self._m = metrics
        self._operations = Timings(metrics.store)
        self._up_until = 0.0  # monotonic seconds

    def store_operation(self, operation: str, seconds: float) -> None:
        """An operation on the store was answered."""
        self._operations[operation].observe(seconds)
        now = time.monotonic()
        if now >= self._up_until:
            self._up_until = now + _UP_SECONDS
            self._m.store_up.set(1)

    def store_error(self, operation: str, kind: str) -> None:
        """An operation on the store failed."""
        self._m.store_errors.labels(operation, kind).inc()
        self._up_until = 0.0
        self._m.store_up.set(0)
        log.warning("the store gave no answer: operation=%s kind=%s", operation, kind)
