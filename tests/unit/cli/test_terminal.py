"""Colours and widths: where there is a terminal, and as its user wants them."""

import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from io import StringIO
from typing import TextIO

import pytest

from reply_milter.cli.terminal import UNLIMITED, Colour, Terminal, fitted, shortened_inside, terminal_of


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """A terminal of 72 columns, which is also standard output's, as far as its size is asked."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 72, 0, 0))
    opened = os.fdopen(theirs, "w")
    monkeypatch.setattr("sys.__stdout__", opened)
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    yield opened
    opened.close()
    os.close(ours)


def test_a_terminal_has_its_width_and_colours(stream: TextIO) -> None:
    """SGR around the text, and nothing around an empty one."""
    found = terminal_of(stream)
    assert found == Terminal(72, True)
    assert found.paint(Colour.RED, "no") == "\x1b[31mno\x1b[0m"
    assert found.paint(Colour.RED, "") == ""


@pytest.mark.parametrize("name,value", [("NO_COLOR", "1"), ("NO_COLOR", "0"), ("TERM", "dumb"), ("TERM", "")])
def test_colours_can_be_declined(stream: TextIO, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """NO_COLOR with any value, or a terminal that has none."""
    monkeypatch.setenv(name, value)
    assert terminal_of(stream) == Terminal(72, False)
    assert terminal_of(stream).paint(Colour.RED, "no") == "no"


def test_an_empty_no_color_declines_nothing(stream: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """As no-color.org says."""
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal_of(stream).coloured


def test_columns_can_be_set(stream: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """But a terminal of no columns would show nothing."""
    monkeypatch.setenv("COLUMNS", "50")
    assert terminal_of(stream).width == 50
    monkeypatch.setenv("COLUMNS", "1")
    assert terminal_of(stream).width == 40


def test_a_file_is_neither_cut_nor_coloured() -> None:
    """Programs read it."""
    assert terminal_of(StringIO()) == Terminal(UNLIMITED, False)


@pytest.mark.parametrize(
    "text,width,found",
    [
        ("abc", 3, "abc"), ("abcdef", 5, "ab..."), ("abc", 2, ".."), ("abc", 0, ""),
        ("a\x1b[31mb\n\u202e", 10, "a?[31mb??"), ("\u65e5\u672c", 5, "??"),
    ],
)  # fmt: skip
def test_text_fits_and_does_nothing_to_the_terminal(text: str, width: int, found: str) -> None:
    """Each character is one column wide."""
    assert fitted(text, width) == found


@pytest.mark.parametrize(
    "text,width,found",
    [
        ("abc", 3, "abc"),
        ("reply+0123456789@example.com", 18, "reply+0123...e.com"),
        ("abcdef", 3, "..."),
        ("ab", 0, "..."),
    ],
)
def test_an_address_keeps_both_its_ends(text: str, width: int, found: str) -> None:
    """The domain says as much as the mailbox."""
    assert shortened_inside(text, width) == found
