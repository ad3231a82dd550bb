"""Measure each thing once per round, in turn, so that a busy moment of the machine affects all of them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from benchmarks import mails, processes, through_postfix
from benchmarks.filters import OURS_STEPS, Bench, Filter, Ours
from benchmarks.generator import Run
from benchmarks.processes import BenchmarkError
from reply_milter.adapters.os.clock import WallClock

SETTLE_SECONDS = 0.5  # for commits after the answers: they belong to the filter's work, too
SESSION = 25  # messages of one connection of the MTA


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure. ``memory_messages``: of the soak; 0 for no soak."""

    rounds: int
    messages: int
    postfix_messages: int
    connections: tuple[int, ...]
    sessions: tuple[int, ...]
    flat_connections: tuple[int, ...]
    memory_messages: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one filter. CPU in microseconds per message: of the filter, and of its Redis."""

    name: str
    mail: str
    connections: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    store_us: float
    load_us: float
    deferred: int


@dataclass(slots=True)
class Results:
    """Samples by round, and values that are read once."""

    samples: list[list[Sample]] = field(default_factory=list)
    postfix: list[dict[str, float]] = field(default_factory=list)
    private_bytes: dict[str, int] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    replies: int = 0
    store_bytes: int = 0


class Rounds:
    """All filters, which run at the same time, and their messages."""

    def __init__(self, bench: Bench, size: Size, workers: int) -> None:
        self._bench, self._size, self._workers = bench, size, workers
        self._ours = {count: bench.ours(count) for count in sorted({1, workers})}
        ours = self._ours[workers]
        self._filters: dict[str, Filter] = {
            "null": bench.null(OURS_STEPS),
            "empty spare": bench.empty_pymilter("spare", workers),
            "empty plain": bench.empty_pymilter("plain", workers),
            "opendkim": bench.opendkim(),
            "rspamd": bench.rspamd(workers),
            "ours": ours.filter,
        }
        self._first = 0
        self._now = WallClock().now()
        self._ordinary, self._forged = bench.folder / "ordinary", bench.folder / "forged"
        mails.write(self._ordinary, mails.ordinary(size.messages))
        mails.write(self._forged, mails.forged(ours.settings, size.messages, self._now))
        self._used_before = ours.used_memory()
        self._replies_before = self._first

    def run(self) -> Results:
        """Run one round to warm up, discard it, and run all others."""
        results = Results()
        for number in tqdm(range(self._size.rounds + 1), desc="rounds", mininterval=5):
            samples = [*self._side_by_side(), *self._flatness()]
            if number:
                results.samples.append(samples)
        ours = self._ours[self._workers]
        results.replies = self._taken
        results.store_bytes = ours.used_memory() - self._used_before
        for name, one in self._filters.items():
            found = one.memory()
            results.private_bytes[name], results.peak_bytes[name] = found.private, found.peak
        return results

    _taken = 0

    def _side_by_side(self) -> Iterator[Sample]:
        for connections in self._size.connections:
            replies = self._replies(self._ours[self._workers])
            for name, one in self._filters.items():
                yield self._sample(name, one, "replies", replies, connections)
            self._taken += self._size.messages
            for name in ("null", "empty spare", "empty plain", "ours"):
                yield self._sample(name, self._filters[name], "ordinary", self._ordinary, connections)
            for name in ("opendkim", "ours"):
                yield self._sample(name, self._filters[name], "forged", self._forged, connections)

    def _flatness(self) -> Iterator[Sample]:
        """Measure accepted replies and ordinary mail by workers and connections."""
        for connections in self._size.flat_connections:
            for workers, ours in self._ours.items():
                name = f"ours, {workers} worker{'s' if workers > 1 else ''}"
                yield self._sample(name, ours.filter, "replies", self._replies(ours), connections)
                self._taken += self._size.messages if workers == self._workers else 0
                yield self._sample(name, ours.filter, "ordinary", self._ordinary, connections)

    def _replies(self, ours: Ours) -> Path:
        """Return genuine replies that were not sent before."""
        path = self._bench.folder / "replies"
        mails.write(path, mails.replies(ours.settings, self._first, self._size.messages, self._now))
        self._first += self._size.messages
        return path

    def _sample(self, name: str, one: Filter, mail: str, path: Path, connections: int) -> Sample:
        own, store, count = one.pids(), one.stores(), self._size.messages
        before, store_before = processes.cpu_seconds(own), processes.cpu_seconds(store)
        run = self._bench.generator.drive(one.socket, path, connections, count, SESSION)
        if mail == "replies" and store:
            time.sleep(SETTLE_SECONDS)
        deferred = _deferred(name, mail, run)
        return Sample(
            name,
            mail,
            connections,
            count / run.seconds,
            run.p50_ms,
            run.p99_ms,
            (processes.cpu_seconds(own) - before) / count * 1e6,
            (processes.cpu_seconds(store) - store_before) / count * 1e6,
            run.load_cpu_seconds / count * 1e6,
            deferred,
        )


def _deferred(name: str, mail: str, run: Run) -> int:
    """Return how many replies were answered 451, because the machine was slower than the store's deadline.

    Raises:
        BenchmarkError: they are more than a few, or had another answer: a filter must do its work to be compared.
    """
    ours = name.startswith("ours")
    if ours and mail == "replies":
        done = run.edited
    elif ours and mail == "forged":
        done = run.refused_rcpt
    else:
        done = run.accepted - run.edited
    if done < (0.9 if mail == "replies" else 1.0) * run.messages:
        raise BenchmarkError(f"{name}, {mail}: only {done} of {run.messages} were answered as they should be: {run}")
    return run.messages - done


def postfix_rounds(bench: Bench, size: Size, workers: int) -> list[dict[str, float]]:
    """Return messages per second through Postfix, by milter (ours, null, none) and sessions: "ours 8"."""
    found = []
    with through_postfix.running(bench, workers) as postfix:
        for number in tqdm(range(size.rounds + 1), desc="through Postfix", mininterval=5):
            taken = {}
            for sessions in size.sessions:
                order = list(postfix.ports)
                for milter in order if number % 2 else reversed(order):
                    taken[f"{milter} {sessions}"] = postfix.take(milter, sessions, size.postfix_messages)
            if number:
                found.append(taken)
    return found
