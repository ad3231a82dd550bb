"""The message that the command line names."""

import os
import sys
from pathlib import Path

from reply_milter.cli.errors import CommandError


def read_message(name: str) -> bytes:
    """Read a file, or standard input for ``-``.

    Raises:
        CommandError: EX_NOINPUT, if it can't be read.
    """
    try:
        if name == "-":
            return sys.stdin.buffer.read()
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(os.EX_NOINPUT, f"{name}: {error.strerror}") from error
