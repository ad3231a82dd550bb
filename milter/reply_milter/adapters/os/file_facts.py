"""Facts about files, folders, accounts and space, for the rules of ``core/diagnosis``. Changes nothing."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from reply_milter.core.diagnosis.files import Account, FileFacts, Kind

_MOST = 100_000  # of names below a folder: dead letters may be many
_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFSOCK: Kind.SOCKET}


def facts(path: str) -> FileFacts:
    """Return what is at ``path``, links followed."""
    try:
        found = os.stat(path)
    except PermissionError:
        return FileFacts(path, Kind.HIDDEN)
    except OSError:
        return FileFacts(path, Kind.MISSING)
    return FileFacts(
        path,
        _KINDS.get(stat.S_IFMT(found.st_mode), Kind.OTHER),
        stat.S_IMODE(found.st_mode),
        found.st_uid,
        found.st_gid,
        _name(found.st_uid),
        int(found.st_mtime),
    )


def to_read(path: str) -> FileFacts:
    """Return ``facts`` of a file whose text is wanted: hidden if this user may not read it."""
    found = facts(path)
    return FileFacts(path, Kind.HIDDEN) if found.there and not os.access(path, os.R_OK) else found


def parents(path: str) -> tuple[FileFacts, ...]:
    """Return the folders above ``path``, from the root down, links resolved."""
    return tuple(map(facts, _above(real(path))))


def real(path: str) -> str:
    """Return ``path`` with the links in its folders resolved, but not that of the last name; empty for empty."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) if path else ""


def belonging_to_others(folder: str, user: int) -> tuple[FileFacts, ...]:
    """Return everything below ``folder`` whose owner is not ``user``, links apart. Looks at ``_MOST`` names at most."""
    others = [path for path, number in islice(_owners(folder), _MOST) if number != user]
    return tuple(found for found in map(facts, others) if found.there)


def _owners(folder: str) -> Iterator[tuple[str, int]]:
    """Yield path and owner of everything below ``folder`` that this user may look at and that stays there meanwhile."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for path in (os.path.join(folder, name) for name in names):
        with suppress(OSError):
            found = os.lstat(path)
            if not stat.S_ISLNK(found.st_mode):
                yield path, found.st_uid
            if stat.S_ISDIR(found.st_mode):
                yield from _owners(path)


def _above(path: str) -> Iterator[str]:
    folder = os.path.dirname(path)
    if folder != path:
        yield from _above(folder)
        yield folder


def account(name: str) -> Account | None:
    """Return the user called ``name`` with all its groups; None if there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, tuple(os.getgrouplist(name, entry.pw_gid)))


def owner(number: int) -> Account:
    """Return the user with a number, even if no user database knows it."""
    known = account(_name(number))
    return known or Account(str(number), number, (number,))


def space(folder: str) -> tuple[int, int]:
    """Return free and total octets of the file system of ``folder``; zeros if they cannot be read."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return 0, 0
    return usage.free, usage.total


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
