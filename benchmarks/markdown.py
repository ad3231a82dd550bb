"""Paragraphs and tables of the pages with figures."""

import statistics
import textwrap
from collections.abc import Iterable, Sequence

_WIDTH = 120


def paragraph(*sentences: str) -> list[str]:
    """Lines of the usual width."""
    return textwrap.wrap(" ".join(sentences), _WIDTH, break_long_words=False, break_on_hyphens=False)


def header(*columns: str) -> Iterable[str]:
    """The first two lines of a table of numbers."""
    yield row(*columns)
    yield "|---" + "|---:" * (len(columns) - 1) + "|"


def row(*cells: object) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Between which the middle half of ``values`` lies."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high
