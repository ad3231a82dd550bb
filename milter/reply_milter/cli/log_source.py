"""Where commands find the daemon's log: in the journal of its unit, or in a file."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from reply_milter.adapters.os import journal
from reply_milter.adapters.telemetry.log_lines import LONGEST, LogLine, read_line
from reply_milter.cli.errors import CommandError

_UNIT = "reply-milter"
STANDARD_INPUT = "-"


def add_log_source(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Declare ``--log FILE`` and ``--unit NAME``."""
    parser.add_argument(
        "--log", metavar="FILE", default="", help=f"the daemon's log, if it is a file and not the journal{more}"
    )
    parser.add_argument("--unit", metavar="NAME", default=_UNIT, help=f"the daemon's unit in the journal ({_UNIT})")


def lines_about(options: argparse.Namespace, word: str) -> Iterator[LogLine]:
    """Yield the lines of the log with ``word`` in them, oldest first.

    Raises:
        CommandError: the log can't be read.
    """
    if options.log:
        yield from _in_file(options.log, word)
        return
    try:
        for entry in journal.search(options.unit, word, options.since):
            yield read_line(entry.text, entry.unix)
    except journal.JournalError as error:
        raise CommandError(os.EX_UNAVAILABLE, str(error)) from error


def _in_file(path: str, word: str) -> Iterator[LogLine]:
    if path == STANDARD_INPUT:
        yield from _matching(_bounded(sys.stdin.buffer), word)
        return
    try:
        with open(path, "rb") as file:
            yield from _matching(_bounded(file), word)
    except OSError as error:
        status = os.EX_NOPERM if isinstance(error, PermissionError) else os.EX_NOINPUT
        raise CommandError(status, f"{path}: {error.strerror}") from error


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines; a longer one than any of ours is cut into pieces."""
    while line := file.readline(LONGEST):
        yield line


def _matching(lines: Iterable[bytes], word: str) -> Iterator[LogLine]:
    wanted = word.encode()
    for line in lines:
        if wanted in line:
            yield read_line(line.decode(errors="replace"))
