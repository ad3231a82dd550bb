"""The sockets that the MTA connects to: opened once, by the supervisor, for the processes that it forks."""

import grp
import os
import socket

from reply_milter.adapters import libmilter
from reply_milter.adapters.os import socket_file
from reply_milter.config.places import Listener
from reply_milter.processes.plan import ProcessKind
from reply_milter.processes.state_folder import StartError

_PAGE_BACKLOG = 256  # waiting connections: enough for many clients, and too few for a long wait


def open_page(host: str, port: int) -> socket.socket:
    """Listen for clients of the metrics page; they wait until the metrics process answers.

    Raises:
        StartError: something else listens there.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_PAGE_BACKLOG)
    except OSError as error:
        listening.close()
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise StartError(f"metrics.listen: cannot use {place}: {error.strerror or error}") from error
    return listening


def open_socket(kind: ProcessKind, place: Listener) -> socket.socket:
    """Listen at ``place`` for processes of a ``kind``, and let the MTA in.

    Raises:
        StartError: something else listens there, or the MTA could not connect.
    """
    group = _group(kind.value, place.group)
    path = place.socket.path
    try:
        if path:
            socket_file.make_way(path)
        listening = libmilter.listen(path, place.socket.host, place.socket.port)
        if path:
            _open_to(path, place, group)
            if kind is ProcessKind.DELIVERY:
                socket_file.make_names(path)
        return listening
    except (libmilter.ListenError, socket_file.SocketFileError) as error:
        key = "listen" if kind is ProcessKind.DELIVERY else "socket"
        raise StartError(f"{kind.value}.{key}: {error}") from error


def _open_to(path: str, place: Listener, group: int | None) -> None:
    """Let the MTA in; remove a socket that it cannot use."""
    try:
        socket_file.open_to(path, place.mode, group, must=place.group is not None)
    except socket_file.SocketFileError:
        os.unlink(path)
        raise


def _group(name: str, group: str | None) -> int | None:
    """The number of a socket's group; None to leave it as the folder makes it."""
    if group == "":
        return None
    try:
        return grp.getgrnam(group or "postfix").gr_gid
    except KeyError:
        if group is None:
            return None
        raise StartError(f"{name}.socket_group: there is no group {group!r}") from None
