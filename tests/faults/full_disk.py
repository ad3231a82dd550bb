"""Disks of a test's own that can be filled up: a small tmpfs, and limits on the size of files."""

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_DETACH = 2


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """To the last octet."""
        with open(self._ballast, "wb", buffering=0) as file, suppress(OSError):
            for size in (65536, 512, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def make_room(self) -> None:
        """Take the ballast off."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, octets: int) -> Iterator[SmallDisk | None]:
    """Mount one on ``folder``, with that folder's owner; None where nothing can be mounted."""
    owner = folder.stat()
    options = f"size={octets},uid={owner.st_uid},gid={owner.st_gid},mode=0700".encode()
    if _libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options):
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        _libc.umount2(os.fsencode(folder), _DETACH)


def limit_files(pid: int, octets: int) -> None:
    """No file that ``pid`` writes may grow beyond; its writes then fail as on a full disk, with another errno."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


# A program that runs another one, to which such a limit is an error of write(2) and no signal.
_HEED = "import os, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
HEEDLESS = (sys.executable, "-c", _HEED)
