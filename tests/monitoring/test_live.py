"""A real Prometheus on a real host: every question that the dashboard and the rules ask has an answer there."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from grafana.dashboard.__main__ import FILE
from grafana.dashboard.panel import Panel
from grafana.dashboard.rows import ROWS
from reply_milter.wiring.stores import store_url
from tests.monitoring import promql
from tests.monitoring.monitored_site import MonitoredSite
from tests.monitoring.prometheus_under_test import RULES, Found
from tests.monitoring.published_metrics import OF_WRAPPED, PUBLISHED, missing

pytestmark = [pytest.mark.system, pytest.mark.monitoring]

_ROOT = Path(__file__).parents[2]
_DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
_PANELS = [(row.title, panel) for row in ROWS for panel in row.panels]
_METRIC = re.compile(r"\breply_milter_[a-z0-9_]+")
_ONE = re.compile(r"_(bucket|sum|count)$")


def _ask(monitored: MonitoredSite, expr: str) -> list[Found]:
    return monitored.prometheus.query(promql.filled_in(expr, rate_interval="1m", whole_range="1m"))


@pytest.mark.parametrize("row,panel", _PANELS, ids=[f"{row}: {panel.title}" for row, panel in _PANELS])
def test_every_panel_shows_data(monitored: MonitoredSite, row: str, panel: Panel) -> None:
    """Each of its questions has an answer, and one at least is not 0."""
    answers = [_ask(monitored, query.expr) for query in panel.queries]
    assert all(answers), [query.expr for query, found in zip(panel.queries, answers, strict=True) if not found]
    seen = any(one.last for found in answers for one in found)
    assert seen or panel.may_be_zero, "all is 0"


def test_variables_have_values(monitored: MonitoredSite) -> None:
    """The job, the instance, and every handler."""
    found = {}
    for variable in _DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
            found[label] = monitored.prometheus.label_values(label, promql.filled_in(selector))
    assert found["job"] == ["reply-milter"]
    assert found["instance"] == [f"127.0.0.1:{monitored.site.metrics_port}"]
    assert set(found["handler"]) >= {"issue", "forum", "strict", "confirm"}


def test_a_handler_can_be_chosen(monitored: MonitoredSite) -> None:
    """Then panels with handlers show that one alone, and the others what they showed before."""
    (panel,) = (panel for _, panel in _PANELS if panel.title == "Accepted by handler")
    expr = promql.filled_in(panel.queries[0].expr.replace("$handler", "forum"), rate_interval="1m")
    assert [one.labels["handler"] for one in monitored.prometheus.query(expr)] == ["forum"]


def test_restarts_are_marked_where_they_were(monitored: MonitoredSite) -> None:
    """The daemon's start, and the worker that was killed; in milliseconds."""
    daemon, again = (one["target"]["expr"] for one in _DASHBOARD["annotations"]["list"] if not one.get("builtIn"))
    (started,) = _ask(monitored, daemon)
    (worker,) = _ask(monitored, again)
    assert worker.labels["process"].startswith("verify")
    assert 0 < worker.last - started.last < 60_000


def _rules(monitored: MonitoredSite) -> Iterator[dict[str, str]]:
    for group in monitored.prometheus.rules():
        yield from group["rules"]


def test_rules_are_worked_out_without_an_error(monitored: MonitoredSite) -> None:
    """And what they record has values."""
    rules = list(_rules(monitored))
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    assert len(recorded) == 11
    assert [name for name in recorded if not monitored.prometheus.query(name)] == []


def test_alerts_look_at_what_there_is(monitored: MonitoredSite) -> None:
    """Each selector of each alert finds series: a misspelt label would make it silent for ever."""
    for rule in _rules(monitored):
        for selector in promql.selectors(rule["query"]):
            _finds(monitored, selector)


def _finds(monitored: MonitoredSite, selector: promql.Selector) -> None:
    """Something is selected; where a matcher leaves something out, that label is there."""
    kept = tuple(one for one in selector.matchers if one[1] in ("=", "=~"))
    found = monitored.prometheus.query(str(promql.Selector(selector.name, kept)))
    assert found, selector
    for label, operator, _ in selector.matchers:
        if operator in ("!=", "!~"):
            assert all(label in one.labels for one in found), selector


def test_the_alerts_that_fire_are_those_that_should(monitored: MonitoredSite) -> None:
    """After such a year: what takes minutes to fire is pending at most."""
    firing = {one.labels["alertname"] for one in monitored.prometheus.query('ALERTS{alertstate="firing"}')}
    assert firing - {"ReplyMilterReplaySpike"} == {  # this one if the machine was fast
        "ReplyMilterAddressDisagreements",
        "ReplyMilterDeadLetters",
        "ReplyMilterUnsealed",
    }


