"""What somebody else wrote, as a terminal may be shown it: control characters can do more than move the cursor."""

import argparse
import re
import sys

_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f]")  # but HT and LF; C1 in UTF-8, and as an octet


def printable(text: str) -> str:
    """``text`` on one line, with ``?`` for whatever is no visible character or blank: controls, marks of direction."""
    return "".join(character if character.isprintable() else "?" for character in text)


def add_raw(parser: argparse.ArgumentParser) -> None:
    """Declare ``--raw``."""
    parser.add_argument("--raw", action="store_true", help="the message alone, octet by octet: for a file, no terminal")


def write_message(message: bytes) -> None:
    """A message on standard output, to be looked at: without controls, whether a terminal is there or a pager's pipe.

    What goes into a pipe is on a terminal, or in a file that somebody will look at, a moment later.
    """
    text = message.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
    write_raw(_CONTROLS.sub("?", text).encode("utf-8", "surrogateescape"))


def write_raw(message: bytes) -> None:
    """A message on standard output, octet by octet."""
    sys.stdout.flush()
    sys.stdout.buffer.write(message)
