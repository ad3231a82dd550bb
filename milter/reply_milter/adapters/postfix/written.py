"""Postfix's configuration as it is written: read, edited in a copy, and put in place at once."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter import files
from reply_milter.adapters.postfix import postconf
from reply_milter.core.attachment.change import FILES, Change, Host, Texts
from reply_milter.core.attachment.edits import edited
from reply_milter.core.diagnosis.postfix import syntax

_CODE = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}  # octets of the host's stay as they are


class WrittenError(Exception):
    """A file can't be read or written; the message says which, and why."""


def texts(folder: str) -> dict[str, str]:
    """Return the text of main.cf and of master.cf.

    Raises:
        WrittenError: one can't be read.
    """
    return {name: _read(Path(folder) / name) for name in FILES}


def _read(path: Path) -> str:
    try:
        with open(path, **_CODE) as file:  # type: ignore[call-overload]
            return str(file.read())
    except OSError as error:
        raise WrittenError(f"{path}: {error.strerror}") from error


def host(folder: str) -> Host:
    """Read a configuration as it is written.

    Raises:
        WrittenError: main.cf or master.cf can't be read.
        PostconfError: Postfix can't read them.
    """
    site = postconf.read(folder)
    lines = [syntax.one_line(line) for line in postconf.call(folder, "-M").splitlines()]
    services = {"/".join(line.split()[:2]): line for line in lines if line}
    return Host(dict(site.entries), services, site)


class Copy:
    """A copy of a configuration. Its files count as old: Postfix waits a second before it reads a new one."""

    def __init__(self, folder: str, given: Texts) -> None:
        self.folder = folder
        for name, text in given.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        """Replace one of its files."""
        path = Path(self.folder) / name
        with open(path, "w", **_CODE) as file:  # type: ignore[call-overload]
            file.write(text)
        os.utime(path, (0, 0))

    def edit(self, changes: Iterable[Change]) -> None:
        """Make ``changes``."""
        for name, text in edited(texts(self.folder), changes).items():
            self.write(name, text)


@contextmanager
def copy(given: Texts) -> Iterator[Copy]:
    """Make a copy, which nobody else may read, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-postfix-") as folder:
        yield Copy(folder, given)


def replace(path: Path, old: str, new: str) -> None:
    """Replace a file by a new version at once. Mode and owner stay, and a link stays one.

    Raises:
        WrittenError: it can't be written, or is no longer ``old``.
    """
    real = path.resolve()
    if _read(real) != old:
        raise WrittenError(f"{path} was changed meanwhile: it was left as it is; try again")
    save(real, new, real)


def save(path: Path, text: str, like: Path | None = None) -> None:
    """Write a file at once: the old one or the new one is there, on disk. ``like``: whose mode and owner it gets.

    Raises:
        WrittenError: it can't be written.
    """
    try:
        files.replace(path, text.encode("utf-8", "surrogateescape"), like)
    except OSError as error:
        raise WrittenError(f"{path}: {error.strerror}") from error
