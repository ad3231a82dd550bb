"""Sockets that the MTA connects to: whether the daemon answers, and whether a chrooted Postfix can connect."""

from collections.abc import Iterator
from dataclasses import dataclass

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.files import READ, WRITE, Account, FileFacts, Kind, first_closed, inside, may
from reply_milter.core.diagnosis.problem import SHELL, TOML, Problem, Remedy, error, warning

HOOK = "delivery"  # the table of the LMTP socket, whose key is `listen`
_OTHERS_WRITE = 0o002


@dataclass(frozen=True, slots=True)
class SocketFacts:
    """``name``: of the configuration's table. ``answers``: the daemon answered. Files only for unix sockets.

    ``refused``: why Postfix's user could not connect; empty if it could, or if that was not tried. ``sendmail``: the
    configuration of a Sendmail on this host; empty if there is none.
    """

    name: str
    endpoint: Endpoint
    answers: bool
    file: FileFacts | None = None
    parents: tuple[FileFacts, ...] = ()
    refused: str = ""
    sendmail: str = ""

    @property
    def key(self) -> str:
        """The key of the socket in its table."""
        return "listen" if self.name == HOOK else "socket"

    @property
    def without(self) -> str:
        """What Postfix does if it cannot connect."""
        if self.name == HOOK:
            return "Postfix cannot deliver accepted replies, and they wait in its queue"
        return "Postfix cannot ask the milter, and does what default_action says"


@dataclass(frozen=True, slots=True)
class Client:
    """Postfix as a client: its user, and its queue directory if its daemons are chrooted, as on Debian."""

    account: Account
    queue_directory: str = ""


def examine(socket: SocketFacts, client: Client | None, daemon_runs: bool) -> Iterator[Problem]:
    """Examine one socket. ``client``: None if no Postfix is known."""
    key, place = f"{socket.name}.{socket.key}", socket.endpoint
    if not place.path:
        yield from _over_tcp(socket, key)
    if daemon_runs and not socket.answers:
        yield error(
            "socket.silent",
            f"{key}: the daemon does not answer on {place}",
            "the MTA defers mail for which it needs an answer",
            Remedy(SHELL, "systemctl restart reply-milter"),
        )
    if socket.file is None:
        return
    folder = socket.parents[-1]
    if folder.kind is Kind.MISSING:
        yield error(
            "socket.folder",
            f"{folder.path}: there is no such folder",
            "the daemon can't start",
            Remedy(SHELL, _make(folder.path)),
        )
        return
    if socket.file.there and socket.file.mode & _OTHERS_WRITE:
        yield warning(
            "socket.mode",
            f"{place.path}: mode {socket.file.mode:04o} lets every user of this host connect",
            "every user who connects can act as the MTA",
            Remedy(TOML, 'socket_mode = "0660"', f"[{socket.name}]"),
        )
    if client is not None:
        yield from _reachable(socket, socket.file, client)


def _over_tcp(socket: SocketFacts, key: str) -> Iterator[Problem]:
    """Examine a port: who can connect, and whether its MTA is slow over TCP."""
    place = socket.endpoint
    if not place.local_only:
        yield warning(
            "socket.open",
            f"{key} is {place}: other hosts can connect",
            "every host that connects can act as the MTA, and claim any client address",
            Remedy(TOML, f'{socket.key} = "inet:{place.port}@127.0.0.1"', f"[{socket.name}]"),
        )
    if socket.sendmail and socket.name != HOOK:
        yield warning(
            "socket.sendmail",
            f"{key} is {place}, and {socket.sendmail} is here",
            "over TCP, Sendmail waits 40 ms for acknowledgements, several times per message",
            Remedy(TOML, f'{socket.key} = "unix:/run/reply-milter/{socket.name}.sock"', f"[{socket.name}]"),
        )


def within_reach(place: Endpoint, client: Client) -> bool:
    """Return whether it is a unix socket inside the chroot of ``client``, if it has one; rights do not matter."""
    return bool(place.path) and (not client.queue_directory or inside(place.path, client.queue_directory))


def _reachable(socket: SocketFacts, file: FileFacts, client: Client) -> Iterator[Problem]:
    """Examine the folders above the socket, the chroot, and the socket itself, for Postfix's user."""
    name, path = client.account.name, socket.endpoint.path
    why = socket.without
    if not within_reach(socket.endpoint, client):
        there = f"{client.queue_directory}/reply-milter/{path.rpartition('/')[2]}"
        yield warning(
            "socket.chroot",
            f"{path} is not inside {client.queue_directory}",
            f"Debian's Postfix is chrooted there: {why}",
            Remedy(TOML, f'{socket.key} = "unix:{there}"', f"[{socket.name}]"),
        )
    closed = first_closed(client.account, socket.parents)
    if closed:
        yield error(
            "socket.unreachable",
            f"{closed.path}: the user {name} may not enter it",
            why,
            Remedy(SHELL, f"chgrp {name} {closed.path} && chmod g+x {closed.path}"),
        )
    elif file.there and not may(client.account, file, READ | WRITE):
        yield error(
            "socket.group",
            f"{path}: the user {name} may not connect (mode {file.mode:04o}, group {file.group})",
            why,
            Remedy(SHELL, _make(socket.parents[-1].path) + " && systemctl restart reply-milter"),
        )
    elif socket.refused:
        yield error("socket.unreachable", f"{path}: the user {name} cannot connect: {socket.refused}", why)


def _make(folder: str) -> str:
    return f"install -d -m 2750 -o reply-milter -g postfix {folder}"