def test_promtool_has_nothing_to_say_about_the_page(monitored: MonitoredSite) -> None:
    """Names, types, units, and a text for each."""
    done = subprocess.run(["promtool", "check", "metrics"], input=monitored.page(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert b"_created" not in monitored.page()


def _families(monitored: MonitoredSite) -> set[str]:
    return set(re.findall(r"(?m)^# TYPE (\S+)", monitored.page().decode()))


def test_every_metric_of_the_published_list_is_there(monitored: MonitoredSite) -> None:
    """Names that others rely on, with their labels."""
    assert missing(monitored.page().decode(), {**PUBLISHED, **OF_WRAPPED}) == []


def test_whatever_is_named_anywhere_is_on_the_page(monitored: MonitoredSite) -> None:
    """In grafana/ and docs/: a metric that was renamed is renamed everywhere."""
    there = _families(monitored)
    named: dict[str, str] = {}
    for path in [*(_ROOT / "grafana").rglob("*"), *(_ROOT / "docs").rglob("*")]:
        if path.suffix in (".json", ".yaml", ".md", ".py"):
            text = re.sub(r"\b[a-z_]+:[a-z0-9_:]+", "", path.read_text(encoding="utf-8"))  # what rules record
            named |= dict.fromkeys(_METRIC.findall(text), path.name)
    assert len(named) > 40
    for name, where in named.items():
        if name.endswith("_"):  # the beginning of several, for grep
            assert any(one.startswith(_ONE.sub("", name)) or f"{one}_" == name for one in there), (where, name)
        else:
            assert name in there or _ONE.sub("", name) in there, (where, name)


def test_whatever_is_on_the_page_is_on_the_dashboard(monitored: MonitoredSite) -> None:
    """Or in the list of those that are not, and why, in grafana/README.md."""
    shown = {_ONE.sub("", name) for name in _METRIC.findall(FILE.read_text(encoding="utf-8"))}
    readme = (_ROOT / "grafana" / "README.md").read_text(encoding="utf-8")
    excused = set(_METRIC.findall(readme.split("## Not on the dashboard")[1]))
    assert _families(monitored) - shown == excused


def test_whatever_is_on_the_page_is_in_the_documentation(monitored: MonitoredSite) -> None:
    """With its type and its labels, in docs/monitoring.md."""
    told: dict[str, tuple[str, str]] = {}
    for line in (_ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8").splitlines():
        row = re.match(r"\| `(reply_milter_[a-z0-9_]+)` \| (\w+) \| ([^|]*)\|", line)
        if row:
            told[row[1]] = (row[2], row[3].strip())
    page = monitored.page().decode()
    there = {}
    for name, kind in re.findall(r"(?m)^# TYPE (\S+) (\S+)", page):
        labels = re.search(rf"(?m)^{name}(?:_bucket)?\{{(.*?)\}}", page)
        found = sorted(set(re.findall(r"(\w+)=", labels[1])) - {"le"}) if labels else []
        there[name] = (kind, ", ".join(f"`{label}`" for label in found))
    assert {name: (kind, ", ".join(sorted(labels.split(", ")))) for name, (kind, labels) in told.items()} == there


def test_no_series_begins_with_the_first_of_its_kind(monitored: MonitoredSite) -> None:
    """All were there, at 0, before the first ordinary day: else the first refusal would be no increase."""
    assert set(monitored.site.metrics()) - monitored.series_before == set()


def test_labels_hold_nothing_of_a_clients(monitored: MonitoredSite) -> None:
    """They are words of ours, and names from the configuration."""
    values = {
        (label, value) for label, value in re.findall(r'(\w+)="([^"]*)"', monitored.page().decode()) if label != "le"
    }
    servers = {value for label, value in values if label == "server"}
    assert servers == {store_url(monitored.site.settings.config)}
    words = [value for label, value in values if label != "server"]
    assert all(re.fullmatch(r"[A-Za-z0-9._+-]{0,32}", value) for value in words), values
    names = {value for label, value in values if label == "handler"}
    assert names == {"", "issue", "forum", "gone", "lenient", "strict", "careful", "confirm", "gitea", "forge"}
    assert len(values) < 160


def test_the_rules_are_the_shipped_ones(monitored: MonitoredSite) -> None:
    """And all of them."""
    shipped = sum(path.read_text().count("- alert: ") for path in RULES.glob("*.yaml"))
    assert sum(rule["type"] == "alerting" for rule in _rules(monitored)) == shipped == 38
