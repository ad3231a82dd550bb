"""What a stream can show: its width, and whether colours are wanted there."""

import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from reply_milter.cli.foreign_text import printable

UNLIMITED = 1000  # columns of a file or a pipe: nothing is cut there
_NARROWEST = 40
_CUT = "..."


class Colour(StrEnum):
    """Parameters of SGR, ECMA-48 section 8.3.117."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    CYAN = "36"


@dataclass(frozen=True, slots=True)
class Terminal:
    """``width``: in columns. ``coloured``: whether colours are wanted."""

    width: int = UNLIMITED
    coloured: bool = False

    def paint(self, colour: Colour, text: str) -> str:
        """Return ``text`` in a colour, if colours are wanted."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.coloured and text else text


def terminal_of(stream: TextIO | None = None) -> Terminal:
    """Return what ``stream``, standard output by default, can show. It respects NO_COLOR (no-color.org) and COLUMNS."""
    given = sys.stdout if stream is None else stream
    if not given.isatty():
        return Terminal()
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")
    return Terminal(max(_NARROWEST, shutil.get_terminal_size().columns), wanted)


def fitted(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns, its end cut off; what is not ASCII counts and shows as ``?``."""
    shown = printable(text).encode("ascii", "replace").decode("ascii")
    return shown if len(shown) <= width else shown[: max(0, width - len(_CUT))] + _CUT[: max(0, width)]


def shortened_inside(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns, its middle cut out: both ends of an address say something."""
    if len(text) <= width:
        return text
    left = max(0, width - len(_CUT)) * 2 // 3
    right = max(0, width - len(_CUT) - left)
    return f"{text[:left]}{_CUT}{text[len(text) - right :]}"
