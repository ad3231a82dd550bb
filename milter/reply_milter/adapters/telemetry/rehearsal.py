"""Counts a little, and reads it back: prometheus_client must write what this program reads."""

import shutil
import tempfile

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from reply_milter import libraries
from reply_milter.adapters.telemetry.cells import Cells, Counts
from reply_milter.adapters.telemetry.files import FileSeries

_LIBRARY = "prometheus-client"
_EXPECTED = {
    ("counted_total", "a"): 3.0,
    ("timed_sum", ""): 1.0,
    ("timed_count", ""): 2.0,
    ("timed_bucket", "0.5"): 1.0,
    ("timed_bucket", "+Inf"): 2.0,
    ("held", ""): 7.0,
}


def rehearse() -> None:
    """Count and compare, before the first process of a daemon counts.

    Raises:
        LibraryError: prometheus_client counts differently, or fails.
    """
    folder, before = tempfile.mkdtemp(prefix="reply-milter-"), values.ValueClass
    cells = values.ValueClass = Cells(folder, "rehearsal")
    try:
        found = _counted(folder)
    except Exception as error:
        what = f"can't be counted with ({type(error).__name__}: {error})"
        raise libraries.unlike(_LIBRARY, what) from error
    finally:
        values.ValueClass = before
        cells.close()
        shutil.rmtree(folder, ignore_errors=True)
    wrong = [name for (name, label), value in _EXPECTED.items() if found.get((name, label)) != value]
    if wrong:
        raise libraries.unlike(_LIBRARY, f"counts otherwise than it did ({wrong[0]} is wrong)")


def _counted(folder: str) -> dict[tuple[str, str], float]:
    """Count as workers do, and read as the page does; return samples by name and the value of their one label."""
    registry = CollectorRegistry()
    counts = Counts(Counter("counted_total", "Text.", ["label"], registry=registry))
    counts[("a",)].inc(1)
    counts[("a",)].inc(2)
    timing = Histogram("timed", "Text.", buckets=(0.5, 1.0), registry=registry)
    timing.observe(0.25)
    timing.observe(0.75)
    Gauge("held", "Text.", multiprocess_mode="max", registry=registry).set(7)
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in FileSeries(folder).collect()
        for sample in family.samples
    }
