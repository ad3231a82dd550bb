"""What a panel is: a question to Prometheus, how its answer is drawn, and what it means, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

HOST = 'job=~"$job",instance=~"$instance"'
HANDLER = {"handler": "=~$handler"}
RATE = "$__rate_interval"
RANGE = "$__range"

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
Thresholds = Mapping[float | None, str]  # from a value on, a colour; None: from the beginning


def series(name: str, **matchers: str) -> str:
    """One of our metrics, of the hosts that are chosen. A matcher is a value, or an operator and a value: ``=~a|b``."""
    return f"reply_milter_{name}{{{','.join([HOST, *map(_matcher, matchers.items())])}}}"


def _matcher(labelled: tuple[str, str]) -> str:
    label, value = labelled
    operator = value[:2] if value[:2] in ("=~", "!~", "!=") else "="
    return f'{label}{operator}"{value.removeprefix(operator)}"'


def rate(name: str, **matchers: str) -> str:
    """How fast a counter grows, a second."""
    return f"rate({series(name, **matchers)}[{RATE}])"


def increase(name: str, **matchers: str) -> str:
    """By how much a counter grew in the time that is shown."""
    return f"increase({series(name, **matchers)}[{RANGE}])"


def quantile(share: float, name: str, by: str, **matchers: str) -> str:
    """What so large a ``share`` of observations stayed below."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) ({rate(f'{name}_bucket', **matchers)}))"


def share(part: str, whole: str) -> str:
    """What ``part`` is of ``whole``; nothing, rather than NaN, while there is no whole."""
    return f"({part}) / (({whole}) > 0)"


@dataclass(frozen=True)
class Query:
    """One question. ``legend`` names its answers by their labels; ``instant``: only the last value matters."""

    expr: str
    legend: str = "__auto"
    instant: bool = False
    format: str = "time_series"


@dataclass(frozen=True)
class Panel:
    """``kind`` as Grafana calls it; ``width`` in 24ths of the page.

    ``words`` stand for values, ``nothing`` for none; ``may_be_zero``: a healthy host shows nothing but 0 here.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    maximum: float | None = None
    decimals: int | None = None
    thresholds: Thresholds = field(default_factory=dict)
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # value: text and colour
    units: Mapping[str, str] = field(default_factory=dict)  # of table columns
    hidden: tuple[str, ...] = ()  # columns that say nothing
    names: Mapping[str, str] = field(default_factory=dict)  # of columns, as they are shown
    may_be_zero: bool = False
    nothing: str = ""  # shown where there is no answer


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


def stat(title: str, description: str, unit: str, expr: str, legend: str = "__auto", **more: object) -> Panel:
    """One number."""
    given: dict[str, object] = {"width": 3, "height": 4, **more}
    return Panel(title, description, unit, (Query(expr, legend, instant=True),), kind="stat", **given)  # type: ignore[arg-type]


def lines(title: str, description: str, unit: str, *queries: tuple[str, str], **more: object) -> Panel:
    """Curves; each query is an expression and the legend of its answers."""
    asked = tuple(Query(expr, legend) for expr, legend in queries)
    return Panel(title, description, unit, asked, **more)  # type: ignore[arg-type]


def heatmap(title: str, description: str, unit: str, name: str, width: int = 8, **matchers: str) -> Panel:
    """How the observations of a histogram are spread, over time."""
    expr = f"sum by (le) (increase({series(f'{name}_bucket', **matchers)}[{RATE}]))"
    return Panel(title, description, unit, (Query(expr, "{{le}}", format="heatmap"),), "heatmap", width)
