"""The page of all figures: benchmarks/results/comparison.md."""

import statistics
from collections.abc import Iterable

from benchmarks.figures import Figures, Ratio, Setting
from benchmarks.markdown import header, paragraph, quartiles, row
from benchmarks.plan import DOOR_COMPARISONS, DOORS, MAILS, NAMES, PLAN, SESSION, Comparison
from benchmarks.rounds import Sample

_COLUMNS = (
    "messages/s",
    "p50 ms",
    "p99 ms",
    "CPU s / 1,000",
    "with Redis",
    "CPUs busy",
    "of the load",
    "private MB",
    "peak MB",
)


def page(figures: Figures) -> str:
    """All of it."""
    parts = [_head(figures)]
    parts += [_table(figures, mail) for mail in PLAN]
    parts += [_ratios(figures), _postfix(figures), _growth(figures), _flatness(figures), _memory(figures)]
    return "\n".join(line for part in parts for line in part) + "\n"


def short(figures: Figures) -> str:
    """What compares filters, without what is said of one by itself."""
    mails = [mail for mail in PLAN if any(figures.has(name, mail) for name in NAMES)]
    parts = [_head(figures), *(_table(figures, mail) for mail in mails), _ratios(figures), _postfix(figures)]
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(figures: Figures) -> Iterable[str]:
    setting = figures.setting
    size = setting.size
    yield "# Measured"
    yield ""
    yield from busy_machine(setting)
    yield from paragraph(
        f"{setting.machine}. {setting.workers} workers each, unless a row says otherwise; medians of {size.rounds}",
        f"interleaved rounds of {size.replies} replies or {size.others} other messages, or one session for each",
        "connection if that is more.",
        f"A session has {SESSION} messages, of 2 kB, or 5 kB with 25 fields. The load generator says to",
        "each filter what",
        "Postfix would say; it runs on the same CPUs, and so does Redis. `CPUs busy`: how many the",
        "filter and its Redis",
        "used until the last answer; `of the load`: how many the load generator used. Private memory is that of the",
        "filter's largest process, peak that of all.",
    )


def busy_machine(setting: Setting) -> Iterable[str]:
    """A warning, where it is due."""
    if setting.busy:
        yield from paragraph(
            f"**The machine was busy with other work: its load average was {setting.load:.1f} before this began.",
            "These figures say little.**",
        )
        yield ""


def _table(figures: Figures, mail: str) -> Iterable[str]:
    yield from ("", f"## {MAILS[mail]}", "")
    yield from header("filter", "connections", *_COLUMNS)
    for name in (name for name in NAMES if figures.has(name, mail)):
        for connections in figures.setting.size.crowds:
            yield row(NAMES[name], connections, *_cells(figures, name, mail, connections))


def _cells(figures: Figures, name: str, mail: str, connections: int) -> Iterable[str]:
    def middle(attribute: str) -> float:
        return figures.middle(name, mail, connections, lambda one: float(getattr(one, attribute)))

    yield f"{middle('per_second'):,.0f}"
    yield f"{middle('p50_ms'):.2f}"
    yield f"{middle('p99_ms'):.2f}"
    yield f"{middle('cpu_us') / 1000:.3f}"
    yield f"{(middle('cpu_us') + middle('store_us')) / 1000:.3f}"
    yield f"{middle('busy'):.2f}"
    yield f"{figures.middle(name, mail, connections, _load_busy):.2f}"
    yield f"{figures.results.private_bytes[name] / 1e6:.0f}"
    yield f"{figures.results.peak_bytes[name] / 1e6:.0f}"


def _load_busy(one: Sample) -> float:
    return one.load_us * one.per_second / 1e6


def _ratios(figures: Figures) -> Iterable[str]:
    yield from ("", "## Ratios of messages a second, within a round", "")
    yield from paragraph(
        "`repeats`: how far the medians of every second round and of the others are apart, as in two runs of half the",
        "length.",
    )
    yield ""
    yield from header("", "connections", "median", "middle half", "lowest", "highest", "repeats", "aim", "reached")
    for comparison in figures.comparisons:
        for connections in figures.setting.size.crowds:
            yield _ratio_row(comparison.words, connections, figures.ratio(comparison, connections))


def _ratio_row(words: str, number: int, ratio: Ratio) -> str:
    """A row with the spread over the rounds."""
    low, high = quartiles(ratio.values)
    spread = (f"{low:.2f} to {high:.2f}", f"{min(ratio.values):.2f}", f"{max(ratio.values):.2f}")
    return row(words, number, f"{ratio.median:.2f}", *spread, f"{ratio.repeats:.1%}", ratio.aim or "", ratio.reached)


