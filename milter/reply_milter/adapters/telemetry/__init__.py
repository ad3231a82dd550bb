"""What the daemon tells of itself: metrics, and a log line for each decision."""

from reply_milter.adapters.telemetry.deliveries import DeliveryLog, DeliveryTelemetry
from reply_milter.adapters.telemetry.logs import log_to_stderr
from reply_milter.adapters.telemetry.metrics import Metrics, SupervisorMetrics, prepare, serve_metrics, wait_for_ever
from reply_milter.adapters.telemetry.worker import WorkerTelemetry

__all__ = [
    "DeliveryLog",
    "DeliveryTelemetry",
    "Metrics",
    "SupervisorMetrics",
    "WorkerTelemetry",
    "log_to_stderr",
    "prepare",
    "serve_metrics",
    "wait_for_ever",
]
