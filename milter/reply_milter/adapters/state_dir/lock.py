"""The lock on a state folder: one daemon, or one command that works on its store while no daemon runs.

The file says who holds it: a daemon's process id alone, so that an operator can signal it; ``command ID`` for a
command. Whoever keeps the descriptor open holds the lock, too: a store that outlives its parent for a moment.
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
    """Who wrote its name into the lock last. ``process`` 0: nobody known."""

    process: int
    is_command: bool

    @property
    def is_daemon(self) -> bool:
        """A daemon that runs; one that was killed may have left processes behind that still hold the lock."""
        return not self.is_command and self.process > 0 and _runs(self.process)

    def __str__(self) -> str:
        if self.is_command:
            return f"a command (process {self.process})"
        return f"another instance (process {self.process})" if self.is_daemon else "what is left of another instance"


class StateLockError(Exception):
    """The folder can't be used; ``holder`` is who uses it, or None if that is not the reason."""

    def __init__(self, message: str, holder: Holder | None = None) -> None:
        super().__init__(message)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds to wait for a daemon to let go, and for anybody else. ``tell`` is called before a long wait."""

    for_daemon: float
    for_others: float
    tell: Callable[[Holder], None] = lambda holder: None


def lock(folder: Path, patience: Patience, is_command: bool) -> int:
    """Take the lock; returns a descriptor, which holds it until it is closed everywhere.

    Raises:
        StateLockError: held by somebody else for longer than ``patience``, or the folder is not there to be written.
    """
    descriptor = _open(folder)
    start, told = time.monotonic(), False
    while not _take(descriptor):
        holder = _holder(descriptor)
        waited = time.monotonic() - start
        if waited >= (patience.for_daemon if holder.is_daemon else patience.for_others):
            os.close(descriptor)
            raise StateLockError(f"{folder} is in use by {holder}", holder)
        if waited > 1 and not told:
            patience.tell(holder)
            told = True
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
    """If this is root, make files as the owner of ``folder``: those of root's would lock the daemon out.

    Raises:
        OSError: the folder is not there.
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
    """The process id of the daemon that has the folder, or None. Only looks: taking the lock may turn a daemon away."""
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
        advice = f"install -d -m 0700 -o USER {folder}, USER being whom the daemon runs as"
        raise StateLockError(f"{folder} does not exist; make it: {advice}") from None
    except OSError as error:
        advice = "the folder and all in it must be the daemon's; run commands as that user, or as root"
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
    except OSError:  # somebody else's, but there
        return True
    return True
