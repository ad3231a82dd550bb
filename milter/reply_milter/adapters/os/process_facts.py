"""Facts about a running process, as the kernel tells them."""

import os
from pathlib import Path


def user(pid: int) -> int | None:
    """The number of its user; None if it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def descriptors(pid: int) -> int | None:
    """How many files it may have open; None if this user may not know."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith("Max open files")), [])
    return int(words[3]) if len(words) > 3 and words[3].isdecimal() else None
