"""Sockets that the MTA connects to: whether we answer there, and whether a chrooted Postfix can get there."""

from collections.abc import Iterator
from dataclasses import dataclass

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.files import READ, WRITE, Account, FileFacts, Kind, first_closed, inside, may
from reply_milter.core.diagnosis.problem import SHELL, TOML, Problem, Remedy, error, warning

HOOK = "delivery"  # the table of the one that speaks LMTP, and is named by another key
_OTHERS_WRITE = 0o002


@dataclass(frozen=True, slots=True)
class SocketFacts:
    """``name``: of the configuration's table. ``answers``: one of ours spoke. Files only for unix sockets.

    ``refused``: why Postfix's user could not connect, where that was tried; empty if it could, or wasn't.
    """

    name: str
    endpoint: Endpoint
    answers: bool
    file: FileFacts | None = None
    parents: tuple[FileFacts, ...] = ()
    refused: str = ""

    @property
    def key(self) -> str:
        """What names the place in its table."""
        return "listen" if self.name == HOOK else "socket"

    @property
    def without(self) -> str:
        """What Postfix does where it can't connect."""
        if self.name == HOOK:
            return "its lmtp gets no answer, and accepted replies wait in its queue"
        return "its smtpd gets no answer, and does what default_action says"


@dataclass(frozen=True, slots=True)
class Client:
    """Postfix as it connects: its user, and its queue directory, into which its daemons are chrooted on Debian."""

    account: Account
    queue_directory: str = ""


def examine(socket: SocketFacts, client: Client | None, daemon_runs: bool) -> Iterator[Problem]:
    """One socket. ``client``: None where no Postfix is known."""
    key, place = f"{socket.name}.{socket.key}", socket.endpoint
    if not place.local_only:
        yield warning(
            "socket.open",
            f"{key} is {place}: other hosts can connect",
            "whoever connects plays the MTA, and may claim to be any client",
            Remedy(TOML, f'{socket.key} = "inet:{place.port}@127.0.0.1"', f"[{socket.name}]"),
        )
    if daemon_runs and not socket.answers:
        yield error(
            "socket.silent",
            f"{key}: nobody answers on {place}",
            "what should be taken there is deferred",
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
            "whoever connects plays the MTA",
            Remedy(TOML, 'socket_mode = "0660"', f"[{socket.name}]"),
        )
    if client is not None:
        yield from _reachable(socket, socket.file, client)


def within_reach(place: Endpoint, client: Client) -> bool:
    """Whether there is a unix socket that ``client`` has a path to, be it open or closed."""
    return bool(place.path) and (not client.queue_directory or inside(place.path, client.queue_directory))


def _reachable(socket: SocketFacts, file: FileFacts, client: Client) -> Iterator[Problem]:
    """The folders above the socket, the chroot, and the socket itself, for Postfix's user."""
    name, path = client.account.name, socket.endpoint.path
    why = socket.without
    if not within_reach(socket.endpoint, client):
        there = f"{client.queue_directory}/reply-milter/{path.rpartition('/')[2]}"
        yield warning(
            "socket.chroot",
            f"{path} is not inside {client.queue_directory}",
            f"Debian's Postfix connects from there: {why}",
            Remedy(TOML, f'{socket.key} = "unix:{there}"', f"[{socket.name}]"),
        )
    closed = first_closed(client.account, socket.parents)
    if closed:
        yield error(
            "socket.unreachable",
            f"{closed.path}: the user {name} can't go through it",
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
        yield error("socket.unreachable", f"{path}: as the user {name}, connecting fails: {socket.refused}", why)


def _make(folder: str) -> str:
    return f"install -d -m 2750 -o reply-milter -g postfix {folder}"
