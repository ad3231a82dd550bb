"""Measure each thing once per round, in turn, so that a busy moment of the machine affects all of them."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from benchmarks import mails, processes, through_postfix
from benchmarks.filters import Bench, Filter
from benchmarks.generator import Run
from benchmarks.plan import ALONE, PLAN, SESSION, Size
from benchmarks.processes import BenchmarkError
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config.verify import Engine

SETTLE_SECONDS = 0.5  # in which commits behind the answers are made: they are the filter's work, too


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one thing. CPU in microseconds a message: of the filter, of its Redis, and of the load generator.

    ``per_second`` counts messages that were answered as they should be, ``deferred`` the others. ``busy``: CPUs that
    the filter and its Redis kept busy until the last answer.
    """

    name: str
    mail: str
    connections: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    store_us: float
    load_us: float
    busy: float
    deferred: int


@dataclass(slots=True)
class Results:
    """Samples by round, and what was read once. ``growth``: of a pure CPU loop, two at once to one, by round."""

    samples: list[list[Sample]] = field(default_factory=list)
    postfix: list[dict[str, float]] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    private_bytes: dict[str, int] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    replies: int = 0
    store_bytes: int = 0


class Rounds:
    """All filters, which run at the same time, and their messages."""

    def __init__(self, bench: Bench, size: Size, workers: int) -> None:
        self._bench, self._size = bench, size
        self._ours = ours = {
            "ours": bench.ours(workers),
            "ours 1": bench.ours(1),
            "ours early": bench.ours(workers, early=True),
            "ours loop": bench.ours(workers, engine=Engine.LOOP),
            "ours loop early": bench.ours(workers, early=True, engine=Engine.LOOP),
            "ours tcp": bench.ours(workers, tcp=True),
            "ours tcp early": bench.ours(workers, tcp=True, early=True),
        }
        self._filters: dict[str, Filter] = {name: one.filter for name, one in ours.items()} | {
            "empty spare": bench.empty_pymilter("spare", workers),
            "empty plain": bench.empty_pymilter("plain", workers),
            "opendkim": bench.opendkim(),
            "rspamd": bench.rspamd(workers),
        }
        self._filters["rspamd replies"], self._sent = bench.rspamd_replies(workers)
        self._filters |= {
            "null": bench.null(ours["ours"].filter),
            "null early": bench.null(ours["ours early"].filter, early=True),
            "null tcp": bench.null(ours["ours tcp"].filter),
        }
        for one in self._filters.values():
            one.ready()
        self._taken = 0
        self._now = WallClock().now()
        self._used_before = ours["ours"].used_memory()

    def run(self) -> Results:
        """Rounds to warm up, which are thrown away, and then all others; every second one the other way round."""
        results = Results()
        for number in tqdm(range(self._size.warm + self._size.rounds), desc="rounds", mininterval=5):
            growth = self._machine()
            samples = list(self._round(backwards=number % 2 == 1))
            if number >= self._size.warm:
                results.samples.append(samples)
                results.growth.append(growth)
        results.replies = self._taken
        results.store_bytes = self._ours["ours"].used_memory() - self._used_before
        for name, one in self._filters.items():
            found = one.memory()
            results.private_bytes[name], results.peak_bytes[name] = found.private, found.peak
        return results

    def _machine(self) -> float:
        """How much two programs get done that only compute, to what one does: at most 2."""
        generator, seconds = self._bench.generator, self._size.spin_seconds
        one = generator.spin(1, seconds)
        return generator.spin(2, seconds) / one

    def _round(self, backwards: bool) -> Iterator[Sample]:
        for connections in self._size.connections:
            plan: Mapping[str, tuple[str, ...]] = PLAN if connections > 1 else ALONE
            for mail, names in plan.items():
                path = self._mail(mail, self._size.count(mail, connections))
                for name in reversed(names) if backwards else names:
                    yield self._sample(name, mail, path, connections)

    def _mail(self, mail: str, count: int) -> Path:
        """A file of so many messages. Genuine replies are fresh: each is taken once, by each of our milters."""
        path, many = self._bench.folder / f"{mail}-{count}", mail.endswith("25")
        if mail.startswith("replies"):
            letters = list(mails.replies(self._ours["ours"].settings, self._taken, count, self._now))
            self._taken += count
            self._sent.remember(letters)
            mails.write(path, letters, many)
        elif not path.exists():
            forged = mails.forged(self._ours["ours"].settings, count, self._now)
            mails.write(path, forged if mail == "forged" else mails.ordinary(count), many)
        return path

    def _sample(self, name: str, mail: str, path: Path, connections: int) -> Sample:
        one, count = self._filters[name], self._size.count(mail, connections)
        own, store = one.pids(), one.stores()
        before, store_before = processes.cpu_seconds(own), processes.cpu_seconds(store)
        run = self._bench.generator.drive(one.socket, path, connections, count, SESSION)
        done = _done(name, mail, run)
        busy = processes.cpu_seconds([*own, *store]) - before - store_before
        if mail.startswith("replies") and name in self._ours:
            time.sleep(SETTLE_SECONDS)
        return Sample(
            name,
            mail,
            connections,
            done / run.seconds,
            run.p50_ms,
            run.p99_ms,
            (processes.cpu_seconds(own) - before) / count * 1e6,
            (processes.cpu_seconds(store) - store_before) / count * 1e6,
            run.load_cpu_seconds / count * 1e6,
            busy / run.seconds,
            count - done,
        )


def _done(name: str, mail: str, run: Run) -> int:
    """How many messages were answered as they should be. The other replies heard 451: the store had no answer in time.

    Raises:
        BenchmarkError: they heard anything else, or all of them did: a filter that does not do its work is not fast.
    """
    ours, reply = name.startswith("ours"), mail.startswith("replies")
    if reply and (ours or name == "rspamd replies"):
        done = run.edited
    elif ours and mail == "forged":
        done = run.refused_rcpt
    else:
        done = run.accepted - run.edited
    late = run.deferred if ours and reply else 0
    if done + late != run.messages or not done:
        raise BenchmarkError(f"{name}, {mail}: only {done} of {run.messages} were answered as they should be: {run}")
    return done


def postfix_rounds(bench: Bench, size: Size, workers: int) -> list[dict[str, float]]:
    """Return messages per second through Postfix, by milter and sessions: "ours 8"."""
    found = []
    with through_postfix.running(bench, workers) as postfix:
        for number in tqdm(range(size.warm + size.rounds), desc="through Postfix", mininterval=5):
            taken = {}
            for sessions in size.sessions:
                order = list(postfix.ports)
                for milter in order if number % 2 else reversed(order):
                    taken[f"{milter} {sessions}"] = postfix.take(milter, sessions, size.postfix_messages)
            if number >= size.warm:
                found.append(taken)
    return found
