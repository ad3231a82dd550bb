"""Facts about a running process, from /proc."""

import os
from pathlib import Path


def user(pid: int) -> int | None:
    """Return the number of its user; None if it has ended."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def descriptors(pid: int) -> int | None:
    """Return how many files it may open; None if this user may not read that."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith("Max open files")), [])
    return int(words[3]) if len(words) > 3 and words[3].isdecimal() else None
