"""The sockets of a daemon: opened before anything forks, and let go of in good order."""

import grp
import os
import socket

from reply_milter.adapters import libmilter, socket_file
from reply_milter.config.places import Listener
from reply_milter.daemon_state import StartError


def open_socket(key: str, place: Listener) -> socket.socket:
    """Listen at ``place``, and let the MTA in. ``key`` is its name in the configuration.

    Raises:
        StartError: something else listens there, the folder is missing, or the group can't be had.
    """
    group = _group(key, place.group)
    path = place.socket.path
    try:
        if path:
            socket_file.make_way(path)
        listening = libmilter.listen(path, place.socket.host, place.socket.port)
        if path:
            _open_to(path, place, group)
        return listening
    except (libmilter.ListenError, socket_file.SocketFileError) as error:
        raise StartError(f"{key}: {error}") from error


def _open_to(path: str, place: Listener, group: int | None) -> None:
    """Let the MTA in, or leave no socket there that it can't use."""
    try:
        socket_file.open_to(path, place.mode, group, must=place.group is not None)
    except socket_file.SocketFileError:
        os.unlink(path)
        raise


def _group(key: str, group: str | None) -> int | None:
    """The number of a socket's group; None to leave it as the folder makes it."""
    if group == "":
        return None
    try:
        return grp.getgrnam(group or "postfix").gr_gid
    except KeyError:
        if group is None:
            return None
        raise StartError(f"{key.partition('.')[0]}.socket_group: there is no group {group!r}") from None


def check_free(key: str, host: str, port: int) -> None:
    """See that ``port`` is there to be listened on.

    Raises:
        StartError: it isn't.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise StartError(f"{key}: cannot use {host}:{port}: {error.strerror}") from error
