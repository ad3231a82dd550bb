"""Send a flood of junk recipients, then mixed load for a while: does memory grow, and does good mail wait?"""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import mails, processes
from benchmarks.filters import Bench, Ours
from benchmarks.generator import Run
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config.verify import Engine

_PART = 10_000  # junk recipients at a time, each refused and followed by RSET
SESSIONS = 10
_WARM = 50_000  # junk after which caches and allocators no longer grow
_GOOD = 300  # replies during each part
_PAUSE_SECONDS = 3.0  # between parts of mixed load, as on a host with much mail


@dataclass(frozen=True, slots=True)
class Held:
    """Resources of the largest process: private bytes, descriptors, threads."""

    private: int
    descriptors: int
    threads: int

    def __str__(self) -> str:
        return f"{self.private / 1e6:.2f} MB, {self.descriptors} descriptors, {self.threads} threads"


@dataclass(slots=True)
class Flood:
    """``junk_keys``: keys that junk left in Redis. ``good_p99_ms``: of each part's replies, during the junk.
    ``deferred``: replies answered 451, because the store did not answer in time.
    """

    junk: int = 0
    good: int = 0
    deferred: int = 0
    junk_keys: int = 0
    seconds: float = 0.0
    good_p99_ms: list[float] = field(default_factory=list)
    held: list[tuple[str, Held]] = field(default_factory=list)


class Flooded:
    """One daemon under the flood, which comes over so many ``sessions`` at once."""

    def __init__(self, bench: Bench, workers: int, engine: Engine = Engine.PYMILTER, sessions: int = SESSIONS) -> None:
        self._bench, self._ours = bench, bench.ours(workers, engine=engine).ready()
        self._sessions = sessions
        self._now = WallClock().now()
        self.found = Flood()
        self._forged = self._file("forged", lambda path: mails.write(path, self._junk()))
        self._ordinary = self._file("ordinary", lambda path: mails.write(path, mails.ordinary(_PART)))

        self._put_key_use_on_record()

    def _put_key_use_on_record(self) -> None:
        """Send a reply: the first one makes an additional key, which does not count as junk."""
        self._drive(self._file("replies", lambda path: mails.write(path, self._replies())), 2, _GOOD)
        self.found.good += _GOOD
        processes.wait_until(lambda: int(self._ours.store.dbsize()) > _GOOD, "the use of keys is on record")

    def junk(self, wanted: int) -> None:
        """Send junk recipients, and good mail meanwhile."""
        began = time.monotonic()
        while self.found.junk < wanted:
            self._part()
            if self.found.junk == min(_WARM, wanted):
                self._look(f"after {self.found.junk:,} junk recipients")
        self._look(f"after {self.found.junk:,} junk recipients")
        self.found.seconds = time.monotonic() - began

    def mixed(self, minutes: float) -> None:
        """Send ordinary mail, junk and replies for some time."""
        began = looked = time.monotonic()
        while time.monotonic() - began < 60 * minutes:
            self._drive(self._ordinary, self._sessions, _PART)
            self._part()
            time.sleep(_PAUSE_SECONDS)
            if time.monotonic() - looked > 300:
                looked = time.monotonic()
                self._look(f"after {(looked - began) / 60:.0f} minutes of mixed load")

    def _part(self) -> None:
        before = int(self._ours.store.dbsize())
        replies = self._file("replies", lambda path: mails.write(path, self._replies()))
        with ThreadPoolExecutor(1) as beside:
            junk = beside.submit(self._drive, self._forged, self._sessions, _PART)
            good = self._drive(replies, 2, _GOOD)
            refused = junk.result().refused_rcpt
        if refused != _PART:
            raise processes.BenchmarkError(f"{refused} of {_PART} refused")
        self.found.junk += _PART
        self.found.good += _GOOD
        self.found.deferred += _GOOD - good.accepted
        self.found.good_p99_ms.append(good.p99_ms)
        if good.accepted == _GOOD:  # a deferred reply may have left its key
            self.found.junk_keys += int(self._ours.store.dbsize()) - before - _GOOD

    def _drive(self, mail: Path, connections: int, messages: int) -> Run:
        return self._bench.generator.drive(self._ours.filter.socket, mail, connections, messages, messages)

    def _junk(self) -> Iterator[mails.Letter]:
        return mails.forged(self._ours.settings, _PART, self._now)

    def _replies(self) -> Iterator[mails.Letter]:
        return mails.replies(self._ours.settings, self.found.good, _GOOD, self._now)

    def _file(self, name: str, write: Callable[[Path], None]) -> Path:
        path = self._bench.folder / f"flood-{name}"
        write(path)
        return path

    def _look(self, when: str) -> None:
        self.found.held.append((when, _held(self._ours)))
        print(f"{when}: {self.found.held[-1][1]}", flush=True)  # it takes an hour


def _held(ours: Ours) -> Held:
    pids = ours.filter.pids()
    return Held(
        max(processes.memory(pid).private for pid in pids),
        max(processes.descriptors(pid) for pid in pids),
        max(processes.threads(pid) for pid in pids),
    )


def page(found: Flood, machine: str, sessions: int) -> str:
    """Return the published page."""
    worst, middle = max(found.good_p99_ms), statistics.median(found.good_p99_ms)
    rows = "\n".join(f"| {when} | {held} |" for when, held in found.held)
    return f"""\
# A flood of junk

{machine}.
{found.junk:,} recipients with a wrong checksum over {sessions} connections, each refused and followed by RSET.
Beside them {found.good:,} genuine replies over 2, of which {found.deferred} were deferred.
All junk comes from one network, and hears 451 from the 61st in a minute on.

- Keys in Redis beyond those of replies that were taken: {found.junk_keys}. The mark of the store is one, and a deferred
  reply may have left one.
- p99 of a reply beside the flood, in {len(found.good_p99_ms)} parts of {_GOOD} (aim 100 ms): median {middle:.1f} ms,
  worst {worst:.1f} ms.
- Without the mixed load it took {found.seconds:.0f} s.

| the largest process | holds |
|---|---|
{rows}
"""
