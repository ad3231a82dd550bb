"""The journal of systemd, asked of its own program, journalctl(1): what one unit has logged.

Entries are found by ``_SYSTEMD_UNIT``, a field that only journald writes: no other program of the host can put a line
of its own among them, whatever it calls itself.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reply_milter.adapters.os.process_tree import die_with_parent

_MOST = 1000  # entries of one search: the newest
# journalctl itself keeps to the newest: no flood fills our memory.
_NEWEST = ("--case-sensitive=yes", "--reverse", f"--lines={_MOST}")
_SECONDS = 60.0  # a search of a large journal takes a while
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}")


class Entry(NamedTuple):
    """One entry. ``unix``: when it was logged, in seconds."""

    unix: float | None
    text: str


class JournalError(Exception):
    """The journal can't be read; the message says what to do."""


def search(unit: str, word: str, since: str) -> list[Entry]:
    """Return the newest entries of ``unit`` with ``word`` in them, oldest first. ``since``: as journalctl(1) takes it.

    Raises:
        JournalError: there is no journal, or this program may not read it.
    """
    try:
        done = subprocess.run(  # noqa: S603 # a fixed program, without a shell
            ["journalctl", *_options(unit), *_NEWEST, f"--since={since}", f"--grep={re.escape(word)}"],  # noqa: S607 # the host's own
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise JournalError(_NONE) from None
    except subprocess.TimeoutExpired:
        raise JournalError(f"journalctl took longer than {_SECONDS:.0f} s: give a later --since") from None
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode and said:
        raise JournalError(f"journalctl: {said.splitlines()[0]}")
    return sorted(_entries(done.stdout.splitlines()), key=lambda entry: entry.unix or 0.0)


def start_following(unit: str, before: int) -> "subprocess.Popen[bytes]":
    """Start a program that writes entries of ``unit`` as they come, after the last ``before``, for ``read_entry``.

    Raises:
        JournalError: there is no journalctl here.
    """
    try:
        return subprocess.Popen(  # noqa: S603 # a fixed program, without a shell
            ["journalctl", *_options(unit), "--follow", f"--lines={before}"],  # noqa: S607 # the host's own
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(os.getpid()),  # no other thread holds a lock: see prctl(2)
        )
    except FileNotFoundError:
        raise JournalError(_NONE) from None


_NONE = "there is no journalctl here: name the daemon's log with --log FILE"


def _options(unit: str) -> list[str]:
    if not _UNIT.fullmatch(unit):
        raise JournalError(f"{unit!r} is no name of a unit")
    name = unit if "." in unit else f"{unit}.service"
    return ["--quiet", "--no-pager", "--all", "--output=json", "--output-fields=MESSAGE", f"_SYSTEMD_UNIT={name}"]


def _entries(lines: Iterable[bytes]) -> Iterator[Entry]:
    for line in lines:
        found = read_entry(line)
        if found is not None:
            yield found


def read_entry(line: bytes) -> Entry | None:
    """Read one entry as journalctl writes it in JSON; None for what is none."""
    try:
        found = json.loads(line)
        unix = int(found["__REALTIME_TIMESTAMP"]) / 1e6
        text = found["MESSAGE"]
        if isinstance(text, list):  # octets that are no UTF-8, or control characters
            text = bytes(text).decode(errors="replace")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Entry(unix, text) if isinstance(text, str) else None
