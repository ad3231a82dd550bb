"""The second picture of the README: what ``reply-milter demo`` prints on a terminal, its table above all."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from tools.pictures.terminal import terminal

COLUMNS = 120
TITLE = "make demo"
_DATE = re.compile(r"20\d\d-\d\d-\d\d")
_SHOWN_DATE = "2026-11-23"  # the date of expiry is the one thing in the table that differs from day to day
_FIRST, _LAST = "WHAT WAS SENT", "sender mismatch:"


class PictureError(Exception):
    """The demonstration did not print what is drawn; the message has its output."""


def printed(folder: Path) -> str:
    """Run the demonstration on a terminal of ``COLUMNS``, with its files below ``folder``; return what it printed.

    Raises:
        PictureError: it failed.
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    command = [sys.executable, "-m", "reply_milter", "demo"]
    running = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm", "TMPDIR": str(folder)}
    )
    os.close(theirs)
    text = _all_of(ours).replace("\r\n", "\n")
    if running.wait():
        raise PictureError(f"the demonstration failed: {text}")
    return text


def _all_of(descriptor: int) -> str:
    octets = b""
    while True:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError:  # EIO: the other end was closed
            piece = b""
        if not piece:
            os.close(descriptor)
            return octets.decode()
        octets += piece


def excerpt(text: str) -> list[str]:
    """Return the lines that are drawn: the first, and the table.

    Raises:
        PictureError: there is no table.
    """
    lines = _DATE.sub(_SHOWN_DATE, text).splitlines()
    start = next((number for number, line in enumerate(lines) if _FIRST in line), 0)
    end = next((number for number, line in enumerate(lines) if line.startswith(_LAST)), 0)
    if not 0 < start < end:
        raise PictureError(f"the demonstration printed no table: {text}")
    return [lines[0], "", *lines[start:end]][:-1]


def demonstration(text: str) -> str:
    """Return the picture of what the demonstration printed."""
    return terminal([f"$ {TITLE}", *excerpt(text)], COLUMNS, TITLE)
