"""Draw messages per second as bars: a bar is a median, its line the spread over the rounds."""

import statistics
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.plan import NAMES, PLAN

_CEILINGS = ("null", "null early", "null tcp")  # many times what the others do


def draw(figures: Figures, path: Path) -> None:
    """Write an SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "reply-milter"  # so that the same figures make the same file
    from matplotlib import pyplot

    mails = ("replies", "ordinary", "forged")
    crowds = figures.setting.size.crowds
    figure, axes = pyplot.subplots(1, len(mails), figsize=(15, 5), layout="constrained")
    for axis, mail in zip(axes, mails, strict=True):
        names = [name for name in NAMES if name in PLAN[mail] and name not in _CEILINGS and figures.has(name, mail)]
        thick = 0.8 / len(crowds)
        for place, connections in enumerate(crowds):
            speeds = [_speeds(figures, name, mail, connections) for name in names]
            middles = [statistics.median(found) for found in speeds]
            spread = [
                [middle - min(found) for middle, found in zip(middles, speeds, strict=True)],
                [max(found) - middle for middle, found in zip(middles, speeds, strict=True)],
            ]
            rows = [number + thick * place for number in range(len(names))]
            label = f"{connections} connections"
            axis.barh(rows, middles, 0.95 * thick, xerr=spread, label=label, error_kw={"lw": 1})
        axis.set_yticks([number + 0.4 - thick / 2 for number in range(len(names))], [NAMES[name] for name in names])
        axis.set_title(f"{mail}: messages a second")
        axis.invert_yaxis()
    axes[0].legend()
    figure.savefig(path, metadata={"Date": None})


def _speeds(figures: Figures, name: str, mail: str, connections: int) -> list[float]:
    return [found[name, mail, connections].per_second for found in figures.rounds]
