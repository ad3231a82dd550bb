"""Files, folders and accounts as facts, and who may do what with them by their modes."""

import posixpath
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

READ, WRITE, SEARCH = 4, 2, 1
_ROOT = 0
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Kind(StrEnum):
    """``hidden``: this user may not look."""

    FILE = "file"
    FOLDER = "folder"
    SOCKET = "socket"
    OTHER = "other"
    MISSING = "missing"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What stat(2) says, links followed. ``owner`` and ``group`` are numbers; ``owner_name`` is for people."""

    path: str
    kind: Kind
    mode: int = 0
    owner: int = _ROOT
    group: int = _ROOT
    owner_name: str = "root"
    modified: int = 0  # Unix seconds

    @property
    def there(self) -> bool:
        """Whether it could be looked at."""
        return self.kind not in (Kind.MISSING, Kind.HIDDEN)


@dataclass(frozen=True, slots=True)
class Account:
    """A user with all groups that it is in, its own first."""

    name: str
    user: int
    groups: tuple[int, ...]


def may(account: Account, facts: FileFacts, wanted: int) -> bool:
    """Whether the mode of ``facts`` allows ``account`` all ``wanted`` bits, as path_resolution(7) tells."""
    if account.user == _ROOT:
        return True
    if account.user == facts.owner:
        allowed = facts.mode >> 6
    elif facts.group in account.groups:
        allowed = facts.mode >> 3
    else:
        allowed = facts.mode
    return allowed & wanted == wanted


def first_closed(account: Account, parents: Sequence[FileFacts]) -> FileFacts | None:
    """The first of the folders above a file, from the root down, through which ``account`` can't go."""
    return next((folder for folder in parents if folder.there and not may(account, folder, SEARCH)), None)


def replaceable_by_others(folder: FileFacts, trusted: frozenset[int]) -> bool:
    """Whether somebody who is not ``trusted`` may put another file in the place of one in ``folder``."""
    if folder.owner not in trusted:
        return True
    sticky = bool(folder.mode & stat.S_ISVTX)
    return bool(folder.mode & _WRITABLE_BY_OTHERS) and not sticky


def inside(path: str, folder: str) -> bool:
    """Whether ``path`` lies below ``folder``, by their names."""
    return posixpath.normpath(path).startswith(posixpath.normpath(folder).rstrip("/") + "/")
