"""What the daemon reports: metrics, the page that shows them, and a log line for each decision."""

from reply_milter.adapters.telemetry.canaries import CanaryCounter
from reply_milter.adapters.telemetry.conditions import LossSeries, ProcessSeries, SettingsSeries, StoreSeries
from reply_milter.adapters.telemetry.deliveries import DeliveryLog, DeliverySeries, DeliveryTelemetry
from reply_milter.adapters.telemetry.fetching import DecisionsLogged, FetchLog, FetchTelemetry
from reply_milter.adapters.telemetry.logs import log_to_stderr, stderr_is_journal
from reply_milter.adapters.telemetry.metrics import Metrics, SupervisorMetrics, prepare, process_registry
from reply_milter.adapters.telemetry.page import PageSources, serve_page
from reply_milter.adapters.telemetry.rehearsal import rehearse
from reply_milter.adapters.telemetry.silent import SilentTelemetry
from reply_milter.adapters.telemetry.store import StoreOperations
from reply_milter.adapters.telemetry.worker import WorkerTelemetry

__all__ = [
    "CanaryCounter",
    "DecisionsLogged",
    "DeliveryLog",
    "DeliverySeries",
    "DeliveryTelemetry",
    "FetchLog",
    "FetchTelemetry",
    "LossSeries",
    "Metrics",
    "PageSources",
    "ProcessSeries",
    "SettingsSeries",
    "SilentTelemetry",
    "StoreOperations",
    "StoreSeries",
    "SupervisorMetrics",
    "WorkerTelemetry",
    "log_to_stderr",
    "prepare",
    "process_registry",
    "rehearse",
    "serve_page",
    "stderr_is_journal",
]
