"""The rules of Grafana's dashboard-linter, written anew: the program itself is not to be had from Debian or PyPI.

One function a rule, named as the linter names it; each returns what is wrong, a line each. From its public description.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.monitoring import promql

Json = dict[str, Any]
Rule = Callable[[Json], Iterator[str]]
_QUERYING = ("stat", "singlestat", "graph", "table", "timeseries", "gauge", "heatmap", "state-timeline")
_WITH_UNITS = ("stat", "singlestat", "graph", "table", "timeseries", "gauge")
_UNITS = set(
    "none string short percent percentunit bytes decbytes bits Bps bps s ms ns m h d dtdurations dateTimeAsIso "
    "dateTimeFromNow hertz cps ops reqps rps wps iops cpm opm rpm wpm bool bool_yes_no bool_on_off".split()
)  # of the linter's list, those that may make sense here
_DATASOURCES = ("$datasource", "${datasource}", "$prometheus_datasource", "${prometheus_datasource}")
_CHOSEN = {"$job": "@job", "$instance": "@instance"}


def panels(dashboard: Json) -> list[Json]:
    """All that are no headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _targets(dashboard: Json) -> Iterator[tuple[str, str]]:
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def _uses(expr: str) -> list[promql.Use]:
    for variable, value in _CHOSEN.items():
        expr = expr.replace(variable, value)
    try:
        return promql.uses(promql.filled_in(expr))
    except ValueError:
        return []  # that is another rule's


def _variable(dashboard: Json, name: str) -> Json | None:
    return next((one for one in dashboard["templating"]["list"] if one["name"] == name), None)


def template_datasource_rule(dashboard: Json) -> Iterator[str]:
    """The dashboard has a templated data source, named and labelled as is usual."""
    found = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    if not found:
        yield "no templated data source"
    for one in found:
        if one["name"] not in ("datasource", "prometheus_datasource"):
            yield f"named {one['name']}"
        if one["label"] not in ("Data source", "Prometheus data source"):
            yield f"labelled {one['label']}"


def _template(dashboard: Json, name: str) -> Iterator[str]:
    one = _variable(dashboard, name)
    if one is None:
        yield f"no variable {name}"
        return
    wanted: Json = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+"}
    yield from (f"{key} is {one.get(key)!r}" for key, value in wanted.items() if one.get(key) != value)
    if one["datasource"]["uid"] not in _DATASOURCES:
        yield f"the data source is {one['datasource']['uid']}"


def template_job_rule(dashboard: Json) -> Iterator[str]:
    """The dashboard has a templated job."""
    yield from _template(dashboard, "job")


def template_instance_rule(dashboard: Json) -> Iterator[str]:
    """The dashboard has a templated instance."""
    yield from _template(dashboard, "instance")


def template_label_promql_rule(dashboard: Json) -> Iterator[str]:
    """Variables that are queries ask by a known function, about proper PromQL."""
    for one in dashboard["templating"]["list"]:
        if one["type"] != "query":
            continue
        found = re.fullmatch(r"(label_names|label_values|metrics|query_result)\((.+?)(?:, *(\w+))?\)", one["query"])
        if found is None or not _uses(found[2]):
            yield f"{one['name']}: {one['query']}"


def template_on_time_change_reload_rule(dashboard: Json) -> Iterator[str]:
    """Variables are asked for anew when the time range changes."""
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query" and one["refresh"] != 2:
            yield f"{one['name']}: refresh is {one['refresh']}"


def panel_datasource_rule(dashboard: Json) -> Iterator[str]:
    """Each panel uses the templated data source."""
    for panel in panels(dashboard):
        if panel["datasource"]["uid"] not in _DATASOURCES:
            yield f"{panel['title']}: {panel['datasource']['uid']}"


def panel_title_description_rule(dashboard: Json) -> Iterator[str]:
    """Each panel has a title and a description."""
    for panel in panels(dashboard):
        if panel["type"] in _QUERYING and not (panel.get("title") and panel.get("description")):
            yield f"panel {panel['id']}"


