"""More clients than descriptors: no message is lost, and the milter goes on as soon as some clients leave."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.faults.alone import Alone, alone
from tests.faults.letters import letters
from tests.faults.outcome import LONG, keep_records, outcome, verdicts
from tests.faults.retrying import Load
from tests.support.processes.daemon_process import wait_until
from tests.wire.milter_alone import Milter

pytestmark = [pytest.mark.wire, pytest.mark.redis]

DESCRIPTORS = 64
HELD = 200
HELD_SECONDS = 10.0 if LONG else 2.0
MESSAGES = 2_000 if LONG else 200
RECOVERY_SECONDS = 5.0


@contextmanager
def _held(host: Alone, count: int) -> Iterator[None]:
    """So many connections to the milter, which say nothing."""
    held = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    try:
        for one in held:
            one.settimeout(0.2)
            with suppress(OSError):  # the queue of those that wait to be let in is full
                one.connect(str(host.milter.socket))
        yield
    finally:
        for one in held:
            one.close()


def _ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def test_without_descriptors() -> None:
    """64 descriptors a process, 200 silent clients, and beside them mail that waits for no longer than a second."""

    def prepare(milter: Milter) -> None:
        milter.daemon.wrapper = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with alone(prepare=prepare) as host:
        workers = host.milter.daemon.workers()
        with _held(host, HELD):
            given = letters(host.settings, "descriptors", MESSAGES)
            load = Load(lambda: host.client(timeout=1.0), given, 8, patience=90).start()
            before, began = [_ticks(pid) for pid in workers], time.monotonic()
            time.sleep(HELD_SECONDS)
            busy = sum(_ticks(pid) - ticks for pid, ticks in zip(workers, before, strict=True) if _runs(pid))
            share = busy / 100 / (time.monotonic() - began)
            taken = _taken(load)
        left = time.monotonic()
        wait_until(lambda: _taken(load) > taken, 60, "a yes again")
        back = time.monotonic() - left
        load.finish()
        restarted = len(set(host.milter.daemon.workers()) - set(workers))
    figures = {
        "held s": HELD_SECONDS,
        "taken meanwhile": taken,
        "CPUs busy meanwhile": round(share, 2),
        "first yes after s": round(back, 2),
        "workers that ended": restarted,
    }
    found = outcome("descriptors", load, {**figures, **verdicts(load.records)})
    keep_records("descriptors", load)
    found.demand(back <= RECOVERY_SECONDS, f"no yes for {back:.1f} s after the others left")
    found.tell()


def _runs(pid: int) -> bool:
    with suppress(OSError):
        _ticks(pid)
        return True
    return False


def _taken(load: Load) -> int:
    return sum(record.taken for record in list(load.records))
