"""Measure each thing once per round, in turn, so that a busy moment of the machine affects all of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import mails, processes, through_postfix
from benchmarks.filters import Bench, Filter
from benchmarks.generator import Run
from benchmarks.plan import ALONE, FULL_DOORS, PLAN, SESSION, Size
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
    """Samples by round, and what was read once. ``growth``: of a pure CPU loop, two at once to one, by round.

    ``postfix``, ``postfix_cpu``: by door and sessions, as "ours 8": messages a second, and microseconds a message.
    """

    samples: list[list[Sample]] = field(default_factory=list)
    postfix: list[dict[str, float]] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    private_bytes: dict[str, int] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    replies: int = 0
    store_bytes: int = 0
    postfix_cpu: list[dict[str, float]] = field(default_factory=list)


# How ``Bench.ours`` starts each of ours.
_OURS: dict[str, dict[str, Any]] = {
    "ours": {},
    "ours 1": {"workers": 1},
    "ours early": {"early": True},
    "ours loop": {"engine": Engine.LOOP},
    "ours loop early": {"early": True, "engine": Engine.LOOP},
    "ours loop compiled": {"engine": Engine.LOOP, "compiled": True},
    "ours loop compiled early": {"early": True, "engine": Engine.LOOP, "compiled": True},
    "ours tcp": {"tcp": True},
    "ours tcp early": {"tcp": True, "early": True},
}


class Rounds:
    """The filters that ``plan`` names, which run at the same time, and their messages."""

    def __init__(self, bench: Bench, size: Size, workers: int, plan: Mapping[str, tuple[str, ...]] = PLAN) -> None:
        self._bench, self._size, self._plan = bench, size, plan
        wanted = {name for names in plan.values() for name in names}
        self._ours = {name: bench.ours(**{"workers": workers, **how}) for name, how in _OURS.items() if name in wanted}
        self._filters: dict[str, Filter] = {name: one.filter for name, one in self._ours.items()}
        if "rspamd replies" in wanted:
            self._filters["rspamd replies"], self._sent = bench.rspamd_replies(workers)
        self._filters |= {name: start() for name, start in self._others(workers).items() if name in wanted}
        for one in self._filters.values():
            one.ready()
        self._taken = 0
        self._now = WallClock().now()
        self._used_before = self._ours["ours"].used_memory()

    def _others(self, workers: int) -> dict[str, Callable[[], Filter]]:
        bench, ours = self._bench, self._ours
        return {
            "empty spare": lambda: bench.empty_pymilter("spare", workers),
            "empty plain": lambda: bench.empty_pymilter("plain", workers),
            "opendkim": bench.opendkim,
            "rspamd": lambda: bench.rspamd(workers),
            "null": lambda: bench.null(ours["ours"].filter),
            "null early": lambda: bench.null(ours["ours early"].filter, early=True),
            "null tcp": lambda: bench.null(ours["ours tcp"].filter),
        }

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
            plan = self._plan if connections > 1 else ALONE
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
            if "rspamd replies" in self._filters:
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


def postfix_rounds(bench: Bench, size: Size, workers: int, results: Results, doors: Sequence[str] = FULL_DOORS) -> None:
    """Put what passes through Postfix, by ``doors`` and sessions, into ``results``."""
    with through_postfix.running(bench, workers, doors) as postfix:
        for number in tqdm(range(size.warm + size.rounds), desc="through Postfix", mininterval=5):
            taken: dict[str, float] = {}
            cost: dict[str, float] = {}
            for sessions in size.sessions:
                for door in doors if number % 2 else reversed(doors):
                    name = f"{door} {sessions}"
                    taken[name], cost[name] = postfix.take(door, sessions, size.postfix_messages)
            if number >= size.warm:
                results.postfix.append(taken)
                results.postfix_cpu.append(cost)