def panel_units_rule(dashboard: Json) -> Iterator[str]:
    """Each panel has a unit that Grafana knows."""
    for panel in panels(dashboard):
        if panel["type"] in _WITH_UNITS and panel["fieldConfig"]["defaults"].get("unit") not in _UNITS:
            yield f"{panel['title']}: {panel['fieldConfig']['defaults'].get('unit')}"


def panel_no_targets_rule(dashboard: Json) -> Iterator[str]:
    """Each panel asks something."""
    for panel in panels(dashboard):
        if panel["type"] in _QUERYING and not panel.get("targets"):
            yield panel["title"]


def _no_loki(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            if target["datasource"]["type"] != "prometheus":
                yield panel["title"]


def target_logql_rule(dashboard: Json) -> Iterator[str]:
    """Each target that queries Loki is valid LogQL: no target queries Loki here."""
    yield from _no_loki(dashboard)


def target_logql_auto_rule(dashboard: Json) -> Iterator[str]:
    """LogQL ranges are $__auto: no target queries Loki here."""
    yield from _no_loki(dashboard)


def target_promql_rule(dashboard: Json) -> Iterator[str]:
    """Each target is valid PromQL."""
    for title, expr in _targets(dashboard):
        try:
            promql.uses(promql.filled_in(expr))
        except ValueError as error:
            yield f"{title}: {error}"


def target_rate_interval_rule(dashboard: Json) -> Iterator[str]:
    """Ranges of rate and irate are $__rate_interval."""
    seconds = 60.0 * int(promql.RATE_INTERVAL.removesuffix("m"))
    for title, expr in _targets(dashboard):
        for use in _uses(expr):
            if use.around[-2:-1] in (("rate",), ("irate",)) and use.seconds != seconds:
                yield f"{title}: {use.selector}"


def _matched(dashboard: Json, label: str) -> Iterator[str]:
    for title, expr in _targets(dashboard):
        for use in _uses(expr):
            if (label, "=~", f"@{label}") not in use.selector.matchers:
                yield f"{title}: {use.selector}"


def target_job_rule(dashboard: Json) -> Iterator[str]:
    """Every selector is bound to the chosen jobs."""
    yield from _matched(dashboard, "job")


def target_instance_rule(dashboard: Json) -> Iterator[str]:
    """Every selector is bound to the chosen instances."""
    yield from _matched(dashboard, "instance")


def target_counter_agg_rule(dashboard: Json) -> Iterator[str]:
    """Counters are never shown as they are."""
    for title, expr in _targets(dashboard):
        for use in _uses(expr):
            rated = use.around[-2:-1] in (("rate",), ("irate",), ("increase",))
            if use.selector.name.endswith("_total") and not rated:
                yield f"{title}: {use.selector}"


def uneditable_dashboard_rule(dashboard: Json) -> Iterator[str]:
    """The file is where the dashboard is changed."""
    if dashboard.get("editable") is not False:
        yield "editable"


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource_rule,
    "template-job-rule": template_job_rule,
    "template-instance-rule": template_instance_rule,
    "template-label-promql-rule": template_label_promql_rule,
    "template-on-time-change-reload-rule": template_on_time_change_reload_rule,
    "panel-datasource-rule": panel_datasource_rule,
    "panel-title-description-rule": panel_title_description_rule,
    "panel-units-rule": panel_units_rule,
    "panel-no-targets-rule": panel_no_targets_rule,
    "target-logql-rule": target_logql_rule,
    "target-logql-auto-rule": target_logql_auto_rule,
    "target-promql-rule": target_promql_rule,
    "target-rate-interval-rule": target_rate_interval_rule,
    "target-job-rule": target_job_rule,
    "target-instance-rule": target_instance_rule,
    "target-counter-agg-rule": target_counter_agg_rule,
    "uneditable-dashboard-rule": uneditable_dashboard_rule,
}
