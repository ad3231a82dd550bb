"""Connections of the MTA are spread over the loop's workers, and none waits for a worker that stands still."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from reply_milter.config.verify import Engine
from tests.support.processes.daemon_process import wait_until
from tests.wire.milter_alone import Milter, own_folder
from tests.wire.milter_client import Mta

pytestmark = pytest.mark.wire

WORKERS = 3
_CONNECTED = "03"  # in /proc/net/unix
AT_ONCE = 1.5  # seconds; a worker looks unasked after one


@pytest.fixture
def milter() -> Iterator[Milter]:
    """A daemon with three workers."""
    with own_folder() as folder, ExitStack() as stack:
        found = Milter(folder, engine=Engine.LOOP, changes={"workers = 0": f"workers = {WORKERS}"})
        stack.callback(found.daemon.stop)
        found.daemon.start()
        wait_until(lambda: _all_answer(found), 10, "all workers listen")
        yield found


def _all_answer(milter: Milter) -> bool:
    with ExitStack() as stack:
        for _ in range(2 * WORKERS):
            stack.enter_context(Mta(milter.socket))
        held = _held(milter)
    wait_until(lambda: not _held(milter).total(), 5, "all have left")
    return len(+held) == WORKERS


def _held(milter: Milter) -> Counter[int]:
    """How many connections each worker has."""
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    ours = {f"socket:[{line[6]}]" for line in lines if line[-1] == str(milter.socket) and line[5] == _CONNECTED}
    return Counter({worker: _open(worker, ours) for worker in milter.daemon.workers()})


def _open(process: int, sockets: set[str]) -> int:
    found = 0
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(descriptor) in sockets
    return found


def _is_even(held: Counter[int]) -> bool:
    """Whether the one with the most has an eighth more than the one with the fewest, and two, at most."""
    fewest, *_, most = sorted(held.values())
    return most <= fewest + 2 + fewest // 8


def test_many_clients_one_after_the_other(milter: Milter) -> None:
    """Each worker gets a third, give or take an eighth and one; so it is when most have left and others come."""
    with ExitStack() as stack:
        mtas = [stack.enter_context(Mta(milter.socket)) for _ in range(60)]
        assert _held(milter).total() == 60
        assert _is_even(_held(milter)), _held(milter)
        for mta in mtas[10:]:
            mta.socket.close()
        wait_until(lambda: _held(milter).total() == 10, 5, "50 have left")
        for _ in range(50):
            stack.enter_context(Mta(milter.socket))
        assert _is_even(_held(milter)), _held(milter)


def test_a_worker_that_stands_still(milter: Milter) -> None:
    """Whichever the system has woken: the others answer."""
    with ExitStack() as stack:
        for _ in range(WORKERS):
            stack.enter_context(Mta(milter.socket))
        stopped = milter.daemon.workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        stack.callback(os.kill, stopped, signal.SIGCONT)
        wait_until(lambda: _stands_still(stopped), 5, "all its threads stand still")
        for _ in range(20):
            began = time.monotonic()
            stack.enter_context(Mta(milter.socket))
            assert time.monotonic() - began < AT_ONCE


def _stands_still(process: int) -> bool:
    return all("State:\tT" in (task / "status").read_text() for task in Path(f"/proc/{process}/task").iterdir())


def test_a_worker_that_is_new(milter: Milter) -> None:
    """It has none where the others have twenty each: it takes the next ones."""
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(Mta(milter.socket))
        workers = milter.daemon.workers()
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: len(set(milter.daemon.workers()) - {workers[0]}) == WORKERS, 10, "the worker is replaced")
        (new,) = set(milter.daemon.workers()) - set(workers)
        wait_until(lambda: _takes_one(milter, new), 10, "the new one listens")
        began = time.monotonic()
        for _ in range(15):
            stack.enter_context(Mta(milter.socket))
        assert time.monotonic() - began < AT_ONCE
        assert _held(milter)[new] >= 12


def _takes_one(milter: Milter, worker: int) -> bool:
    with Mta(milter.socket):
        return _held(milter)[worker] > 0
