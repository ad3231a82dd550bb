"""The dashboard as a file: what is generated, the linter's rules, Grafana's own types, and where panels stand."""

import copy
import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from grafana.dashboard.__main__ import FILE, text
from tests.monitoring.dashboard_linter import RULES, Json, panels

DASHBOARD: Json = json.loads(FILE.read_text(encoding="utf-8"))
_TYPES = Path(__file__).with_name("types")
_MODULES = Path(__file__).parents[2] / ".venv" / "grafana-types" / "node_modules"


def change(*steps: str | int, to: object = None) -> Callable[[Json], None]:
    """What puts ``to`` at a place; None removes what is there."""

    def run(dashboard: Json) -> None:
        place = dashboard
        for step in steps[:-1]:
            place = place[step]  # type: ignore[index]
        if to is None:
            del place[steps[-1]]  # type: ignore[arg-type]
        else:
            place[steps[-1]] = to  # type: ignore[index]

    return run


def ask(expr: str) -> Callable[[Json], None]:
    """Have the first panel ask ``expr``."""
    return change("panels", 1, "targets", 0, "expr", to=expr)


HOST = 'job=~"$job",instance=~"$instance"'
BREAKERS: dict[str, list[Callable[[Json], None]]] = {
    "template-datasource-rule": [
        change("templating", "list", 0),
        change("templating", "list", 0, "name", to="source"),
        change("templating", "list", 0, "label", to="Where"),
    ],
    "template-job-rule": [change("templating", "list", 1), change("templating", "list", 1, "multi", to=False)],
    "template-instance-rule": [
        change("templating", "list", 2, "allValue", to=".*"),
        change("templating", "list", 2, "datasource", to={"uid": "prometheus-1"}),
    ],
    "template-label-promql-rule": [
        change("templating", "list", 3, "query", to="labels(up, job)"),
        change("templating", "list", 3, "query", to="label_values(up{, job)"),
    ],
    "template-on-time-change-reload-rule": [change("templating", "list", 1, "refresh", to=1)],
    "panel-datasource-rule": [change("panels", 1, "datasource", "uid", to="prometheus-1")],
    "panel-title-description-rule": [change("panels", 1, "description"), change("panels", 2, "title", to="")],
    "panel-units-rule": [change("panels", 1, "fieldConfig", "defaults", "unit", to="furlongs")],
    "panel-no-targets-rule": [change("panels", 1, "targets", to=[])],
    "target-logql-rule": [change("panels", 1, "targets", 0, "datasource", "type", to="loki")],
    "target-logql-auto-rule": [change("panels", 1, "targets", 0, "datasource", "type", to="loki")],
    "target-promql-rule": [ask("sum(rate(x[5m])")],
    "target-rate-interval-rule": [ask(f"sum(rate(x_total{{{HOST}}}[5m]))")],
    "target-job-rule": [ask('up{instance=~"$instance"}'), ask('up{job="$job",instance=~"$instance"}')],
    "target-instance-rule": [ask('up{job=~"$job"}')],
    "target-counter-agg-rule": [ask(f"x_total{{{HOST}}}"), ask(f"delta(x_total{{{HOST}}}[$__rate_interval])")],
    "uneditable-dashboard-rule": [change("editable", to=True), change("editable")],
}


@pytest.mark.parametrize("name", RULES)
def test_the_linter_has_nothing_to_say(name: str) -> None:
    """Rule by rule."""
    assert list(RULES[name](DASHBOARD)) == []


@pytest.mark.parametrize("name", RULES)
def test_each_rule_finds_what_it_looks_for(name: str) -> None:
    """In a dashboard that was broken on purpose."""
    for breaker in BREAKERS[name]:
        broken = copy.deepcopy(DASHBOARD)
        breaker(broken)
        assert list(RULES[name](broken)), name


def test_the_file_is_what_is_generated() -> None:
    """After a change: python -m grafana.dashboard."""
    assert FILE.read_text(encoding="utf-8") == text()