def _postfix(figures: Figures) -> Iterable[str]:
    yield from ("", "## Through Postfix", "")
    yield from paragraph(
        f"Ordinary mail of 2 kB by `smtp-source`, {figures.setting.size.postfix_messages} messages a",
        "round, one for each",
        "session. Postfix, its queue and `discard` run on the same CPUs.",
    )
    yield ""
    yield from header("messages/s, by milter", *(f"{sessions} sessions" for sessions in figures.setting.size.sessions))
    for door, words in DOORS.items():
        if not figures.has_door(door):
            continue
        found = [
            statistics.median(one[f"{door} {sessions}"] for one in figures.results.postfix)
            for sessions in figures.setting.size.sessions
        ]
        yield row(words, *(f"{value:,.0f}" for value in found))
    yield from _postfix_cpu(figures)
    yield ""
    yield from header("", "sessions", "median", "middle half", "lowest", "highest", "repeats", "aim", "reached")
    for one, other, aim in DOOR_COMPARISONS:
        if not figures.has_door(one, other):
            continue
        for sessions in figures.setting.size.sessions:
            yield _ratio_row(f"{DOORS[one]} : {DOORS[other]}", sessions, figures.door_ratio(one, other, sessions, aim))


def _postfix_cpu(figures: Figures) -> Iterable[str]:
    """Times that others' work on the machine changes least; results of earlier runs have none."""
    taken = figures.results.postfix_cpu
    if not taken:
        return
    sizes = figures.setting.size.sessions
    yield ""
    yield from paragraph(
        "CPU time that Postfix and the milter take for a message, in microseconds, and how many messages without a",
        "milter would take as long: on a machine whose CPUs are busy, so many pass.",
    )
    yield ""
    yield from header("", *(f"{sessions} sessions" for sessions in sizes))
    for door in filter(figures.has_door, DOORS):
        yield row(DOORS[door], *(_cost([(one[f"{door} {n}"], one[f"none {n}"]) for one in taken]) for n in sizes))


def _cost(rounds: list[tuple[float, float]]) -> str:
    """The medians of a door's time, and of its ratio to that without a milter."""
    ratio = statistics.median(without / own for own, without in rounds)
    return f"{statistics.median(own for own, _ in rounds):,.0f}: {ratio:.2f}"


def _growth(figures: Figures) -> Iterable[str]:
    yield from ("", "## From one worker to two", "")
    yield from paragraph(
        "What the machine itself gives, as two programs that only compute to one, and what that makes of",
        "a filter whose",
        "load generator and Redis run on the same CPUs.",
    )
    yield ""
    yield from header("messages/s, two to one", "connections", "median", "middle half", "lowest", "highest", "repeats")
    yield _growth_row("a pure CPU loop, twice at once : once", "", figures.growth)
    for mail in ("replies", "ordinary"):
        for connections in figures.setting.size.connections:
            ratio = figures.ratio(Comparison(("ours", mail), ("ours 1", mail)), connections)
            yield _growth_row(f"reply-milter, {MAILS[mail].lower()}", connections, ratio)


def _growth_row(words: str, number: object, ratio: Ratio) -> str:
    low, high = quartiles(ratio.values)
    spread = (f"{low:.2f} to {high:.2f}", f"{min(ratio.values):.2f}", f"{max(ratio.values):.2f}")
    return row(words, number, f"{ratio.median:.2f}", *spread, f"{ratio.repeats:.1%}")


def _flatness(figures: Figures) -> Iterable[str]:
    connections = figures.setting.size.connections
    yield from ("", "## CPU seconds of 1,000 messages by workers and connections", "")
    yield from header("", *map(str, connections))
    for name in ("ours 1", "ours"):
        for mail in ("replies", "ordinary"):
            found = [figures.middle(name, mail, number, lambda one: one.cpu_us) / 1000 for number in connections]
            yield row(f"{NAMES[name]}: {mail}", *(f"{value:.3f}" for value in found))


def _memory(figures: Figures) -> Iterable[str]:
    results = figures.results
    late = sum(one.deferred for samples in results.samples for one in samples)
    yield from ("", f"{late} replies of all runs heard 451: the machine stood still for longer than the store may.")
    yield from ("", "## Memory", "")
    yield f"- {results.private_bytes['ours'] / 1e6:.1f} MB private in a worker."
    octets = results.store_bytes / max(1, results.replies)
    yield f"- {octets:.0f} bytes of Redis (used_memory) for each remembered reply, over {results.replies:,}."
