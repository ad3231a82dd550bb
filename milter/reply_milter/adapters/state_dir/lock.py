"""Lock ``state_dir`` for one daemon, or for one command that opens the embedded store while no daemon runs.

``lock`` is a file of one line, which names the holder: ``PID`` for a daemon, so that an operator can signal it;
``command PID`` for a command.

Crash safety: the lock is flock(2) on the open file, not the line. The kernel drops it when the last process that
inherited the descriptor ends, so that an embedded redis-server that outlives its daemon for a moment still holds it.
The line of a holder that died stays; ``Holder.is_daemon`` looks whether the process runs.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.05
_COMMAND = "command "


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that wrote its name into the lock last. ``process`` is 0 if the line can't be read."""

    process: int
    is_command: bool

    @property
    def is_daemon(self) -> bool:
        """Whether it is a daemon that runs. Processes that a killed daemon left behind may still hold the lock."""
        return not self.is_command and self.process > 0 and _runs(self.process)

    def __str__(self) -> str:
        if self.is_command:
            return f"a command (process {self.process})"
        return f"another instance (process {self.process})" if self.is_daemon else "processes of an ended instance"


class StateLockError(Exception):
    """The folder can't be used. ``holder``: the process that uses it, or None for another reason."""

    def __init__(self, message: str, holder: Holder | None = None) -> None:
        super().__init__(message)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a daemon, and for other holders. ``report`` is called once, after a second of waiting."""

    for_daemon: float
    for_others: float
    report: Callable[[Holder], None] = lambda _holder: None


def lock(folder: Path, patience: Patience, is_command: bool) -> int:
    """Take the lock, and return a descriptor: it holds the lock until every process has closed it.

    Raises:
        StateLockError: another process held it for longer than ``patience``, or the folder can't be written.
    """
    descriptor = _open(folder)
    start, reported = time.monotonic(), False
    while not _take(descriptor):
        holder = _holder(descriptor)
        waited = time.monotonic() - start
        if waited >= (patience.for_daemon if holder.is_daemon else patience.for_others):
            os.close(descriptor)
            raise StateLockError(f"{folder} is in use by {holder}", holder)
        if waited > 1 and not reported:
            patience.report(holder)
            reported = True
        time.sleep(_POLL_SECONDS)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{_COMMAND if is_command else ''}{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise StateLockError(f"{folder}/lock: {error.strerror}") from error
    return descriptor


@contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """As root, create files as the owner of ``folder``: the daemon could not open files that belong to root.

    Raises:
        OSError: the folder does not exist.
    """
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    group = os.getegid()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def daemon_of(folder: Path) -> int | None:
    """Return the process id of the daemon that uses the folder, or None. Reads only: a lock could stop a start."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = _holder(descriptor)
    finally:
        os.close(descriptor)
    return holder.process if holder.is_daemon else None


def _open(folder: Path) -> int:
    try:
        with as_owner(folder):
            return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        advice = f"install -d -m 0700 -o USER {folder}, with the daemon's user as USER"
        raise StateLockError(f"{folder} does not exist; make it: {advice}") from None
    except OSError as error:
        advice = "the folder and its files must belong to the daemon's user; run commands as that user, or as root"
        raise StateLockError(f"{folder}/lock: {error.strerror}; {advice}") from error


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> Holder:
    text = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
    number = text.removeprefix(_COMMAND)
    known = number.isascii() and number.isdecimal() and len(number) <= 10
    return Holder(int(number) if known else 0, is_command=text.startswith(_COMMAND))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs as another user
        return True
    return True