def test_it_can_be_found_and_replaced() -> None:
    """A uid that stays; no id of some database; nothing for one installation alone."""
    assert (DASHBOARD["uid"], DASHBOARD["title"], "id" in DASHBOARD) == ("reply-milter", "reply-milter", False)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_its_rows_are_these() -> None:
    """In this order."""
    titles = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert ", ".join(titles) == (
        "Overview, Verdicts and reasons, Replay, Latency, Redis, Delivery, Wrapped applications, "
        "Mailboxes, Keys and configuration, Process"
    )


def test_restarts_are_marked() -> None:
    """Of the daemon, and of its processes."""
    names = [one["name"] for one in DASHBOARD["annotations"]["list"] if not one.get("builtIn")]
    assert names == ["Daemon started", "Process restarted"]


def test_panels_stand_beside_each_other() -> None:
    """No panel overlaps another or exceeds the page, and titles differ."""
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)


def test_colours_begin_at_the_beginning() -> None:
    """The first step of thresholds has no value; the others rise."""
    for panel in panels(DASHBOARD):
        first, *others = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert first is None, panel["title"]
        assert others == sorted(others), panel["title"]


@pytest.mark.skipif(not _MODULES.is_dir(), reason="no npm here when make installed what is needed: types unchecked")
def test_grafanas_own_types_fit(tmp_path: Path) -> None:
    """@grafana/schema, by TypeScript: the dashboard, and the options of each kind of panel. A misspelling is found."""
    broken = []
    for breaker in (
        change("graphToolTip", to=1),
        change("panels", 1, "gridPos", to={"x": "left"}),
        change("panels", 1, "options", "colourMode", to="value"),
    ):
        broken.append(copy.deepcopy(DASHBOARD))
        breaker(broken[-1])
    sources = {f"dashboard{number}.ts": _source(one) for number, one in enumerate([DASHBOARD, *broken])}
    for name, source in sources.items():
        (tmp_path / name).write_text(source)
    (tmp_path / "node_modules").symlink_to(_MODULES)
    settings = json.loads((_TYPES / "tsconfig.json").read_text())
    (tmp_path / "tsconfig.json").write_text(json.dumps({**settings, "files": list(sources)}))
    done = subprocess.run([str(_MODULES / ".bin" / "tsc"), "-p", "."], capture_output=True, text=True, cwd=tmp_path)
    told = Counter(line.partition("(")[0] for line in done.stdout.splitlines() if line.startswith("dashboard"))
    assert told == {"dashboard1.ts": 1, "dashboard2.ts": 1, "dashboard3.ts": 1}, done.stdout


def _source(dashboard: Json) -> str:
    """The dashboard as a literal, and its panels' options by kind. What only Prometheus' annotations have is gone."""
    core = copy.deepcopy(dashboard)
    for annotation in core["annotations"]["list"]:
        for key in ("titleFormat", "textFormat", "tagKeys", "useValueForTime"):
            annotation.pop(key, None)
        annotation.pop("target", None)  # the core's own is for its tags
    kinds: dict[str, list[object]] = {}
    for panel in panels(core):
        kinds.setdefault(panel["type"], []).append(panel["options"])
    source = (_TYPES / "dashboard.ts").read_text().replace("DASHBOARD", json.dumps(core))
    for kind, options in kinds.items():
        source = source.replace(f"OPTIONS({kind})", json.dumps(options))
    assert "OPTIONS(" not in source
    return source


def test_a_quiet_host_shows_no_quotient_of_nothing() -> None:
    """What counters are divided by must be more than 0: Grafana writes NaN otherwise."""
    asked = [target["expr"] for panel in panels(DASHBOARD) for target in panel.get("targets", [])]
    shares = [expr for expr in asked if re.search(r"\) / \(*(sum|rate|increase)\b", expr)]
    assert len(shares) > 5
    assert [expr for expr in shares if not expr.endswith(" > 0)")] == []


def test_a_canary_that_never_came_back_is_no_age_of_decades() -> None:
    """0 is never, and no time to count from."""
    asked = [target["expr"] for panel in panels(DASHBOARD) for target in panel.get("targets", [])]
    ages = [expr for expr in asked if "canary_last_success_timestamp_seconds" in expr]
    assert len(ages) == 4
    assert all(re.search(r"canary_last_success_timestamp_seconds\{[^}]*\} > 0 or max without", expr) for expr in ages)
