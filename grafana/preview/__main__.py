"""Have a host live for a while, ask Prometheus what each panel asks, and draw it: ``make preview``."""

import re
import time
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from grafana.dashboard.model import dashboard
from grafana.dashboard.panel import Panel, Query
from grafana.dashboard.rows import ROWS
from grafana.preview.drawing import Curve, draw
from tests.monitoring import promql
from tests.monitoring.monitored_site import MonitoredSite
from tests.monitoring.prometheus_under_test import Found, PrometheusUnderTest

FILE = Path(__file__).with_name("reply-milter.png")
OVERVIEW = FILE.with_name("overview.png")  # its first two rows
_SECONDS = 75.0
_COLUMN, _LINE = 0.65, 0.27  # inches
_COLUMNS = 24
_LEFT, _BELOW, _RIGHT, _ABOVE = 0.75, 0.75, 0.25, 0.6  # columns and lines around a drawing


def main() -> None:
    """Write the picture."""
    monitored = MonitoredSite()
    try:
        monitored.start()
        begun = time.time()
        monitored.live(_SECONDS)
        _picture(monitored.prometheus, begun, time.time())
    finally:
        monitored.stop()
    _save(Image.open(FILE).convert("RGB"))


def _save(whole: Image.Image) -> None:
    """As small files."""
    headings = [one["gridPos"]["y"] for one in dashboard(ROWS)["panels"] if one["type"] == "row"]
    third = int(whole.height * headings[2] / _height())
    for file, picture in ((FILE, whole), (OVERVIEW, whole.crop((0, 0, whole.width, third)))):
        picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(file, optimize=True)
        print(f"wrote {file}")


def _height() -> int:
    return max(int(one["gridPos"]["y"] + one["gridPos"]["h"]) for one in dashboard(ROWS)["panels"])


def _picture(prometheus: PrometheusUnderTest, begun: float, ended: float) -> None:
    described = {(row.title, panel.title): panel for row in ROWS for panel in row.panels}
    placed, height = dashboard(ROWS)["panels"], _height()
    figure = Figure(figsize=(_COLUMNS * _COLUMN, height * _LINE), facecolor="white")
    FigureCanvasAgg(figure)
    heading = ""
    for one in placed:
        place = one["gridPos"]
        bottom = 1 - (place["y"] + place["h"]) / height
        if one["type"] == "row":
            heading = one["title"]
            figure.text(0.005, bottom, heading, fontsize=11, weight="bold", va="bottom")
            continue
        left = 2 * _LEFT if one["type"] == "state-timeline" else _LEFT
        x, width = place["x"] + left, place["w"] - left - _RIGHT
        box = (x / _COLUMNS, bottom + _BELOW / height, width / _COLUMNS, (place["h"] - _BELOW - _ABOVE) / height)
        panel = described[heading, one["title"]]
        draw(figure.add_axes(box), panel, [_ask(prometheus, panel, query, begun, ended) for query in panel.queries])
    figure.savefig(FILE, dpi=100)


def _ask(prometheus: PrometheusUnderTest, panel: Panel, query: Query, begun: float, ended: float) -> list[Curve]:
    expr = promql.filled_in(query.expr, rate_interval="10s", whole_range="90s")
    if query.instant:
        found = prometheus.query(expr)
    else:
        found = prometheus.query_range(expr, begun, ended, 1)
    return [_curve(query, one) for one in found]


def _curve(query: Query, found: Found) -> Curve:
    """Named as the legend says."""
    name = re.sub(r"\{\{(\w+)\}\}", lambda label: found.labels.get(label[1], ""), query.legend)
    if name == "__auto":
        name = " ".join(found.labels.values()) or "all"
    name = re.sub(r"127\.0\.0\.1:\d+", "mx1", name)
    return Curve(name, [at for at, _ in found.values], [value for _, value in found.values])


if __name__ == "__main__":
    main()
