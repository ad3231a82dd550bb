"""Replace standard streams that the caller closed (``>&-``): the next opened file would get their descriptor."""

import os
import sys


def open_missing_streams() -> None:
    """Open /dev/null for each. Writing to a closed stdout stays an error; text for a closed stderr is lost."""
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_WRONLY), "r", encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
