"""Counting in prometheus_client's memory-mapped files, with a tenth of its calls and none of its private parts.

``labels()`` checks and looks up the labels at each call, so what it makes is kept. The library's own value takes one
lock for the whole process, looks for a fork at each count, and packs octets; the cell here assigns one double. It
writes the same octets to the same places at the same time.
"""

import logging
import os
from bisect import bisect_left
from threading import Lock

from prometheus_client import Counter, Histogram
from prometheus_client.mmap_dict import mmap_key

from reply_milter.adapters.telemetry.cell_file import CellFile
from reply_milter.adapters.telemetry.files import is_whole

log = logging.getLogger(__name__)

_FIRST_OCTETS = 1 << 16  # of a new file; the library doubles it when that is not enough


class Cells:
    """The files of one process in ``folder``, named by ``slot``; the library calls this to make a value."""

    def __init__(self, folder: str, slot: str) -> None:
        self._folder, self._slot = folder, slot
        self._files: dict[str, CellFile] = {}
        self._sizes: dict[str, int] = {}  # octets, when the last value was made
        self._made: dict[str, dict[tuple[str, ...], Cell]] = {}  # by sample name and label values
        self._lock = Lock()

    def are_there(self) -> bool:
        """Return whether no file was cut or removed. A write past the end of one is fatal (SIGBUS)."""
        try:
            return all(os.path.getsize(self._path(prefix)) >= size for prefix, size in self._sizes.items())
        except OSError:
            return False

    def close(self) -> None:
        """Close the files, to count no more; a process that ends need not."""
        for file in self._files.values():
            file.close()

    def _path(self, prefix: str) -> str:
        return os.path.join(self._folder, f"{prefix}_{self._slot}.db")

    def __call__(
        self,
        kind: str,
        metric: str,
        name: str,
        labels: tuple[str, ...],
        values: tuple[str, ...],
        text: str,
        multiprocess_mode: str = "",
        **_more: object,
    ) -> "Cell":
        """Return the value called ``name`` with ``values`` for its ``labels``, as the last process of the slot left it.

        The library passes these arguments.
        """
        prefix = f"{kind}_{multiprocess_mode}" if kind == "gauge" else kind
        with self._lock:
            if prefix not in self._files:
                make_room(self._path(prefix))
                self._files[prefix] = CellFile(self._path(prefix))
            cell = Cell(*self._files[prefix].place(mmap_key(metric, name, list(labels), list(values), text)))
            self._sizes[prefix] = max(self._sizes.get(prefix, 0), os.path.getsize(self._path(prefix)))
            self._made.setdefault(name, {})[values] = cell
            return cell

    def of_counter(self, counter: Counter, values: tuple[str, ...]) -> "Cell":
        """Return the value of ``counter`` for these label values, which exists."""
        return self._made[f"{_name(counter)}_total"][values]

    def of_histogram(self, histogram: Histogram, values: tuple[str, ...] = ()) -> "Timing":
        """Return the values of ``histogram`` for these label values, which exist."""
        name = _name(histogram)
        with self._lock:
            made = self._made[f"{name}_bucket"].items()  # in the order of their bounds
            buckets = [(float(labels[-1]), cell) for labels, cell in made if labels[:-1] == values]
        return Timing(self._made[f"{name}_sum"][values], buckets)


def _name(metric: Counter | Histogram) -> str:
    """Return the name that the names of all samples begin with."""
    (described,) = metric.describe()
    return described.name


def make_room(path: str) -> None:
    """Make a file of zeros at ``path``, unless a whole one is there.

    The file has its size before it has its name: the library's reader fails at an empty one, and the page answers 500.
    A damaged file is replaced: the library would fail at it, and so would each process that is restarted.
    """
    if os.path.exists(path):
        if is_whole(path):
            return
        log.error("%s is cut or damaged; counting starts again at 0", path)
    with open(f"{path}.new", "wb") as file:
        file.truncate(_FIRST_OCTETS)
    os.rename(f"{path}.new", path)


class Cell:
    """One value in a file: the double number ``at``, and behind it when it was set. The library calls the methods."""

    __slots__ = ("_at", "_doubles", "_lock", "_value")

    def __init__(self, doubles: "memoryview[float]", at: int) -> None:
        self._value: float = doubles[at]
        self._doubles = doubles
        self._at = at
        self._lock = Lock()

    def inc(self, amount: float) -> None:
        """Add ``amount``."""
        with self._lock:
            self._value = self._doubles[self._at] = self._value + amount

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Set; ``timestamp`` in Unix seconds, for gauges of which the most recent counts."""
        with self._lock:
            self._value = self._doubles[self._at] = float(value)
            self._doubles[self._at + 1] = timestamp or 0.0

    def get(self) -> float:
        """Return the value."""
        return self._value


class Timing:
    """The values of a histogram: their sum, and a count for each upper bound, of which the last is infinite."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, total: Cell, buckets: list[tuple[float, Cell]]) -> None:
        self._sum = total
        self._bounds = [bound for bound, _ in buckets]
        self._counts = [count for _, count in buckets]

    def observe(self, amount: float) -> None:
        """Count ``amount`` as ``Histogram.observe`` does."""
        self._sum.inc(amount)
        self._counts[bisect_left(self._bounds, amount)].inc(1.0)


class Counts(dict[tuple[str, ...], Cell]):
    """The values of a counter by label values; ``labels()`` is called once for each."""

    def __init__(self, cells: Cells, counter: Counter) -> None:
        super().__init__()
        self._cells, self._counter = cells, counter

    def __missing__(self, values: tuple[str, ...]) -> Cell:
        self._counter.labels(*values)
        cell = self[values] = self._cells.of_counter(self._counter, values)
        return cell


class Timings(dict[str, Timing]):
    """The values of a histogram by the value of its one label; ``labels()`` is called once for each."""

    def __init__(self, cells: Cells, histogram: Histogram) -> None:
        super().__init__()
        self._cells, self._histogram = cells, histogram

    def __missing__(self, value: str) -> Timing:
        self._histogram.labels(value)
        timing = self[value] = self._cells.of_histogram(self._histogram, (value,))
        return timing
