"""Standard streams that somebody closed (``>&-``): Python has none then, and the next file would take their place."""

import os
import sys


def open_missing_streams() -> None:
    """Put something in their place. Writing to what was closed stays an error, and errors are told to nobody."""
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_WRONLY), "r", encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
