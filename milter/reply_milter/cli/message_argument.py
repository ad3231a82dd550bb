"""The message that the command line names."""

import os
import sys
from pathlib import Path
from typing import Final

from reply_milter.cli.errors import CommandError

_MOST: Final = 256 * 1024 * 1024  # octets; no MTA takes such a message, and a device has no end


def read_message(name: str) -> bytes:
    """Read a file, or standard input for ``-``.

    Raises:
        CommandError: EX_NOINPUT, if it can't be read; EX_DATAERR, if it is longer than any message.
    """
    try:
        message = sys.stdin.buffer.read(_MOST + 1) if name == "-" else _start_of(Path(name))
    except OSError as error:
        raise CommandError(os.EX_NOINPUT, f"{name}: {error.strerror}") from error
    if len(message) > _MOST:
        raise CommandError(os.EX_DATAERR, f"{name}: is longer than {_MOST >> 20} MB, and no message is")
    return message


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST + 1)
