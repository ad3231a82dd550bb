"""``python -m benchmarks``, with options or without: the Makefile says what for."""

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import pages, plot, report, rounds
from benchmarks.figures import STEM, Figures, Setting, machine
from benchmarks.filters import bench
from benchmarks.flood import SESSIONS, Flooded, page
from benchmarks.plan import ENGINES_DOORS, ENGINES_PLAN, Size
from benchmarks.processes import BenchmarkError, open_folder
from benchmarks.soak import soak
from reply_milter.config.verify import Engine

_FULL = Size(
    rounds=8,
    warm=1,
    replies=1500,
    others=4500,
    postfix_messages=1000,
    connections=(1, 8, 32, 200),
    sessions=(8, 20),
    spin_seconds=1.0,
)
_SHORT = Size(
    rounds=1, warm=0, replies=100, others=100, postfix_messages=40, connections=(1, 4), sessions=(4,), spin_seconds=0.1
)
_ENGINES = replace(_FULL, replies=1000, others=3000, postfix_messages=400, connections=(8, 32, 200))
_SOAK_MESSAGES = 1_000_000
_JUNK = 1_000_000
_RESULTS = Path(__file__).with_name("results")


def main() -> int:
    """Measure, write, and print the page."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="see that all of it works; the figures mean nothing")
    parser.add_argument(
        "--engines", type=Path, metavar="COMPILED", help="only both engines; COMPILED: the folder of make compiled"
    )
    parser.add_argument("--engine", choices=[*Engine], default=Engine.PYMILTER, help="of --soak and --flood")
    parser.add_argument("--soak", action="store_true", help="a million messages instead: does anything grow?")
    parser.add_argument("--ordinary", type=int, default=1, help="of --soak: ordinary mail for each reply")
    parser.add_argument(
        "--flood", type=float, metavar="MINUTES", help="a million junk recipients, then so much mixed load"
    )
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="of --flood: connections with junk at once")
    parser.add_argument(
        "--into", type=Path, default=_RESULTS, help="where results go, and pages with them if that is not their place"
    )
    parser.add_argument("--pages", action="store_true", help="write the pages of results that were kept, in new words")
    parser.add_argument("--rounds", type=int, default=_FULL.rounds, help="how many are counted")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # so that every signal stops what was started
        signal.signal(number, signal.default_int_handler)
    try:
        with open_folder("reply-milter-bench-") as folder:
            _measure(options, folder)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return os.EX_SOFTWARE
    except KeyboardInterrupt:
        return os.EX_TEMPFAIL
    return os.EX_OK


def _measure(options: argparse.Namespace, folder: Path) -> None:
    engine = Engine(options.engine)
    if options.pages:
        _tell(options.into)
    elif options.soak:
        _soak(folder, options.into, engine, options.ordinary)
    elif options.flood is not None:
        _flood(folder, options.into, options.flood, engine, options.sessions)
    elif options.engines:
        _engines(folder, options.engines.resolve(), replace(_ENGINES, rounds=options.rounds))
    else:
        _compare(folder, options.into, _SHORT if options.short else replace(_FULL, rounds=options.rounds))


def _compare(folder: Path, into: Path, size: Size) -> None:
    setting = Setting.here(size, os.cpu_count() or 1)
    with bench(folder / "milter") as milters:
        results = rounds.Rounds(milters, size, setting.workers).run()
    with bench(folder / "postfix") as mta:
        rounds.postfix_rounds(mta, size, setting.workers, results)
    Figures(results, setting).write(into)
    _tell(into)


def _engines(folder: Path, compiled: Path, size: Size) -> None:
    if not any(compiled.glob("reply_milter__mypyc.*")):
        raise BenchmarkError(f"{compiled} holds no compiled build: make compiled makes one")
    setting = Setting.here(size, os.cpu_count() or 1)
    with bench(folder / "milter", compiled) as milters:
        results = rounds.Rounds(milters, size, setting.workers, ENGINES_PLAN).run()
    with bench(folder / "postfix", compiled) as mta:
        rounds.postfix_rounds(mta, size, setting.workers, results, ENGINES_DOORS)
    print(report.short(Figures(results, setting)))


def _tell(into: Path) -> None:
    figures = Figures.read(into)  # what was kept is what the pages say
    _publish(into / f"{STEM}.md", report.page(figures))
    plot.draw(figures, into / f"{STEM}.svg")
    pages.rewrite(figures, pages.ROOT if into == _RESULTS else into)


def _soak(folder: Path, into: Path, engine: Engine, ordinary: int) -> None:
    workers = os.cpu_count() or 1
    with bench(folder) as milters:
        growth = soak(milters, _SOAK_MESSAGES, workers, engine, ordinary)
    text = f"""\
# A million messages{", by the loop" if engine is Engine.LOOP else ""}

{machine()}. {growth.messages:,} messages after 200,000 to warm up; for each forged one and each genuine reply
{ordinary} of ordinary mail.

- Private memory of the largest worker: {growth.before / 1e6:.2f} MB before, {growth.after / 1e6:.2f} MB after:
  {growth.share:+.2%}.
- Keys that forged recipients left in Redis: {growth.junk_keys}.
"""
    _publish(into / f"soak{_suffix(engine)}.md", text)


def _flood(folder: Path, into: Path, minutes: float, engine: Engine, sessions: int) -> None:
    with bench(folder) as milters:
        flooded = Flooded(milters, os.cpu_count() or 1, engine, sessions)
        flooded.junk(_JUNK)
        flooded.mixed(minutes)
    _publish(into / f"flood{_suffix(engine)}.md", page(flooded.found, machine(), sessions))


def _suffix(engine: Engine) -> str:
    """For the name of a file: the default has none."""
    return "" if engine is Engine.PYMILTER else f"-{engine}"


def _publish(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(text)


if __name__ == "__main__":
    sys.exit(main())
