"""One monitored host for all tests here: starting it, and letting a year happen on it, takes a quarter of a minute."""

from collections.abc import Iterator

import pytest

from tests.monitoring.monitored_site import MonitoredSite


@pytest.fixture(scope="package")
def monitored() -> Iterator[MonitoredSite]:
    """Everything has happened, and Prometheus has seen it."""
    running = MonitoredSite()
    try:
        running.start().live()
        yield running
    finally:
        running.stop()
