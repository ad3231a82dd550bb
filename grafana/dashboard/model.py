"""The dashboard as Grafana's JSON model has it (schema version 39, Grafana 10.4 and later)."""

from collections.abc import Iterable, Iterator
from typing import Any

from grafana.dashboard.panel import HOST, Panel, Query, Row, series

UID = "reply-milter"
_SCHEMA = 39
_COLUMNS = 24
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_STARTED = series("process_start_time_seconds", process="supervisor")
_CHILDREN = series("process_start_time_seconds", process="!=supervisor")
_AGAIN = f"{series('process_restarts_total')} > 0"

Json = dict[str, Any]


def dashboard(rows: Iterable[Row]) -> Json:
    """All of it."""
    return {
        "uid": UID,
        "title": "reply-milter",
        "description": "Replies by mail, decided about at SMTP time. docs/monitoring.md tells of every metric.",
        "tags": ["mail", "reply-milter"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "refresh": "1m",
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "links": [],
        "templating": {"list": list(_variables())},
        "annotations": {"list": list(_annotations())},
        "panels": list(_panels(rows)),
    }


def _variables() -> Iterator[Json]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
    }
    yield _variable("job", "Job", "label_values(reply_milter_build_info, job)", ".+")
    yield _variable("instance", "Instance", 'label_values(reply_milter_build_info{job=~"$job"}, instance)', ".+")
    # Everything without a handler, too, unless one is chosen.
    yield _variable("handler", "Handler", f"label_values(reply_milter_messages_total{{{HOST}}}, handler)", ".*")


def _variable(name: str, label: str, query: str, everything: str) -> Json:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": query,
        "refresh": 2,  # when the time range changes
        "regex": "",
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": everything,
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "options": [],
    }


def _annotations() -> Iterator[Json]:
    yield {
        "name": "Annotations & Alerts",
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "type": "dashboard",
    }
    yield _annotation("Daemon started", "blue", f"{_STARTED} * 1000", "{{instance}}")
    again = f"({_CHILDREN} and on (job, instance, process) {_AGAIN}) * 1000"
    yield _annotation("Process restarted", "orange", again, "{{instance}} {{process}}")


def _annotation(name: str, colour: str, expr: str, text: str) -> Json:
    """A mark at each time, in milliseconds, that ``expr`` has for a value. The last four keys are Prometheus' own."""
    return {
        "name": name,
        "datasource": _DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": {"refId": "Anno", "expr": expr, "legendFormat": text, "range": True, "instant": False},
        "titleFormat": name,
        "textFormat": text,
        "tagKeys": "instance",
        "useValueForTime": True,
    }


def _panels(rows: Iterable[Row]) -> Iterator[Json]:
    """Headings and what stands under them, from left to right and then down."""
    identifier = y = 0
    for row in rows:
        identifier += 1
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        yield {"id": identifier, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        x, y, lowest = 0, y + 1, y + 1
        for panel in row.panels:
            identifier += 1
            if x + panel.width > _COLUMNS:
                x, y = 0, lowest
            yield {**_panel(panel, identifier), "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height}}
            x, lowest = x + panel.width, max(lowest, y + panel.height)
        y = lowest


def _panel(panel: Panel, identifier: int) -> Json:
    return {
        "id": identifier,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _DATASOURCE,
        "targets": [_target(query, "ABCDEF"[number]) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": list(_overrides(panel))},
        "options": _OPTIONS[panel.kind],
        **_transformed(panel),
    }


def _target(query: Query, letter: str) -> Json:
    return {
        "refId": letter,
        "datasource": _DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend,
        "format": query.format,
        "instant": query.instant,
        "range": not query.instant,
    }


def _defaults(panel: Panel) -> Json:
    steps = [{"value": value, "color": colour} for value, colour in panel.thresholds.items()]
    found: Json = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps or [{"value": None, "color": "green"}]},
        "mappings": _mappings(panel),
        **({"noValue": panel.nothing} if panel.nothing else {}),
        "custom": _drawing(panel),
    }
    if panel.kind in ("stat", "state-timeline"):
        found["color"] = {"mode": "thresholds"}
    if panel.kind == "timeseries":
        found |= {"min": 0, "color": {"mode": "palette-classic"}}
    if panel.maximum is not None:
        found["max"] = panel.maximum
    if panel.decimals is not None:
        found["decimals"] = panel.decimals
    return found


def _mappings(panel: Panel) -> list[Json]:
    if not panel.words:
        return []
    options = {
        value: {"text": text, "color": colour, "index": number}
        for number, (value, (text, colour)) in enumerate(panel.words.items())
    }
    return [{"type": "value", "options": options}]


def _drawing(panel: Panel) -> Json:
    if panel.kind != "timeseries":
        return {}
    return {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }


def _overrides(panel: Panel) -> Iterator[Json]:
    for column, unit in panel.units.items():
        yield {"matcher": {"id": "byName", "options": column}, "properties": [{"id": "unit", "value": unit}]}


def _transformed(panel: Panel) -> Json:
    """A table's answers stand side by side."""
    if panel.kind != "table":
        return {}
    shown = {"excludeByName": dict.fromkeys(panel.hidden, True), "renameByName": dict(panel.names), "indexByName": {}}
    return {"transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": shown}]}


_LEGEND = {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["mean", "lastNotNull"]}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[str, Json] = {
    "timeseries": {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {
        "reduceOptions": _LAST,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "wideLayout": True,
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "state-timeline": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
        "mergeValues": True,
        "rowHeight": 0.9,
        "showValue": "never",
        "alignValue": "left",
    },
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "scale": "exponential",
            "exponent": 0.5,
            "fill": "dark-orange",
            "steps": 64,
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    },
}
