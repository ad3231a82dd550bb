"""How files are opened that somebody else may have put there, and how ours are replaced: for adapters of all kinds."""

import os
import stat
from contextlib import suppress
from pathlib import Path


def without_waiting(path: str, flags: int) -> int:
    """Open a pipe without waiting for its writer; for ``open``, which closes a folder's descriptor again."""
    return os.open(path, flags | os.O_NONBLOCK)


def replace(path: Path, octets: bytes, like: Path | None = None) -> None:
    """Write a file at once: whatever happens, the old one or the whole new one is on disk. Nobody else may read it.

    ``like``: a file whose mode and owner it gets instead; as another user than root, the mode alone.

    Raises:
        OSError: it can't be written; the old one stays.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            if like is not None:
                _make_like(descriptor, os.stat(like))
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
    sync(path.parent)


def _make_like(descriptor: int, old: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def sync(folder: Path) -> None:
    """Put a folder's new names on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
