"""Cells write what prometheus_client's own values write: its collector reads them."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from reply_milter.adapters.telemetry import Metrics
from reply_milter.adapters.telemetry.cells import Counts, Timings

pytestmark = pytest.mark.usefixtures("closed_files")

PREFIX = "reply_milter_"


def process(folder: Path, slot: str) -> Metrics:
    """The metrics of a process that has just started in ``slot``."""
    return Metrics(str(folder), slot, ("rcpt", "eom"), ("facts", "claim"))


def read(folder: Path, name: str, **labels: str) -> float | None:
    """A sample as ``/metrics`` would show it, summed over processes."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return registry.get_sample_value(PREFIX + name, labels)


def test_counts_are_added_up_over_processes(tmp_path: Path) -> None:
    """By label values."""
    for slot, times in (("one", 2), ("two", 3)):
        counts = Counts(process(tmp_path, slot).recipients)
        for _ in range(times):
            counts["reject", "forged"].inc(1)
    assert read(tmp_path, "recipients_total", verdict="reject", reason="forged") == 5


def test_times_fall_into_the_buckets_of_the_library(tmp_path: Path) -> None:
    """At a bound, below the first and above the last."""
    metrics = process(tmp_path, "one")
    timing, ages = Timings(metrics.stages)["rcpt"], metrics.ages
    for seconds in (0.00005, 0.0001, 0.0002, 9.0, 31.0):
        timing.observe(seconds)
        metrics.stages.labels("eom").observe(seconds)
    ages.observe(60.0)
    for stage in ("rcpt", "eom"):
        bounds = ("0.0001", "0.00025", "30.0", "+Inf")
        assert [read(tmp_path, "stage_seconds_bucket", stage=stage, le=le) for le in bounds] == [2, 3, 4, 5]
        assert read(tmp_path, "stage_seconds_count", stage=stage) == 5
        assert round(read(tmp_path, "stage_seconds_sum", stage=stage) or 0, 5) == 40.00035
    assert read(tmp_path, "token_age_seconds_bucket", le="60.0") == 1


def test_a_process_goes_on_where_the_last_one_of_its_slot_stopped(tmp_path: Path) -> None:
    """A worker that is started again counts on."""
    for _ in range(2):
        Counts(process(tmp_path, "one").replays)[("first",)].inc(1)
    assert read(tmp_path, "replay_total", outcome="first") == 2


def test_values_survive_a_file_that_grows(tmp_path: Path) -> None:
    """The library maps the file again."""
    counts = Counts(process(tmp_path, "one").messages)
    counts["accept", "ok", "issue"].inc(1)
    for number in range(1000):
        counts["accept", "ok", f"handler{number}"].inc(1)
    counts["accept", "ok", "issue"].inc(1)
    assert read(tmp_path, "messages_total", verdict="accept", reason="ok", handler="issue") == 2
    assert read(tmp_path, "messages_total", verdict="accept", reason="ok", handler="handler999") == 1


def test_gauges_are_set(tmp_path: Path) -> None:
    """The most recent word about the store, and all connections together."""
    one, two = process(tmp_path, "one"), process(tmp_path, "two")
    one.store_up.set(0)
    two.store_up.set(1)
    one.connections.inc()
    two.connections.inc()
    two.connections.dec()
    assert read(tmp_path, "store_up") == 1
    assert read(tmp_path, "connections") == 1
