"""Measure the loop's turns: CPU microseconds of its one thread for a message, while the load generator is the MTA.

    python -m benchmarks.turns

One loop runs in this process, with Redis, metrics and log lines; commits are left out, which another thread makes.
Run it with PYTHONPATH set to another checkout's ``milter`` to compare two versions: in turn, for what else the machine
does changes the figures. Prints medians of rounds, and the least.
"""

import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import mails
from benchmarks.generator import Generator
from benchmarks.microseconds import Counted, environment
from benchmarks.negotiated import listens
from benchmarks.plan import SESSION
from benchmarks.processes import BenchmarkError
from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.milter_loop import COUNT_OCTETS, ConnectionCounts, MilterLoop
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import OPERATIONS
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_store

ROUNDS, MESSAGES = 7, 1000
_CONNECTIONS = (8, 32, 200)
_KINDS = ("ordinary, accept_early", "ordinary", "replies")


def main() -> None:
    """Measure and print."""
    with environment() as (settings, folder):
        bench = _Bench(settings, folder)
        taken: dict[str, list[float]] = {}
        for number in range(ROUNDS + 1):
            for name, sample in bench.round():
                if number:  # the first round warms up
                    taken.setdefault(name, []).append(sample)
    for name, samples in taken.items():
        print(f"{name:<42} {statistics.median(samples):7.1f} us, least {min(samples):7.1f}")


class _Bench:
    """Two loops, one of which accepts at DATA, and the generator."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._generator = Generator(folder)
        metrics = telemetry.Metrics(str(folder), "one", libmilter.VERIFY.stages, OPERATIONS)
        told = telemetry.WorkerTelemetry(metrics, holds_log=True)
        store = open_store(settings.config, telemetry.StoreOperations(metrics))
        store.ping()  # so that there is a connection, which the pipeline takes over
        guesses = GuessTable(bytearray(TABLE_OCTETS), os.urandom(16))
        service = Service(settings.rules(), guesses, store, Counted(), WallClock(), told)
        self._sent = 0
        self._loops: dict[bool, tuple[str, MilterLoop]] = {}
        for early in (False, True):
            loop = MilterLoop(
                lambda client: Connection(lambda: service, client),
                lambda _client: told,
                lambda early=early: early,  # type: ignore[misc]
                ConnectionCounts(memoryview(bytearray(COUNT_OCTETS)), 0),
                lambda _store, watcher: store.pipeline(watcher),
                told.write_log,
            )
            path = str(folder / f"early-{early}.sock")
            loop.prepare(_listening(path))
            self._loops[early] = path, loop

    def round(self) -> Iterator[tuple[str, float]]:
        """Yield the CPU time of each kind of mail, by its name."""
        for connections in _CONNECTIONS:
            for kind in _KINDS:
                yield f"{kind}, {connections} connections", self._sample(kind, connections)

    def _sample(self, kind: str, connections: int) -> float:
        count = max(MESSAGES, connections * SESSION)
        mail = self._folder / "mail"
        letters = mails.ordinary(count)
        if kind == "replies":
            letters = mails.replies(self._settings, self._sent, count, WallClock().now())
            self._sent += count
        mails.write(mail, letters)
        path, loop = self._loops["early" in kind]
        done: list[int] = []

        def drive() -> None:
            run = self._generator.drive(path, mail, connections, count, SESSION)
            done.append(run.accepted)
            listens(path)  # so that the turn that waits comes to its end

        return _spent(loop, drive, done, count)


def _spent(loop: MilterLoop, drive: Callable[[], None], done: list[int], count: int) -> float:
    """Return the CPU microseconds a message of this thread, which runs the loop."""
    driving = threading.Thread(target=drive)
    driving.start()
    started = time.thread_time()
    while driving.is_alive() and not done:
        loop.turn()
    spent = time.thread_time() - started
    driving.join()
    if done != [count]:
        raise BenchmarkError(f"{done} of {count} messages were accepted")
    return spent / count * 1e6


def _listening(path: str) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.bind(path)
    found.listen(512)
    return found


if __name__ == "__main__":
    main()
