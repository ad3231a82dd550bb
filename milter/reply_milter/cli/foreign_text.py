"""What somebody else wrote, as a terminal may be shown it: control characters can do more than move the cursor."""

import re
import sys

_CONTROLS = re.compile(rb"[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")  # but HT and LF; C1 in UTF-8


def printable(text: str) -> str:
    """``text`` on one line, with ``?`` for whatever is no visible character or blank: controls, marks of direction."""
    return "".join(character if character.isprintable() else "?" for character in text)


def write_message(message: bytes) -> None:
    """A message on standard output: octet by octet for a file or another program, without controls for a terminal."""
    sys.stdout.flush()
    if sys.stdout.isatty():
        message = _CONTROLS.sub(b"?", message.replace(b"\r\n", b"\n"))
    sys.stdout.buffer.write(message)
