"""What a process counts and logs about the store."""

import logging
import time

from reply_milter.adapters.telemetry.cells import Timings
from reply_milter.adapters.telemetry.metrics import Metrics

log = logging.getLogger("reply_milter.store")

_UP_SECONDS = 1.0  # between two writes of store_up: /metrics shows the most recent one of all processes


class StoreOperations:
    """Implements ``redis_store.StoreTelemetry``."""

    def __init__(self, metrics: Metrics) -> None:
        self._m = metrics
        self._operations = Timings(metrics.store)
        self._up_until = 0.0  # monotonic seconds

    def store_operation(self, operation: str, seconds: float) -> None:
        """Count an operation that succeeded."""
        self._operations[operation].observe(seconds)
        now = time.monotonic()
        if now >= self._up_until:
            self._up_until = now + _UP_SECONDS
            self._m.store_up.set(1)

    def store_error(self, operation: str, kind: str) -> None:
        """Count and log an operation that failed."""
        self._m.store_errors.labels(operation, kind).inc()
        self._up_until = 0.0
        self._m.store_up.set(0)
        log.warning("a store operation failed: operation=%s kind=%s", operation, kind)
