"""A terminal's text with its colours, as a picture."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tools.pictures.svg import MONO, box, picture, text

_CELL, _LINE, _SIZE = 7.8, 18, 13
_LEFT, _TOP, _BAR = 18, 26, 34
_PAPER, _FRAME, _INK = "#0d1117", "#30363d", "#e6edf3"
_COLOURS = {"1": _INK, "2": "#8b949e", "31": "#ff7b72", "32": "#3fb950", "33": "#d29922", "36": "#79c0ff"}
_CHANGE = re.compile(r"\x1b\[(\d*)m")


class Run(NamedTuple):
    """Characters of one colour. ``column``: of the first. ``parameter``: of SGR, or empty."""

    column: int
    parameter: str
    characters: str


def runs(line: str) -> Iterator[Run]:
    """Split a line at its changes of colour."""
    column, parameter = 0, ""
    for number, piece in enumerate(_CHANGE.split(line)):
        if number % 2:
            parameter = "" if piece in ("", "0") else piece
        elif piece:
            yield Run(column, parameter, piece)
            column += len(piece)


def terminal(lines: Sequence[str], columns: int, title: str) -> str:
    """Return a picture of ``lines``, in a window of ``columns``."""
    width = round(columns * _CELL + 2 * _LEFT)
    height = _BAR + _TOP + _LINE * len(lines)
    return picture(width, height, title, [*_window(width, height, title), *_rows(lines)])


def _window(width: int, height: int, title: str) -> Iterator[str]:
    yield box(0.5, 0.5, width - 1, height - 1, rx="8", fill=_PAPER, stroke=_FRAME)
    for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        yield f'<circle cx="{20 + 18 * number}" cy="18" r="5.5" fill="{colour}"/>'
    yield text(width / 2, 22, title, fill="#8b949e", font_family=MONO, font_size="12", text_anchor="middle")


def _rows(lines: Sequence[str]) -> Iterator[str]:
    yield f'<g font-family="{MONO}" font-size="{_SIZE}" xml:space="preserve">'
    for number, line in enumerate(lines):
        y = _BAR + _TOP - 8 + _LINE * number
        for run in runs(line):
            yield from _run(run, y)
    yield "</g>"


def _run(run: Run, y: int) -> Iterator[str]:
    """Yield the words of a run, each at its column: fonts differ in width, and columns must stay columns."""
    for word in re.finditer(r"\S+(?: \S+)*", run.characters):
        start = _LEFT + (run.column + word.start()) * _CELL
        style = {"font_weight": "700"} if run.parameter == "1" else {}
        yield text(
            start, y, word[0], fill=_COLOURS.get(run.parameter, _INK), textLength=f"{len(word[0]) * _CELL:g}",
            lengthAdjust="spacingAndGlyphs", **style,
        )  # fmt: skip
