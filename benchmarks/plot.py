"""Draw messages per second as bars: a bar is a median, its line the spread over the rounds."""

import statistics
from pathlib import Path

from benchmarks.report import _NAMES
from benchmarks.rounds import Results, Size


def draw(results: Results, size: Size, path: Path) -> None:
    """Write an SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "reply-milter"  # so that the same figures make the same file
    from matplotlib import pyplot

    mails = ("replies", "ordinary", "forged")
    figure, axes = pyplot.subplots(1, len(mails), figsize=(13, 4), layout="constrained")
    for axis, mail in zip(axes, mails, strict=True):
        names = [name for name in _NAMES if name != "null" and _speeds(results, name, mail, size.connections[0])]
        for place, connections in enumerate(size.connections):
            speeds = [_speeds(results, name, mail, connections) for name in names]
            middles = [statistics.median(found) for found in speeds]
            spread = [
                [middle - min(found) for middle, found in zip(middles, speeds, strict=True)],
                [max(found) - middle for middle, found in zip(middles, speeds, strict=True)],
            ]
            rows = [number + 0.4 * place for number in range(len(names))]
            axis.barh(rows, middles, 0.38, xerr=spread, label=f"{connections} connections", error_kw={"lw": 1})
        axis.set_yticks([number + 0.2 for number in range(len(names))], [_NAMES[name] for name in names])
        axis.set_title(f"{mail}: messages a second")
        axis.invert_yaxis()
    axes[0].legend()
    figure.savefig(path, metadata={"Date": None})


def _speeds(results: Results, name: str, mail: str, connections: int) -> list[float]:
    wanted = (name, mail, connections)
    return [
        one.per_second
        for samples in results.samples
        for one in samples
        if (one.name, one.mail, one.connections) == wanted
    ]
