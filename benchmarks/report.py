"""Write medians over rounds and ratios within a round, as Markdown, JSON and CSV."""

import csv
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from benchmarks.rounds import Results, Sample, Size

_NAMES = {
    "null": "nothing (a C loop that says yes)",
    "empty spare": "empty pymilter, our steps",
    "empty plain": "empty pymilter, all steps",
    "opendkim": "OpenDKIM, verifying unsigned mail",
    "rspamd": "Rspamd, no modules",
    "ours": "reply-milter",
}
_Key = tuple[str, str, int]


class Report:
    """A report of ``results``."""

    def __init__(self, results: Results, size: Size, workers: int) -> None:
        self._results, self._size, self._workers = results, size, workers
        self._rounds = [{(one.name, one.mail, one.connections): one for one in samples} for samples in results.samples]

    def write(self, folder: Path, stem: str) -> Path:
        """Write ``stem`` .md, .json and .csv into ``folder``; returns the first."""
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / f"{stem}.md"
        page.write_text("\n".join(self.lines()) + "\n")
        raw = {"machine": machine(), "size": asdict(self._size), "workers": self._workers} | asdict(self._results)
        (folder / f"{stem}.json").write_text(json.dumps(raw, indent=1) + "\n")
        with open(folder / f"{stem}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["round", *Sample.__slots__])
            for number, samples in enumerate(self._results.samples, 1):
                writer.writerows([number, *asdict(one).values()] for one in samples)
        return page

    def lines(self) -> Iterable[str]:
        """Return the lines of the page."""
        yield "# Measured"
        yield ""
        yield f"{machine()}. {self._workers} workers each; medians of {len(self._rounds)} interleaved rounds of"
        yield f"{self._size.messages} messages of 2 kB, 25 on each connection. Private memory is that of the filter's"
        yield "largest process, peak that of all. The load generator runs on the same CPUs, and so does Redis."
        for mail, title in (
            ("replies", "Genuine replies"),
            ("ordinary", "Ordinary mail"),
            ("forged", "Forged recipients"),
        ):
            yield from self._table(mail, title)
        yield from self._ratios()
        yield from self._flatness()
        yield from self._memory()

    def _table(self, mail: str, title: str) -> Iterable[str]:
        yield from ("", f"## {title}", "")
        columns = ("messages/s", "p50 ms", "p99 ms", "CPU s / 1,000", "with Redis", "private MB", "peak MB")
        yield f"| filter | connections | {' | '.join(columns)} |"
        yield "|---" + "|---:" * (len(columns) + 1) + "|"
        for name, words in _NAMES.items():
            for connections in self._size.connections:
                key = (name, mail, connections)
                if key in self._rounds[0]:
                    memory = (self._results.private_bytes[name] / 1e6, self._results.peak_bytes[name] / 1e6)
                    yield self._row(words, key, *memory)

    def _row(self, words: str, key: _Key, private: float, peak: float) -> str:
        def middle(value: Callable[[Sample], float]) -> float:
            return self._middle(key, value)

        return (
            f"| {words} | {key[2]} | {middle(lambda one: one.per_second):,.0f} "
            f"| {middle(lambda one: one.p50_ms):.2f} | {middle(lambda one: one.p99_ms):.2f} "
            f"| {middle(lambda one: one.cpu_us) / 1000:.3f} "
            f"| {middle(lambda one: one.cpu_us + one.store_us) / 1000:.3f} "
            f"| {private:.0f} | {peak:.0f} |"
        )

    def _ratios(self) -> Iterable[str]:
        yield from ("", "## Ratios of messages a second, within a round", "")
        yield "| | connections | median | lowest | highest | aim |"
        yield "|---|---:|---:|---:|---:|---:|"
        for mail, other, aim in (
            ("replies", "opendkim", 1.0),
            ("replies", "rspamd", 1.0),
            ("replies", "empty plain", 0.45),
            ("replies", "empty spare", 0.45),
            ("ordinary", "empty plain", 0.9),
            ("ordinary", "empty spare", 0.9),
            ("forged", "opendkim", 1.5),
        ):
            for connections in self._size.connections:
                ratios = [
                    found["ours", mail, connections].per_second / found[other, mail, connections].per_second
                    for found in self._rounds
                ]
                yield _ratio(f"{mail} : {_NAMES[other]}", connections, ratios, aim)
        for sessions in self._size.sessions if self._results.postfix else ():
            for milter, words in (("ours", "Postfix with us : without"), ("null", "Postfix with a C loop : without")):
                ratios = [one[f"{milter} {sessions}"] / one[f"none {sessions}"] for one in self._results.postfix]
                yield _ratio(words, sessions, ratios, 0.93)

    def _flatness(self) -> Iterable[str]:
        yield from ("", "## CPU seconds of 1,000 messages by workers and connections", "")
        yield "| | " + " | ".join(str(connections) for connections in self._size.flat_connections) + " |"
        yield "|---" + "|---:" * len(self._size.flat_connections) + "|"
        for name in dict.fromkeys(name for name, _, _ in self._rounds[0] if name.startswith("ours,")):
            for mail in ("replies", "ordinary"):
                row = [
                    self._middle((name, mail, connections), lambda one: one.cpu_us) / 1000
                    for connections in self._size.flat_connections
                ]
                yield f"| {name}: {mail} | " + " | ".join(f"{value:.3f}" for value in row) + " |"

    def _memory(self) -> Iterable[str]:
        results = self._results
        late = sum(one.deferred for samples in results.samples for one in samples)
        yield from ("", f"{late} replies of all runs heard 451: the machine stood still for longer than the store may.")
        yield from ("", "## Memory", "")
        yield f"- {results.private_bytes['ours'] / 1e6:.1f} MB private in a worker."
        octets = results.store_bytes / max(1, results.replies)
        yield f"- {octets:.0f} bytes of Redis (used_memory) for each remembered reply, over {results.replies:,}."

    def _middle(self, key: _Key, value: Callable[[Sample], float]) -> float:
        return statistics.median(value(found[key]) for found in self._rounds)


def machine() -> str:
    """Return CPU, number of CPUs, and versions."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    return f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}, Python {platform.python_version()}"


def _ratio(words: str, number: int, ratios: list[float], aim: float) -> str:
    middle = statistics.median(ratios)
    met = "" if middle >= aim else " (missed)"
    return f"| {words} | {number} | {middle:.2f} | {min(ratios):.2f} | {max(ratios):.2f} | {aim}{met} |"
