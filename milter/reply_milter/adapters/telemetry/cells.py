"""Counting in prometheus_client's memory-mapped files, with a fifth of its calls.

The library's own way takes seven calls to count one and thirteen to time one, and a reply is counted four times and
timed five times: a tenth of all that it cost. What is written, where and when, is the same.
"""

import logging
import os
import struct
from bisect import bisect_left
from threading import Lock
from typing import Any

from prometheus_client import Counter, Histogram
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from reply_milter.adapters.telemetry.files import is_whole

log = logging.getLogger(__name__)

_FIRST_OCTETS = 1 << 16  # of a new file; the library doubles it where that is not enough
_pair = struct.Struct("dd").pack  # a value, and when it was set


class Cells:
    """The files of one process in ``folder``, named by ``slot``; called by the library to make a value."""

    def __init__(self, folder: str, slot: str) -> None:
        self._folder, self._slot = folder, slot
        self._files: dict[str, Any] = {}

    def are_there(self) -> bool:
        """Whether no file was cut or taken away. Who writes past the end of one is ended by the kernel (SIGBUS)."""
        try:
            sizes = [os.path.getsize(self._path(prefix)) for prefix in self._files]
        except OSError:
            return False
        return all(size >= len(file._m) for size, file in zip(sizes, self._files.values(), strict=True))

    def close(self) -> None:
        """For who counts no more; a process that ends need not."""
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
        """The value called ``name`` with ``values`` for its ``labels``, as the last process of this slot left it."""
        prefix = f"{kind}_{multiprocess_mode}" if kind == "gauge" else kind
        if prefix not in self._files:
            path = self._path(prefix)
            make_room(path)
            self._files[prefix] = MmapedDict(path)  # type: ignore[no-untyped-call]
        return Cell(self._files[prefix], mmap_key(metric, name, list(labels), list(values), text))


def make_room(path: str) -> None:
    """A new file has its size before it has its name: the library's reader stumbles over an empty one, and is a 500.

    One that is not whole makes room for a new one: the library stumbles over it, too, and so would each process that is
    started in its place.
    """
    if os.path.exists(path):
        if is_whole(path):
            return
        log.error("%s is cut or damaged: counting begins anew", path)
    with open(f"{path}.new", "wb") as file:
        file.truncate(_FIRST_OCTETS)
    os.rename(f"{path}.new", path)


class Cell:
    """One value in a file."""

    __slots__ = ("_at", "_file", "_lock", "_value")

    def __init__(self, file: Any, key: str) -> None:
        self._value: float = file.read_value(key)[0]
        self._file = file
        self._at = file._positions[key]
        self._lock = Lock()

    def inc(self, amount: float) -> None:
        """Add."""
        with self._lock:
            self._value += amount
            self._file._m[self._at : self._at + 16] = _pair(self._value, 0.0)

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Set; ``timestamp`` in Unix seconds, for gauges of which the most recent counts."""
        with self._lock:
            self._value = value
            self._file._m[self._at : self._at + 16] = _pair(value, timestamp or 0.0)

    def get(self) -> float:
        """What it holds."""
        return self._value


class Counts(dict[tuple[str, ...], Cell]):
    """The cells of a counter by label values, each looked up once."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __missing__(self, values: tuple[str, ...]) -> Cell:
        cell: Cell = self._counter.labels(*values)._value
        self[values] = cell
        return cell


class Timing:
    """The cells of one histogram."""

    def __init__(self, histogram: Any) -> None:
        self._sum, self._buckets, self._bounds = histogram._sum, histogram._buckets, histogram._upper_bounds

    def observe(self, amount: float) -> None:
        """Count ``amount`` in its bucket, and add it to the sum."""
        self._sum.inc(amount)
        self._buckets[bisect_left(self._bounds, amount)].inc(1)


class Timings(dict[str, Timing]):
    """The histograms of one metric by the value of its one label."""

    def __init__(self, histogram: Histogram) -> None:
        super().__init__()
        self._histogram = histogram

    def __missing__(self, value: str) -> Timing:
        timing = self[value] = Timing(self._histogram.labels(value))
        return timing
