"""Processes that a benchmark starts and ends, and their cost as the kernel counts it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SCHEDULED = 2  # CPUCLOCK_SCHED
START_SECONDS = 60.0  # Rspamd takes seconds to compile what it then does not use


class BenchmarkError(Exception):
    """The benchmark can't go on; the message says why."""


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """A folder for a while that every user may enter: some of the programs do not run as root."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def wait_until(ready: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Poll ``ready``.

    Raises:
        BenchmarkError: it stays false for too long.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"not in {seconds:.0f} s: {what}")
        time.sleep(0.02)


class Tree:
    """A program with all its children, in its own process group. Its output goes to ``log``."""

    def __init__(self, command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> None:
        with open(log, "ab") as out:
            self._root = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
        self._descendants: list[int] = []

    def alive(self) -> bool:
        """Whether the program itself still runs."""
        return self._root.poll() is None

    def pids(self) -> list[int]:
        """Return the program and all its descendants, even those in other process groups."""
        return below(self._root.pid)

    def terminate(self) -> None:
        """SIGTERM, without waiting for the end; ``stop`` does the rest."""
        self._descendants = self.pids()
        self._root.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGTERM, two seconds to end in good order, and SIGKILL to what is left of it."""
        descendants = self._descendants or self.pids()
        self._root.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._root.wait(2)
        for pid in descendants:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._root.wait()


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process, in bytes. ``private``: not shared with others; ``peak``: the largest resident set."""

    private: int
    peak: int


def below(pid: int) -> list[int]:
    """Return a process and all its descendants, even those in other process groups."""
    found = [pid]
    for one in found:
        found += [int(child) for task in _tasks(one) for child in _words(task / "children")]
    return found


def cpu_seconds_below(pid: int) -> float:
    """User and system time of a process and its descendants, with that of its own children which have ended."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ended = (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")
    return cpu_seconds(below(pid)) + ended


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of processes that are there, ended threads among it, to the nanosecond."""
    return sum(map(_cpu_clock, pids))


def _cpu_clock(pid: int) -> float:
    """As clock_getcpuclockid(3) makes it: the clock of another process."""
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULED)
    except OSError:
        return 0.0


def memory(pid: int) -> Memory:
    """Return the memory of ``pid``."""
    rollup = _table(f"/proc/{pid}/smaps_rollup")
    return Memory(rollup["Private_Clean"] + rollup["Private_Dirty"], _table(f"/proc/{pid}/status")["VmHWM"])


def descriptors(pid: int) -> int:
    """Return how many descriptors ``pid`` has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    """Return how many threads ``pid`` has."""
    return len(_tasks(pid))


def name(pid: int) -> str:
    """Return the program's short name."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def free_port() -> int:
    """Return a TCP port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _table(path: str) -> dict[str, int]:
    """Read lines of ``Name:  123 kB``; values in bytes."""
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {words[0].rstrip(":"): 1024 * int(words[1]) for words in lines if words[-1:] == ["kB"]}
