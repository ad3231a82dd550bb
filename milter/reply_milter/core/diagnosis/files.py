"""Facts about files, folders and accounts, and what their modes allow."""

import posixpath
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

READ, WRITE, SEARCH = 4, 2, 1
_ROOT = 0
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Kind(StrEnum):
    """``hidden``: this user may not examine it."""

    FILE = "file"
    FOLDER = "folder"
    SOCKET = "socket"
    OTHER = "other"
    MISSING = "missing"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What stat(2) says, links followed. ``owner`` and ``group`` are numbers; ``owner_name`` is for messages."""

    path: str
    kind: Kind
    mode: int = 0
    owner: int = _ROOT
    group: int = _ROOT
    owner_name: str = "root"
    modified: int = 0  # Unix seconds

    @property
    def there(self) -> bool:
        """Whether it exists and could be examined."""
        return self.kind not in (Kind.MISSING, Kind.HIDDEN)


@dataclass(frozen=True, slots=True)
class Account:
    """A user with all groups that it is in, its own first."""

    name: str
    user: int
    groups: tuple[int, ...]


def may(account: Account, facts: FileFacts, wanted: int) -> bool:
    """Return whether the mode of ``facts`` allows ``account`` all ``wanted`` bits (path_resolution(7))."""
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
    """Return the first folder above a file, from the root down, that ``account`` may not enter."""
    return next((folder for folder in parents if folder.there and not may(account, folder, SEARCH)), None)


def words_closed(folder: FileFacts, account: Account) -> str:
    """Say that the daemon's ``account`` may not enter ``folder``."""
    return f"{folder.path}: the daemon's user {account.name} may not enter it"


def trusted_with(account: Account | None) -> frozenset[int]:
    """Return the users who may replace what the daemon relies on: root, and the daemon's own ``account``, if known."""
    return frozenset({_ROOT} if account is None else {_ROOT, account.user})


def replaceable_by_others(folder: FileFacts, trusted: frozenset[int]) -> bool:
    """Return whether a user who is not ``trusted`` may replace a file in ``folder``."""
    if folder.owner not in trusted:
        return True
    sticky = bool(folder.mode & stat.S_ISVTX)
    return bool(folder.mode & _WRITABLE_BY_OTHERS) and not sticky


def words_replaceable(folder: FileFacts) -> str:
    """Say that others may replace files in ``folder``."""
    return f"{folder.path}: others may write there (owner {folder.owner_name}, mode {folder.mode:04o})"


def inside(path: str, folder: str) -> bool:
    """Return whether ``path`` is below ``folder``, by their names."""
    return posixpath.normpath(path).startswith(posixpath.normpath(folder).rstrip("/") + "/")
