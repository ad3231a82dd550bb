"""The files that processes count in: a check for damage, and a reader that skips damaged files.

prometheus_client's own reader fails at one truncated file, and so does the page, until the daemon is restarted.
"""

import glob
import json
import logging
import os
import struct
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

_length = struct.Struct("i").unpack_from
_HEAD = 8  # octets: how many are used, and padding
_VALUE = 16  # a value, and when it was set


def is_whole(path: str, is_key: Callable[[bytes], bool] | None = None) -> bool:
    """Return whether each entry is complete and has a name; a new file without entries is whole."""
    try:
        with open(path, "rb") as file:
            octets = file.read()  # a copy: the file may be cut meanwhile
        return _entries_are_whole(octets, is_key or _is_key)
    except (OSError, struct.error):
        return False


def _entries_are_whole(octets: bytes, is_key: Callable[[bytes], bool]) -> bool:
    (used,) = _length(octets)
    if not used:
        return octets.count(0) == len(octets)
    if not _HEAD <= used <= len(octets):
        return False
    at = _HEAD
    while at < used:
        (length,) = _length(octets, at)
        end = at + 4 + length + (8 - (length + 4) % 8) + _VALUE
        if length <= 0 or end > used or not is_key(octets[at + 4 : at + 4 + length]):
            return False
        at = end
    return True


def _is_key(octets: bytes) -> bool:
    """Return whether ``octets`` are a key of prometheus_client: metric, sample, labels, help text."""
    try:
        metric, name, labels, text = json.loads(octets)
    except (ValueError, TypeError):
        return False
    return isinstance(labels, dict) and all(isinstance(word, str) for word in (metric, name, text))


class FileSeries(Collector):
    """What all processes count in ``folder``; a damaged file is left out and logged once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: set[bytes] = set()  # keys that were checked and good
        self._logged: frozenset[str] = frozenset()

    def collect(self) -> Iterable[Metric]:
        """Yield the sums over processes, and the number of files left out."""
        paths = sorted(glob.glob(os.path.join(glob.escape(self._folder), "*.db")))
        broken = frozenset(path for path in paths if not is_whole(path, self._is_known))
        for path in sorted(broken - self._logged):
            log.error("%s is cut or damaged: what its process counts is not shown until it is restarted", path)
        self._logged = broken
        collector: Any = MultiProcessCollector
        yield from collector.merge([path for path in paths if path not in broken])
        text = "Damaged files of metrics; what their processes count is missing."
        yield GaugeMetricFamily("reply_milter_metrics_files_broken", text, len(broken))

    def _is_known(self, octets: bytes) -> bool:
        if octets not in self._known:
            if not _is_key(octets):
                return False
            self._known.add(octets)
        return True
