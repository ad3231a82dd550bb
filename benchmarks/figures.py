"""Medians over rounds and ratios within a round, of results that were measured now or kept before."""

import csv
import json
import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.plan import COMPARISONS, Comparison, Size
from benchmarks.rounds import Results, Sample

STEM = "comparison"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of each round; ``aim`` is 0 for none."""

    values: list[float]
    aim: float

    @property
    def median(self) -> float:
        """Of all rounds."""
        return statistics.median(self.values)

    @property
    def repeats(self) -> float:
        """How far the medians of every second round and of the others are apart, as two runs of half the length."""
        one, other = self.values[::2], self.values[1::2]
        return abs(statistics.median(one) / statistics.median(other) - 1) if other else 0.0

    @property
    def reached(self) -> str:
        """Whether the aim is."""
        return "" if not self.aim else "yes" if self.median >= self.aim else "no"


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how much was measured. ``load``: the load average before, which is others' work."""

    machine: str
    cpus: int
    size: Size
    workers: int
    load: float

    @classmethod
    def here(cls, size: Size, workers: int) -> "Setting":
        """This machine, now."""
        return cls(machine(), os.cpu_count() or 1, size, workers, os.getloadavg()[0])

    @property
    def busy(self) -> bool:
        """Whether others' work took so much of the machine that the figures say little."""
        return self.load > self.cpus / 2


class Figures:
    """What ``results`` say."""

    def __init__(self, results: Results, setting: Setting) -> None:
        self.results, self.setting = results, setting
        self.rounds = [{(one.name, one.mail, one.connections): one for one in samples} for samples in results.samples]

    def has(self, *name_and_mail: str) -> bool:
        """Whether the rounds that were kept have this one: figures stay until somebody measures again."""
        return all((*name_and_mail, connections) in self.rounds[0] for connections in self.setting.size.crowds)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Those of which both sides were measured."""
        return tuple(one for one in COMPARISONS if self.has(*one.one) and self.has(*one.other))

    def has_door(self, *doors: str) -> bool:
        """Whether mail went through these smtpds."""
        sessions = self.setting.size.sessions
        return all(f"{door} {number}" in self.results.postfix[0] for door in doors for number in sessions)

    def middle(self, name: str, mail: str, connections: int, value: Callable[[Sample], float]) -> float:
        """The median of ``value``."""
        return statistics.median(value(found[name, mail, connections]) for found in self.rounds)

    def per_second(self, name: str, mail: str, connections: int) -> float:
        """The median of messages per second."""
        return self.middle(name, mail, connections, lambda one: one.per_second)

    def ratio(self, comparison: Comparison, connections: int) -> Ratio:
        """Of messages per second."""
        one, other = (*comparison.one, connections), (*comparison.other, connections)
        return Ratio([found[one].per_second / found[other].per_second for found in self.rounds], comparison.aim)

    def door_ratio(self, one: str, other: str, sessions: int, aim: float = 0.0) -> Ratio:
        """Of messages per second through Postfix."""
        doors = self.results.postfix
        return Ratio([found[f"{one} {sessions}"] / found[f"{other} {sessions}"] for found in doors], aim)

    @property
    def growth(self) -> Ratio:
        """What the machine gives two programs that only compute, to what it gives one."""
        return Ratio(self.results.growth, 0.0)

    def write(self, folder: Path) -> None:
        """Keep them: samples as CSV, all else as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        rest = {name: value for name, value in asdict(self.results).items() if name != "samples"}
        text = json.dumps({"setting": asdict(self.setting), "results": rest}, indent=1)
        (folder / f"{STEM}.json").write_text(text + "\n")
        with open(folder / f"{STEM}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["round", *(one.name for one in fields(Sample))])
            for number, samples in enumerate(self.results.samples):
                writer.writerows([number, *map(_rounded, asdict(one).values())] for one in samples)

    @classmethod
    def read(cls, folder: Path) -> "Figures":
        """What ``write`` kept."""
        kept = json.loads((folder / f"{STEM}.json").read_text())
        size = {name: _tuple(value) for name, value in kept["setting"].pop("size").items()}
        results = Results(**kept["results"])
        with open(folder / f"{STEM}.csv", newline="") as file:
            for row in csv.DictReader(file):
                number = int(row.pop("round"))
                results.samples.extend([] for _ in range(number + 1 - len(results.samples)))
                results.samples[number].append(_sample(row))
        return cls(results, Setting(size=Size(**size), **kept["setting"]))


def machine() -> str:
    """CPU, number of them, and versions."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _sample(row: dict[str, str]) -> Sample:
    types: dict[str, Any] = {one.name: one.type for one in fields(Sample)}
    return Sample(**{name: types[name](value) for name, value in row.items()})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
