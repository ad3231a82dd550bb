"""Make text from outside safe for a terminal: control characters can do more than move the cursor."""

import argparse
import re
import sys

_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f]")  # without HT and LF; C1 in UTF-8, and as an octet


def printable(text: str) -> str:
    """Return ``text`` on one line, with ``?`` for control, direction and other invisible characters."""
    return "".join(character if character.isprintable() else "?" for character in text)


def add_raw(parser: argparse.ArgumentParser) -> None:
    """Declare ``--raw``."""
    parser.add_argument(
        "--raw", action="store_true", help="only the message, unchanged: for a file, not for a terminal"
    )


def write_message(message: bytes) -> None:
    """Write a message to standard output, without control characters.

    The same in a pipe: a pager, or a file that is read later, shows it on a terminal as well.
    """
    text = message.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
    write_raw(_CONTROLS.sub("?", text).encode("utf-8", "surrogateescape"))


def write_raw(message: bytes) -> None:
    """Write a message to standard output, unchanged."""
    sys.stdout.flush()
    sys.stdout.buffer.write(message)
