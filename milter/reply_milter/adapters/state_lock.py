"""The lock on a state folder: one daemon, or one command that works on its store while no daemon runs."""

import fcntl
import os
import time
from pathlib import Path


class StateLockError(Exception):
    """The folder can't be used; ``busy`` tells whether that is because somebody else does."""

    def __init__(self, message: str, busy: bool) -> None:
        super().__init__(message)
        self.busy = busy


def lock(folder: Path, patience_seconds: float) -> int:
    """Take the lock; returns a descriptor, which holds it until it is closed everywhere.

    Processes of an instance that was killed may take a moment to follow it: so long is waited.

    Raises:
        StateLockError: held by somebody else for longer than that, or the folder can't be written.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _give_to_owner(folder, descriptor)
    except OSError as error:
        raise StateLockError(f"{folder}: {error.strerror}; make it, and give it to this user", busy=False) from error
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise StateLockError(f"{folder} is in use by another instance; stop it first", busy=True) from None
            time.sleep(0.05)


def holder(folder: Path) -> int | None:
    """The process of ours that holds the lock, or None. Looks only: taking it could turn a daemon away.

    Compares inodes, and no devices: stat(2) and the kernel's list differ about those on some file systems.
    """
    try:
        inode = (folder / "lock").stat().st_ino
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return None
    found = (int(fields[4]) for fields in locks if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"))
    return next(filter(_is_ours, found), None)


def _is_ours(pid: int) -> bool:
    try:
        return b"reply" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _give_to_owner(folder: Path, descriptor: int) -> None:
    """What root's command leaves behind must stay the daemon's."""
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
