"""The file of a unix socket: what may stand in its place, and who may connect."""

import os
import socket
import stat


class SocketFileError(Exception):
    """The socket can't be there; the message says why and what to do."""


def make_way(path: str) -> None:
    """Remove the socket of a daemon that is gone; never that of one that answers, and never anything else.

    Raises:
        SocketFileError: the folder is missing, or something is there that must stay.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise SocketFileError(f"{folder}: no such folder; make it: install -d -m 2750 -o USER -g postfix {folder}")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketFileError(f"{path}: is there and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        if probe.connect_ex(path) == 0:
            raise SocketFileError(f"{path}: another process answers there; stop it first")
    os.unlink(path)


def open_to(path: str, mode: int, group: int | None, must: bool) -> None:
    """Let the MTA in: ``group`` is a number, or None to leave it as the folder made it.

    ``must``: the operator named the group, so that a socket without it is a mistake.

    Raises:
        SocketFileError: this user may not give it to that group.
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
