"""Draws one panel's answers with matplotlib: what is seen is the data, not Grafana's looks."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from grafana.dashboard.panel import Panel

_MOST = 8  # answers in a legend
_SMALL = 6.5
_COLOURS = {"green": "#37872d", "orange": "#ff780a", "red": "#c4162a", "blue": "#1f60c4"}


@dataclass(frozen=True)
class Curve:
    """One answer: what the legend calls it, when, and what."""

    name: str
    times: Sequence[float]
    values: Sequence[float]


def draw(axes: Axes, panel: Panel, answers: Sequence[Sequence[Curve]]) -> None:
    """Draw ``answers``, one for each question of ``panel``."""
    axes.set_title(panel.title, fontsize=8, loc="left", pad=3)
    axes.tick_params(labelsize=_SMALL)
    curves = [curve for answer in answers for curve in answer]
    _KINDS[panel.kind](axes, panel, curves)


def _lines(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:
    curves = [curve for curve in curves if any(curve.values)] or curves[:1]
    times = sorted({at for curve in curves for at in curve.times})
    table = [[dict(zip(one.times, one.values, strict=True)).get(at, math.nan) for at in times] for one in curves]
    names = [curve.name if number < _MOST else "_" for number, curve in enumerate(curves)]
    if panel.stacked:
        filled = [[0.0 if math.isnan(value) else value for value in row] for row in table]
        axes.stackplot(times, filled, labels=names, alpha=0.6, linewidth=0.5)
    else:
        for row, name in zip(table, names, strict=True):
            axes.plot(times, row, label=name, linewidth=1)
    axes.xaxis.set_major_formatter(lambda at, _place: time.strftime("%M:%S", time.gmtime(at)))
    axes.yaxis.set_major_formatter(lambda value, _place: _shown(value, panel.unit))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=_SMALL - 1, loc="upper left", framealpha=0.6)


def _stat(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:
    axes.set_axis_off()
    last = curves[0].values[-1]
    text, colour = panel.words.get(f"{last:.0f}", ("", ""))
    if not text:
        named = curves[0].name not in ("", "all")
        text = curves[0].name if named else _shown(last, panel.unit)
        steps = [shade for start, shade in panel.thresholds.items() if start is None or last >= start]
        colour = steps[-1] if steps else "blue"
    size = 15 if len(text) < 12 else 8
    axes.text(0.5, 0.45, text, ha="center", va="center", fontsize=size, color=_COLOURS[colour])


def _heatmap(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:
    """Buckets hold everything below their bound: a row is the difference of two."""
    rows = sorted(curves, key=lambda curve: float(curve.name))
    below = [0.0] * len(rows[0].values)
    cells = []
    for curve in rows:
        cells.append([max(0.0, value - under) for value, under in zip(curve.values, below, strict=False)])
        below = list(curve.values)
    width = min(map(len, cells))
    axes.imshow([row[:width] for row in cells], aspect="auto", origin="lower", cmap="Oranges", interpolation="nearest")
    axes.set_yticks(range(len(rows)), [_shown(float(curve.name), panel.unit) for curve in rows], fontsize=_SMALL - 2)
    axes.set_xticks([])


def _timeline(axes: Axes, _panel: Panel, curves: Sequence[Curve]) -> None:
    axes.imshow([curve.values for curve in curves], aspect="auto", cmap="RdYlGn", vmin=0, vmax=1)
    axes.set_yticks(range(len(curves)), [curve.name for curve in curves], fontsize=_SMALL)
    axes.set_xticks([])


def _table(axes: Axes, _panel: Panel, curves: Sequence[Curve]) -> None:
    axes.set_axis_off()
    rows = [[curve.name, "" if curve.values[-1] == 1 else _shown(curve.values[-1] / 1000, "date")] for curve in curves]
    table = axes.table(rows, colLabels=["key", ""], loc="center", cellLoc="left")
    table.set_fontsize(_SMALL)


_KINDS: dict[str, Any] = {
    "timeseries": _lines,
    "stat": _stat,
    "heatmap": _heatmap,
    "state-timeline": _timeline,
    "table": _table,
}


def _shown(value: float, unit: str) -> str:
    """As Grafana would write it, more or less."""
    if math.isinf(value):
        return "+Inf"
    write = _UNITS.get(unit)
    return write(value) if write else f"{value:.4g}"


def _share(value: float) -> str:
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def _seconds(value: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{value * 1e6:.3g} µs" if value else "0"


_UNITS: dict[str, Callable[[float], str]] = {
    "percentunit": _share,
    "bytes": lambda value: f"{value / 1048576:.3g} MiB",
    "s": _seconds,
    "date": lambda value: time.strftime("%Y-%m-%d %H:%M", time.gmtime(value)),
    "ops": lambda value: f"{value:.3g}/s",
}
