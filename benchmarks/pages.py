"""The figures of README.md and docs/performance.md: what stands between two marks is written anew by ``make bench``."""

from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.markdown import header, paragraph, quartiles, row
from benchmarks.plan import DOOR_COMPARISONS, DOORS, NAMES, Comparison
from benchmarks.processes import BenchmarkError
from benchmarks.report import busy_machine
from benchmarks.rounds import Sample

BEGIN, END = "<!-- figures: made by make bench -->\n", "<!-- end of figures -->\n"
ROOT = Path(__file__).parents[1]


def rewrite(figures: Figures, root: Path) -> None:
    """Write the pages with the figures, below ``root``."""
    for name in PAGES:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewritten(name, (ROOT / name).read_text(encoding="utf-8"), figures), encoding="utf-8")


def rewritten(name: str, text: str, figures: Figures) -> str:
    """The text of the page ``name`` with the figures between its marks.

    Raises:
        BenchmarkError: it has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchmarkError(f"{name} lacks the lines {BEGIN.strip()} and {END.strip()}: write them where figures go")
    body = "\n".join(PAGES[name](figures))
    return f"{before}{BEGIN}\n{body}\n\n{END}{after}"


def _readme(figures: Figures) -> Iterable[str]:
    """The speed in three sentences; the page has the rest."""
    setting, few = figures.setting, _two(figures.setting.size.crowds)[0]
    speeds = [figures.per_second("ours", mail, few) for mail in ("replies", "ordinary", "forged")]
    cheap, dear = (figures.middle(name, "replies", few, _cpu_ms) for name in ("rspamd", "ours"))
    kind = "faster" if cheap < dear else "no faster"
    yield from busy_machine(setting)
    yield from paragraph(
        f"On {setting.cpus} CPUs, which filter, Redis and load generator share, it decides about",
        f"{speeds[0]:,.0f} genuine replies, {speeds[1]:,.0f} other messages or {speeds[2]:,.0f} forged recipients",
        f"per second, over {few} connections. A reply takes {dear:.2f} ms of CPU, Redis included. Rspamd without",
        f"modules is {kind}: it takes {cheap:.2f} ms to read the message, and decides nothing.",
        "[docs/performance.md](docs/performance.md) has all figures, missed aims, too; `make bench` measures again.",
    )


def _rspamd(figures: Figures) -> Iterable[str]:
    """Say how much faster it is, and why."""
    crowds = _two(figures.setting.size.crowds)
    bare = [figures.ratio(Comparison(("rspamd", "replies"), ("ours", "replies")), number).median for number in crowds]
    near = [figures.ratio(Comparison(("ours", "replies"), ("rspamd replies", "replies")), n).median for n in crowds]
    cheap, dear = (figures.middle(name, "replies", crowds[0], _cpu_ms) for name in ("rspamd", "ours"))
    kind = "faster" if cheap < dear else "no faster"
    yield from paragraph(
        f"Rspamd without modules is {kind}: at {crowds[0]} connections it takes {cheap:.2f} ms of CPU per message,",
        f"where a reply takes us {dear:.2f}, Redis included, and at {crowds[0]} and {crowds[1]} connections it makes",
        f"{bare[0]:.1f} and {bare[1]:.1f} times as many messages per second as we make replies. It reads the message,",
        "decides nothing, and answers once, at the end of the message, so it can't refuse a recipient at RCPT.",
        "With its module `replies` on Redis and one field added, which comes nearer to our work, we make",
        f"{near[0]:.1f} and {near[1]:.1f} times as many as Rspamd.",
    )


def _cpu_ms(one: Sample) -> float:
    return (one.cpu_us + one.store_us) / 1000


def _performance(figures: Figures) -> Iterable[str]:
    size = figures.setting.size
    yield from busy_machine(figures.setting)
    yield f"{figures.setting.machine}; {size.rounds} rounds."
    yield ""
    yield from _ratio_table(figures)
    yield ""
    yield from _rspamd(figures)
    yield ""
    yield from _sentences(figures)
    yield ""
    yield "CPU microseconds of one message, of the filter's own processes, by connections:"
    yield ""
    yield from _cpu_table(figures)
    yield ""
    yield from _memory(figures)


def _ratio_table(figures: Figures) -> Iterable[str]:
    crowds, sessions = figures.setting.size.crowds, figures.setting.size.sessions
    yield row("messages per second, median (middle half)", *_columns(crowds, "connections"), "aim", "reached")
    yield "|---|" + "---|" * len(crowds) + "---:|---|"
    for comparison in figures.comparisons:
        ratios = [figures.ratio(comparison, connections) for connections in crowds]
        yield _ratios(comparison.words, [(one.median, one.values) for one in ratios], comparison.aim)
    yield ""
    yield row("through Postfix", *_columns(sessions, "sessions"), "aim", "reached")
    yield "|---|" + "---|" * len(sessions) + "---:|---|"
    for one, other, aim in DOOR_COMPARISONS:
        if not figures.has_door(one, other):
            continue
        doors = [figures.door_ratio(one, other, number) for number in sessions]
        yield _ratios(f"{DOORS[one]} : {DOORS[other]}", [(each.median, each.values) for each in doors], aim)


def _ratios(words: str, found: list[tuple[float, list[float]]], aim: float) -> str:
    cells = []
    for median, values in found:
        low, high = quartiles(values)
        cells.append(f"{median:.2f} ({low:.2f} to {high:.2f})")
    reached = "" if not aim else "yes" if all(median >= aim for median, _ in found) else "no"
    return row(words, *cells, aim or "", reached)


def _columns(numbers: Iterable[int], what: str) -> list[str]:
    return [f"{number} {what}" for number in numbers]


def _sentences(figures: Figures) -> Iterable[str]:
    few, many = _two(figures.setting.size.crowds)
    repeats = [
        figures.ratio(one, number).repeats for one in figures.comparisons for number in figures.setting.size.crowds
    ]
    alike = sum(value < 0.1 for value in repeats)
    limit = figures.per_second("null", "replies", few)
    load = figures.middle("ours", "replies", few, lambda one: one.load_us)
    busy = [figures.middle("ours", "replies", number, lambda one: one.busy) for number in (few, many)]
    grown = [figures.ratio(Comparison(("ours", "replies"), ("ours 1", "replies")), n).median for n in (few, many)]
    yield from paragraph(
        "The medians of every second round and of the others differ by less than 10 % in",
        f"{alike} of {len(repeats)} of these ratios, at most by {max(repeats):.0%}. The load generator's own limit is",
        f"{limit:,.0f} messages per second, with a milter that says yes; a reply of ours costs it",
        f"{load:.0f} microseconds of",
        f"CPU. We and our Redis kept {busy[0]:.2f} and {busy[1]:.2f} CPUs busy with replies at {few} and",
        f"{many} connections.",
        f"From one worker to {figures.setting.workers}, replies per second grew {grown[0]:.2f} and",
        f"{grown[1]:.2f} times; two",
        f"programs that only compute got {figures.growth.median:.2f} times as much done as one.",
    )


def _cpu_table(figures: Figures) -> Iterable[str]:
    connections = figures.setting.size.connections
    yield from header("", *map(str, connections))
    for name in ("ours 1", "ours"):
        for mail in ("replies", "ordinary"):
            found = [figures.middle(name, mail, number, lambda one: one.cpu_us) for number in connections]
            yield row(f"{NAMES[name]}: {mail}", *(f"{value:.0f}" for value in found))


def _memory(figures: Figures) -> Iterable[str]:
    results = figures.results
    yield from paragraph(
        f"Memory: a worker has {results.private_bytes['ours'] / 1e6:.0f} MB of private memory after",
        f"{max(figures.setting.size.connections)} connections (aim 45). A remembered reply takes",
        f"{results.store_bytes / max(1, results.replies):.0f} bytes of Redis's used_memory, over {results.replies:,}",
        "replies (aim 260).",
    )


def _two(numbers: tuple[int, ...]) -> tuple[int, int]:
    """The first two; the short form has one."""
    return numbers[0], numbers[min(1, len(numbers) - 1)]


PAGES: dict[str, Callable[[Figures], Iterable[str]]] = {"README.md": _readme, "docs/performance.md": _performance}
