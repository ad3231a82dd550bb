"""What is counted of the store, in a worker as in the hook."""

import logging
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from reply_milter.adapters.telemetry import Metrics, StoreOperations

pytestmark = pytest.mark.usefixtures("closed_files")


def test_time_errors_and_whether_it_is_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An answer after an error says at once that the store is up again; an error is logged by name and kind."""
    told = StoreOperations(Metrics(str(tmp_path), "one", ("delivery",), ("commit",)))

    def shown(name: str, **labels: str) -> float | None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(tmp_path))  # type: ignore[no-untyped-call]
        return registry.get_sample_value(f"reply_milter_{name}", labels)

    told.store_operation("commit", 0.25)
    assert (shown("store_up"), shown("store_seconds_sum", operation="commit")) == (1.0, 0.25)
    with caplog.at_level(logging.WARNING):
        told.store_error("commit", "timeout")
    assert (shown("store_up"), shown("store_errors_total", operation="commit", kind="timeout")) == (0.0, 1.0)
    assert "operation=commit kind=timeout" in caplog.text
    told.store_operation("commit", 0.25)
    assert (shown("store_up"), shown("store_seconds_count", operation="commit")) == (1.0, 2.0)
