"""What the demonstration prints, fitted to the terminal: prose, header fields, a reply, and rows of the table."""

import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from reply_milter.cli.foreign_text import printable
from reply_milter.cli.terminal import Colour, Terminal, shortened_inside

_NAME = "reply-milter"
_EMPTY = "-"
_INDENT = "   "
_SENT, _HEARD, _ARRIVED = 31, 58, 58  # columns of the table where there is room
_GAPS = 3
_COLOURS = {
    "2": Colour.GREEN, "4": Colour.YELLOW, "5": Colour.RED,
    "posted:": Colour.GREEN, "parked:": Colour.YELLOW, "nothing": Colour.DIM,
}  # fmt: skip


class Printer:
    """Prints for one terminal. Where there is none, nothing is wrapped, cut or coloured, but for cells of the table."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def say(self, text: str = "", indent: str = "") -> None:
        """Print prose, wrapped; an empty line for none."""
        lines = textwrap.wrap(
            text, self._terminal.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        print("\n".join(lines), flush=True)

    def heading(self, text: str) -> None:
        """Print the title of a part."""
        print(f"\n{self._terminal.paint(Colour.BOLD, text)}", flush=True)

    def step(self, number: int, text: str, heard: str = "") -> None:
        """Print a numbered step, with the answer of the server at its end."""
        self.say()
        self.say(f"{number}. {text}{' ' if heard else ''}{self._answer(heard)}", _INDENT)

    def field(self, name: str, value: str) -> None:
        """Print a header field on one line."""
        unfolded = " ".join(printable(value.replace("\n", " ").replace("\t", " ")).split())
        room = self._terminal.width - len(_INDENT) - len(name) - 2
        print(f"{_INDENT}{self._terminal.paint(Colour.CYAN, name)}: {shortened_inside(unfolded, room)}", flush=True)

    def lines(self, *lines: str) -> None:
        """Print lines that are not prose."""
        for line in lines:
            print(f"{_INDENT}{shortened_inside(line, self._terminal.width - len(_INDENT))}", flush=True)

    def heads(self, *cells: str) -> None:
        """Print the first row of the table."""
        self._cells(cells, [Colour.BOLD] * len(cells))

    def row(self, sent: str, heard: str, arrived: str) -> None:
        """Print what was sent, what the client heard, and what arrived; each wrapped within its column."""
        first = arrived.split(" ", 1)[0]
        self._cells((sent, heard, arrived), [None, _COLOURS.get(heard[:1]), _COLOURS.get(first)])

    def _answer(self, heard: str) -> str:
        colour = _COLOURS.get(heard[:1])
        return self._terminal.paint(colour, heard) if colour else heard

    def _cells(self, cells: Sequence[str], colours: Sequence[Colour | None]) -> None:
        widths = _widths(self._terminal.width)
        wrapped = [textwrap.wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
        for parts in zip_longest(*wrapped, fillvalue=""):
            shown = [
                self._terminal.paint(colour, part) + " " * (width - len(part)) if colour else f"{part:<{width}}"
                for part, width, colour in zip(parts, widths, colours, strict=True)
            ]
            print("{} {}  {}".format(*shown).rstrip(), flush=True)


def _widths(width: int) -> tuple[int, int, int]:
    """Return the columns of the table: as wide as their words, or what the terminal leaves for them."""
    if width >= _SENT + _HEARD + _ARRIVED + _GAPS:
        return _SENT, _HEARD, _ARRIVED
    sent = min(_SENT, max(12, width // 4))
    heard = (width - sent - _GAPS) // 2
    return sent, heard, width - sent - heard - _GAPS


def program() -> str:
    """Return the command that started this process, for a shell in any folder: its name, if PATH leads to it."""
    path = os.path.abspath(sys.argv[0])
    if os.path.basename(path) != _NAME:
        return f"{shlex.quote(sys.executable)} -m reply_milter"
    found = shutil.which(_NAME)
    return _NAME if found and os.path.realpath(found) == os.path.realpath(path) else shlex.quote(path)


def reply_lines(call: Mapping[str, Any]) -> list[str]:
    """Return the member ``Reply`` of a webhook's JSON, and the author's own text, as lines of ``name: value``."""
    fields = {name: _value(value) for name, value in call["Reply"].items()}
    width = max(map(len, [*fields, "text"])) + 3
    first, *others = [printable(line) for line in call["StrippedTextReply"].splitlines()] or [_EMPTY]
    lines = [f"{name + ':':<{width}}{value}" for name, value in {**fields, "text": first}.items()]
    return lines + [" " * width + line for line in others]


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or _EMPTY
    return _EMPTY if value is None else printable(str(value))


def shortened(answer: str) -> str:
    """Return an SMTP answer on one line, without the recipient that Postfix repeats, and without the queue id."""
    return answer.replace("\n", " ").split(" queued as ")[0].rstrip(":")
