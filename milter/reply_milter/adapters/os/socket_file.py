"""The file of a unix socket: what it may replace, and who may connect."""

import os
import socket
import stat

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # of base32, in tokens
_NAMES_MODE = 0o755  # they only lead to the socket


class SocketFileError(Exception):
    """The socket cannot be made there; the message says why and what to do."""


def make_way(path: str) -> None:
    """Remove the socket of a daemon that has ended; never one that answers, and never a file of another kind.

    Raises:
        SocketFileError: the folder is missing, or the path is taken.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise SocketFileError(f"{folder}: no such folder; make it: install -d -m 2750 -o USER -g postfix {folder}")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketFileError(f"{path}: exists and is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        if probe.connect_ex(path) == 0:
            raise SocketFileError(f"{path}: another process answers there; stop it first")
    os.unlink(path)


def open_to(path: str, mode: int, group: int | None, must: bool) -> None:
    """Let the MTA in: ``group`` is a number, or None to leave it as the folder made it.

    ``must``: the operator named the group, so that a socket without it is a mistake.

    Raises:
        SocketFileError: this user may not give the file to that group.
    """
    try:
        if group is not None and os.stat(path).st_gid != group:
            os.chown(path, -1, group)
    except OSError as error:
        if must:
            raise SocketFileError(
                f"{path}: cannot give it to verify.socket_group ({error.strerror}); "
                "make the daemon's user a member of that group, or the folder setgid to it"
            ) from error
    os.chmod(path, mode)


def make_names(path: str) -> None:
    """Other names of the socket, ``PATH.d/X``, for each X that may be the second letter of a handler in a token.

    An MTA that has a queue for each next hop then has one for each handler.

    Raises:
        SocketFileError: they can't be made.
    """
    folder, group = f"{path}.d", os.stat(path).st_gid
    try:
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, _NAMES_MODE)  # for any umask
        if os.stat(folder).st_gid != group:
            os.chown(folder, -1, group)
        for letter in set(_LETTERS) - set(os.listdir(folder)):
            os.symlink(f"../{os.path.basename(path)}", f"{folder}/{letter}")
    except OSError as error:
        raise SocketFileError(
            f"{folder}: {error.strerror}; remove it, or make it a folder of the daemon's user"
        ) from error
