"""A file of values as prometheus_client's ``MmapedDict`` keeps them, written in place by one assignment each.

It begins with how many octets are used, an int of four, and four more. Each entry is the length of its key, the key
filled up with blanks so that its values are aligned, and two doubles: the value, and when it was set (Unix seconds).
"""

import mmap
import os
import struct

from prometheus_client.mmap_dict import MmapedDict

_INT = struct.Struct("i")
_HEAD = 8  # octets in front of the first entry
_DOUBLE = 8
_VALUE = bytes(2 * _DOUBLE)


class CellFile:
    """The file at ``path``, which is whole and not empty. It grows as values are added."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._maps: list[tuple[mmap.mmap, memoryview[float]]] = []  # the last one is of the whole file
        self._map()
        kept = MmapedDict.read_all_values_from_file(path)  # type: ignore[no-untyped-call]
        self._places: dict[str, int] = {key: place for key, _value, _when, place in kept}
        self._used = _INT.unpack_from(self._maps[-1][0])[0] or _HEAD

    def _map(self) -> None:
        with open(self._path, "r+b") as file:
            mapped = mmap.mmap(file.fileno(), 0)
        whole = len(mapped) // _DOUBLE * _DOUBLE
        self._maps.append((mapped, memoryview(mapped)[:whole].cast("d")))

    def place(self, key: str) -> tuple["memoryview[float]", int]:
        """Return the doubles of the file and the number of ``key``'s value among them; 0 if it is new.

        An older view stays good when the file grows: both show the same pages.
        """
        if key not in self._places:
            self._add(key)
        return self._maps[-1][1], self._places[key] // _DOUBLE

    def _add(self, key: str) -> None:
        octets = key.encode()
        filled = octets + b" " * (_DOUBLE - (len(octets) + _INT.size) % _DOUBLE)
        entry = _INT.pack(len(octets)) + filled + _VALUE
        end = self._used + len(entry)
        self._grow(end)
        mapped, _ = self._maps[-1]
        mapped[self._used : end] = entry
        mapped[: _INT.size] = _INT.pack(end)  # last: a reader finds whole entries only
        self._used = end
        self._places[key] = end - len(_VALUE)

    def _grow(self, wanted: int) -> None:
        size = len(self._maps[-1][0])
        if wanted <= size:
            return
        while size < wanted:
            size *= 2
        os.truncate(self._path, size)
        self._map()

    def close(self) -> None:
        """Write no more: from now on, the views that ``place`` returned raise ValueError."""
        for mapped, doubles in self._maps:
            doubles.release()
            mapped.close()
        self._maps.clear()
