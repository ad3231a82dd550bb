"""The record of an attachment, in a folder for each Postfix: ``postfix/etc-postfix`` beside our configuration file.

The folder is named as systemd names a path: ``/`` becomes ``-``, and ``-`` becomes ``\\x2d``. Whoever can write the
record can have root write any setting of Postfix. So it is not in ``state_dir``, and counts only if nobody but root, or
the user who asks, can write it.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reply_milter.adapters.postfix.written import WrittenError, save
from reply_milter.core.attachment import record
from reply_milter.core.attachment.change import Texts
from reply_milter.core.attachment.record import Record

_MODE = 0o700


class Attached:
    """The record about the configuration in ``postfix``; ``config``: the path of our own configuration file."""

    def __init__(self, config: str, postfix: str) -> None:
        self.postfix = os.path.realpath(postfix)
        name = self.postfix.strip("/").replace("-", "\\x2d").replace("/", "-")
        self.folder = Path(config).resolve().parent / "postfix" / name
        self.path = self.folder / "attached.json"

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Make the folder and lock it: two commands at a time would take each other's changes for the host's.

        Raises:
            WrittenError: it can't be made.
        """
        try:
            self.folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise WrittenError(f"{self.folder}: {error.strerror}; run this as root") from error
        try:
            self._refuse_others(self.folder, os.fstat(descriptor))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
            self._tidy()

    def _tidy(self) -> None:
        """Remove folders in which nothing is kept."""
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):
                folder.rmdir()

    def read(self) -> Record | None:
        """Return the record; None without one.

        Raises:
            WrittenError: it can't be read, is not ours, or others can write it.
        """
        try:
            with open(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="utf-8") as file:
                self._refuse_others(self.path, os.fstat(file.fileno()))
                found = record.read(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise WrittenError(f"{self.path}: {error.strerror}; run this as root") from error
        except (ValueError, RecursionError) as error:
            raise WrittenError(f"{self.path}: {error}: move it away to have everything of ours taken out") from error
        if found.folder != self.postfix:
            raise WrittenError(f"{self.path}: is about {found.folder}: move it away")
        return found

    @staticmethod
    def _refuse_others(path: Path, found: os.stat_result) -> None:
        mine = found.st_uid in (0, os.geteuid())
        if not mine or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise WrittenError(f"{path}: others than root can write it: look at what it says before you use it")

    def write(self, new: Record) -> None:
        """Put an attachment on record.

        Raises:
            WrittenError: it can't be written.
        """
        save(self.path, new.write())

    def remove(self) -> None:
        """Forget the record.

        Raises:
            WrittenError: it can't be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise WrittenError(f"{self.path}: {error.strerror}") from error

    def keep(self, given: Texts) -> list[str]:
        """Keep the files as they were before ``detach``; return their paths.

        Raises:
            WrittenError: they can't be written.
        """
        paths = [self.folder / f"{name}.detached" for name in given]
        for path, text in zip(paths, given.values(), strict=True):
            save(path, text)
        return [str(path) for path in paths]
