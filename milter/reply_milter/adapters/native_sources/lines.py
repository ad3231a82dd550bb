"""A file of JSON lines, read in the background whenever it changes. A reply never waits for that."""

import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from reply_milter.adapters.native_sources.health import Health, Told
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import LINE_OCTETS, DataLine, Known, UserLine, read_line
from reply_milter.files import without_waiting
from reply_milter.ports.native_source import SourceUnavailableError

_SECONDS = 1.0  # between looks at the file
_OCTETS = 1 << 30  # of a file; a user takes some 150
_Stamp = tuple[int, int, int]


@dataclass(slots=True)
class _Users:
    """What a file says. ``problem``: why it can't be used; empty where it can."""

    users: dict[int, Known] = field(default_factory=dict, repr=False)
    data: dict[tuple[int, int], Known] = field(default_factory=dict, repr=False)
    problem: str = ""


class LinesSource:
    """Answers from memory. ``path`` is looked at each second, until ``close``."""

    def __init__(self, path: str, told: Told | None = None) -> None:
        self._path = path
        self._health = Health(path, told)
        self._stamp: _Stamp | None = None
        self._users = _Users(problem="the file was not read yet")
        self._closed = threading.Event()

    def start(self) -> None:
        """Read the file, then watch it in the background. For processes that never fork."""
        self.look()
        threading.Thread(target=self._watch, name="users of an application", daemon=True).start()

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()

    def known(self, named: Named) -> Known | None:
        """See ``ports.NativeSources``."""
        users = self._users
        if users.problem:
            raise SourceUnavailableError(users.problem)
        return joined(users.users.get(named.user), named, users.data.get((named.handler, named.data)))

    def look(self) -> None:
        """Read the file, if it is another one than before."""
        try:
            with open(self._path, encoding="utf-8", opener=without_waiting) as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                if stamp == self._stamp:
                    return
                self._users, self._stamp = _read(file, status), stamp
        except OSError as error:
            self._users, self._stamp = _Users(problem=error.strerror or "the file can't be read"), None
        changed = self._stamp[0] / 1e9 if self._stamp else 0.0
        self._health.note(self._users.problem, f"{len(self._users.users)} users", changed)

    def _watch(self) -> None:
        while not self._closed.wait(_SECONDS):
            self.look()


def joined(user: Known | None, named: Named, of_data: Known | None) -> Known | None:
    """A user together with the data key, where the application has such keys; None if either is unknown."""
    if user is None or not named.handler:
        return user
    if of_data is None:
        return None
    about = (of_data.data_secret, of_data.expires, of_data.data_disabled)
    return Known(user.secret, user.addresses, user.disabled, *about)


def _read(file: TextIO, status: os.stat_result) -> _Users:
    """What the file says. What is wrong with it stays so until it changes, and is not read again."""
    wrong = misfit(status)
    if wrong:
        return _Users(problem=wrong)
    try:
        return _lines_of(file)
    except UnicodeDecodeError:
        return _Users(problem="is not UTF-8 text")


def misfit(status: os.stat_result) -> str:
    """Say why a file is not read at all; empty if it is."""
    is_read = stat.S_ISREG(status.st_mode) and status.st_size <= _OCTETS
    return "" if is_read else "is no file, or larger than 1 GiB"


def lines_in(file: TextIO) -> Iterator[tuple[int, UserLine | DataLine | str]]:
    """Yield each line that is not blank, with its number; of one that is too long, each piece."""
    number = 0
    while text := file.readline(LINE_OCTETS + 1):
        number += 1
        if len(text) > LINE_OCTETS or text.strip():
            yield number, read_line(text)


def _lines_of(file: TextIO) -> _Users:
    """What the lines say. A file without users is none: all that answer would be refused for good."""
    users = _Users()
    for number, line in lines_in(file):
        match line:
            case UserLine(user, known):
                again = users.users.setdefault(user, known) is not known
            case DataLine(handler, data, known):
                again = users.data.setdefault((handler, data), known) is not known
            case problem:
                return _Users(problem=f"line {number} {problem}")
        if again:
            return _Users(problem=f"line {number} is about the same as an earlier one: which of them holds?")
    return users if users.users else _Users(problem="has no line about a user")  # an export that has only begun
