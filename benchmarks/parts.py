"""Measure how the parts of a running daemon share a reply's CPU time, by removing one after the other.

    python -m benchmarks.parts

Each daemon is the real one, with its store, its telemetry, or all of its decisions replaced by code that does nothing.
Each gets the same number of replies, in turn.
"""

import os
import statistics
import sys
import time
from typing import Any

from benchmarks import mails, processes
from benchmarks.filters import Bench, Ours, bench
from benchmarks.plan import SESSION
from benchmarks.processes import open_folder
from benchmarks.rounds import SETTLE_SECONDS
from reply_milter.adapters.os.clock import WallClock
from reply_milter.cli import main as reply_milter
from reply_milter.core.verdict.verdict import Accept
from reply_milter.flows.verifying.rehearsal import NoStore
from reply_milter.ports import Claim, Claimed, Replay
from reply_milter.processes import verifier

ROUNDS, MESSAGES, CONNECTIONS = 5, 5000, 8
_WITHOUT = "REPLY_MILTER_WITHOUT"  # in the environment of a daemon: what it is to do without
VARIANTS = ("", "telemetry", "store", "store telemetry", "decisions")
_TOLD = ("recipient", "message", "replay", "token_age", "key_used", "stage_started", "stage_ended")


class _YesStore(NoStore):
    """Accepts each message, and keeps none."""

    def claim(self, claim: Claim) -> Claimed:
        """Answer that the message is new."""
        return Claimed(Replay.FIRST)

    def ping(self) -> None:
        """Answer as a store that is available."""

    def watch(self) -> None:
        """There are no servers to look for."""


def daemon() -> int:
    """Run ``reply-milter run`` without some of its parts."""
    without = os.environ[_WITHOUT].split()
    parts: Any = verifier
    if "store" in without:
        parts.open_store = lambda *_: _YesStore()
    if "telemetry" in without:
        for name in _TOLD:
            setattr(parts.telemetry.WorkerTelemetry, name, lambda *_: None)
        parts.telemetry.StoreOperations.store_operation = lambda *_: None
    if "decisions" in without:
        yes = Accept()
        parts.Connection.rcpt = parts.Connection.end_of_message = lambda *_: yes
    return reply_milter()


def measure(milters: Bench) -> dict[str, tuple[float, float]]:
    """Median CPU microseconds of a reply by what is missing: of the workers, and of Redis."""
    running = {without: _start(milters, without) for without in VARIANTS}
    found: dict[str, list[tuple[float, float]]] = {without: [] for without in running}
    for number in range(ROUNDS + 1):
        for without, ours in running.items():
            taken = _run(milters, ours, number * MESSAGES)
            if number:
                found[without].append(taken)
    return {
        without: (statistics.median(own for own, _ in taken), statistics.median(store for _, store in taken))
        for without, taken in found.items()
    }


def _start(milters: Bench, without: str) -> Ours:
    os.environ[_WITHOUT] = without
    return (
        Bench(milters.folder / f"without {without}".replace(" ", "-"), milters.stack)
        .ours(os.cpu_count() or 1, module="benchmarks.parts")
        .ready()
    )


def _run(milters: Bench, ours: Ours, first: int) -> tuple[float, float]:
    path = milters.folder / "replies"
    mails.write(path, mails.replies(ours.settings, first, MESSAGES, WallClock().now()))
    own, store = ours.filter.pids(), ours.filter.stores()
    before, store_before = processes.cpu_seconds(own), processes.cpu_seconds(store)
    milters.generator.drive(ours.filter.socket, path, CONNECTIONS, MESSAGES, SESSION)
    time.sleep(SETTLE_SECONDS)
    taken = processes.cpu_seconds(own) - before, processes.cpu_seconds(store) - store_before
    return taken[0] / MESSAGES * 1e6, taken[1] / MESSAGES * 1e6


def main() -> int:
    """Measure and print."""
    with open_folder("reply-milter-parts-") as folder, bench(folder) as milters:
        for without, (own, store) in measure(milters).items():
            print(f"without {without or 'nothing':<16} {own:6.0f} us, and {store:4.0f} us of Redis")
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(daemon() if "run" in sys.argv[1:2] else main())
