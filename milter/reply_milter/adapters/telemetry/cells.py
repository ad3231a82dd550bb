"""Counting in prometheus_client's memory-mapped files, with half of its calls and none of its private parts.

``labels()`` checks and looks up the labels at each call, so its results are kept. The library's own value takes one
lock for the whole process, and looks for a fork at each count; the cell here does neither. It writes the same octets
to the same places at the same time.
"""

import logging
import os
from threading import Lock

from prometheus_client import Counter, Histogram
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from reply_milter.adapters.telemetry.files import is_whole

log = logging.getLogger(__name__)

_FIRST_OCTETS = 1 << 16  # of a new file; the library doubles it when that is not enough


class Cells:
    """The files of one process in ``folder``, named by ``slot``; the library calls this to make a value."""

    def __init__(self, folder: str, slot: str) -> None:
        self._folder, self._slot = folder, slot
        self._files: dict[str, MmapedDict] = {}
        self._sizes: dict[str, int] = {}  # octets, when the last value was made
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
            file.close()  # type: ignore[no-untyped-call]

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
                self._files[prefix] = MmapedDict(self._path(prefix))  # type: ignore[no-untyped-call]
            cell = Cell(self._files[prefix], mmap_key(metric, name, list(labels), list(values), text))
            self._sizes[prefix] = max(self._sizes.get(prefix, 0), os.path.getsize(self._path(prefix)))
            return cell


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
    """One value in a file. The library's metrics call these methods."""

    __slots__ = ("_file", "_key", "_lock", "_value")

    def __init__(self, file: MmapedDict, key: str) -> None:
        self._value: float = file.read_value(key)[0]  # type: ignore[no-untyped-call]
        self._file = file
        self._key = key
        self._lock = Lock()

    def inc(self, amount: float) -> None:
        """Add ``amount``."""
        with self._lock:
            self._value += amount
            self._file.write_value(self._key, self._value, 0.0)  # type: ignore[no-untyped-call]

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Set; ``timestamp`` in Unix seconds, for gauges of which the most recent counts."""
        with self._lock:
            self._value = value
            self._file.write_value(self._key, value, timestamp or 0.0)  # type: ignore[no-untyped-call]

    def get(self) -> float:
        """Return the value."""
        return self._value


class Counts(dict[tuple[str, ...], Counter]):
    """The children of a counter by label values; ``labels()`` is called once for each."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __missing__(self, values: tuple[str, ...]) -> Counter:
        child = self[values] = self._counter.labels(*values)
        return child


class Timings(dict[str, Histogram]):
    """The children of a histogram by the value of its one label; ``labels()`` is called once for each."""

    def __init__(self, histogram: Histogram) -> None:
        super().__init__()
        self._histogram = histogram

    def __missing__(self, value: str) -> Histogram:
        child = self[value] = self._histogram.labels(value)
        return child
