"""docs/performance.md and the README say what the last run of the benchmark measured."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.figures import STEM, Figures, Ratio, Setting
from benchmarks.markdown import quartiles
from benchmarks.pages import BEGIN, END, PAGES, rewrite, rewritten
from benchmarks.plan import (
    ALONE,
    COMPARISONS,
    DOOR_COMPARISONS,
    DOORS,
    ENGINES_PLAN,
    MAILS,
    NAMES,
    PLAN,
    Comparison,
    Size,
)
from benchmarks.processes import BenchmarkError
from benchmarks.rounds import Results, Sample

_ROOT = Path(__file__).parents[2]
_KEPT = _ROOT / "benchmarks" / "results"
_SIZE = Size(2, 0, 100, 300, 40, (1, 8, 32), (8, 20), 0.1)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_figures_that_were_kept(name: str) -> None:
    """Between its marks; ``make bench`` writes both."""
    text = (_ROOT / name).read_text(encoding="utf-8")
    assert rewritten(name, text, Figures.read(_KEPT)) == text


def test_the_page_of_all_figures_has_them() -> None:
    """Its tables are made of the samples beside it."""
    assert (_KEPT / f"{STEM}.md").read_text(encoding="utf-8") == report.page(Figures.read(_KEPT))


def _sample(name: str, mail: str, connections: int, per_second: float, cpu: float) -> Sample:
    return Sample(name, mail, connections, per_second, 1.0, 2.0, cpu, 50.0, 40.0, 1.25, 0)


def _figures(speeds: dict[str, list[float]], load: float = 0.1, rspamd_cpu: float = 300.0) -> Figures:
    """Each filter with its speed in the first and in the second round; 1,000 where it is not named."""
    samples = [
        [
            _sample(
                name,
                mail,
                connections,
                speeds.get(name, [1000.0, 1000.0])[number],
                rspamd_cpu if name == "rspamd" else 300.0,
            )
            for connections in _SIZE.connections
            for mail, names in (PLAN if connections > 1 else ALONE).items()
            for name in names
        ]
        for number in range(_SIZE.rounds)
    ]
    doors = {f"{door} {sessions}": 500.0 for door in DOORS for sessions in _SIZE.sessions}
    octets = dict.fromkeys(NAMES, 10_000_000)
    results = Results(samples, [doors, doors | {"ours 8": 250.0}], [1.9, 1.7], octets, octets, 1000, 225_000)
    return Figures(results, Setting("a machine", 2, _SIZE, 2, load))


def test_a_ratio_is_taken_within_a_round() -> None:
    """And only then its median, so that a slow round counts as much as a fast one."""
    figures = _figures({"ours": [1000.0, 3000.0], "opendkim": [500.0, 3000.0]})
    ratio = figures.ratio(Comparison(("ours", "replies"), ("opendkim", "replies"), 1.0), 8)
    assert ratio.values == [2.0, 1.0]
    assert (ratio.median, ratio.repeats, ratio.reached) == (1.5, 1.0, "yes")


@pytest.mark.parametrize("values, low, high", [([2.0], 2.0, 2.0), ([1.0, 2.0, 3.0, 4.0, 5.0], 2.0, 4.0)])
def test_the_middle_half(values: list[float], low: float, high: float) -> None:
    """Between its quartiles."""
    assert quartiles(values) == (low, high)


def test_an_aim_is_missed_or_absent() -> None:
    """As the tables say it."""
    assert [Ratio([0.5], aim).reached for aim in (0.0, 0.5, 0.6)] == ["", "yes", "no"]


@pytest.mark.parametrize("cpu, kind", [(150.0, "faster"), (450.0, "no faster")])
def test_the_pages_say_whether_rspamd_is_faster(cpu: float, kind: str) -> None:
    """By its CPU time, which a busy machine changes little; and by how much, whatever was measured."""
    figures = _figures({"rspamd": [2000.0, 2000.0]}, rspamd_cpu=cpu)
    for name in PAGES:
        text = " ".join(rewritten(name, f"{BEGIN}{END}", figures).split())
        assert f"Rspamd without modules is {kind}: " in text
        assert f"it takes {(cpu + 50) / 1000:.2f} ms" in text
    assert "makes 2.0 and 2.0 times as many messages per second" in text
    assert "can't refuse a recipient at RCPT" in text


def test_the_readme_says_how_fast_it_is_in_a_few_lines() -> None:
    """Replies, other mail and forgeries, per second; a first page has no table of figures."""
    figures = _figures({"ours": [1234.0, 1234.0]})
    text = rewritten("README.md", f"{BEGIN}{END}", figures)
    assert "1,234 genuine replies, 1,234 other messages or 1,234 forged recipients per second" in " ".join(text.split())
    assert text.count("\n") < 12 and "|" not in text


@pytest.mark.parametrize("load, warned", [(0.9, False), (7.5, True)])
def test_pages_warn_of_a_busy_machine(load: float, warned: bool) -> None:
    """More than half of its two CPUs were taken by others."""
    figures = _figures({}, load)
    for text in (report.page(figures), *(rewritten(name, f"{BEGIN}{END}", figures) for name in PAGES)):
        assert ("its load average was 7.5" in text) == warned


def test_figures_are_kept_whole(tmp_path: Path) -> None:
    """What is read is what was written."""
    figures = _figures({"ours": [1234.5, 2345.75]})
    figures.write(tmp_path)
    read = Figures.read(tmp_path)
    assert (read.results, read.setting) == (figures.results, figures.setting)


def test_all_that_is_compared_is_measured() -> None:
    """Each comparison has both its sides in the plan, and each filter a name and mail of its own."""
    sides = [side for comparison in COMPARISONS for side in (comparison.one, comparison.other)]
    names = {mail: {*PLAN[mail], *ENGINES_PLAN.get(mail, ())} for mail in PLAN}
    assert [(name, mail) for name, mail in sides if name not in names[mail]] == []
    assert {door for one, other, _ in DOOR_COMPARISONS for door in (one, other)} <= set(DOORS)
    assert set().union(*names.values()) == set(NAMES)
    assert set(PLAN) == set(MAILS)


def test_a_page_without_marks_is_left_alone() -> None:
    """Its figures would go nowhere."""
    with pytest.raises(BenchmarkError, match=r"README.md lacks the lines .*figures: made by make bench"):
        rewritten("README.md", "# A page\n", _figures({}))


def test_pages_of_a_short_run_go_beside_its_results(tmp_path: Path) -> None:
    """Not in the place of the real ones."""
    before = (_ROOT / "README.md").read_text(encoding="utf-8")
    rewrite(_figures({}), tmp_path)
    assert (tmp_path / "docs/performance.md").exists()
    assert (tmp_path / "README.md").read_text(encoding="utf-8") != before
    assert (_ROOT / "README.md").read_text(encoding="utf-8") == before


def test_the_number_of_compiled_modules() -> None:
    """setup.py has the list."""
    spec = spec_from_file_location("compiled", _ROOT / "setup.py")
    assert spec is not None and spec.loader is not None
    compiled = module_from_spec(spec)
    spec.loader.exec_module(compiled)
    paths = compiled.paths()
    assert f"with {len(paths)} modules of the way of a reply" in (_ROOT / "docs/performance.md").read_text()
    assert [path for path in paths if not (_ROOT / path).exists()] == []
