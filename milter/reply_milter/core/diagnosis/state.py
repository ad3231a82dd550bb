"""The state folder: the record of accepted replies is there, and this host's revocations."""

from collections.abc import Iterator
from dataclasses import dataclass

from reply_milter.core.diagnosis.files import (
    READ,
    SEARCH,
    WRITE,
    Account,
    FileFacts,
    Kind,
    first_closed,
    may,
    replaceable_by_others,
    trusted_with,
    words_closed,
    words_replaceable,
)
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, error, hidden, warning
from reply_milter.core.encoding.plural import counted

_MEBIBYTE = 1 << 20
_CLOSED = "the daemon doesn't start without it: it would not know which addresses are revoked, and which replies came"
_FREE_OCTETS_LEAST, _FREE_OCTETS_LOW = 64 * _MEBIBYTE, 512 * _MEBIBYTE


@dataclass(frozen=True, slots=True)
class StateFacts:
    """``free_octets`` and ``total_octets`` of its file system. ``others``: what in it is not the daemon's own."""

    folder: FileFacts
    parents: tuple[FileFacts, ...]
    free_octets: int = 0
    total_octets: int = 0
    others: tuple[FileFacts, ...] = ()


def examine(state: StateFacts, account: Account | None) -> Iterator[Problem]:
    """Examine it; ``account`` is the daemon's, if known."""
    folder = state.folder
    if folder.kind is Kind.HIDDEN:
        yield hidden("state", folder.path)
        return
    if folder.kind is not Kind.FOLDER:
        yield error(
            "state.missing",
            f"{folder.path}: there is no such folder",
            "the daemon can't start",
            Remedy(SHELL, f"install -d -m 0700 -o reply-milter -g reply-milter {folder.path}"),
        )
        return
    yield from _rights(state, account)
    if account is not None and account.user != 0:
        yield from _owners(state, account)
    yield from _space(state)


def _rights(state: StateFacts, account: Account | None) -> Iterator[Problem]:
    """Examine whether the daemon may write there, and only the daemon."""
    folder = state.folder
    trusted = trusted_with(account)
    if replaceable_by_others(folder, trusted):
        yield error(
            "state.mode",
            words_replaceable(folder),
            "they can replace the embedded store, so that accepted replies can be replayed",
            Remedy(
                SHELL, f"chown {account.name if account else 'reply-milter'} {folder.path} && chmod 0700 {folder.path}"
            ),
        )
    if account and not may(account, folder, WRITE | SEARCH):
        yield error(
            "state.owner",
            f"{folder.path}: the daemon's user {account.name} may not write there (owner {folder.owner_name})",
            "the daemon can't start",
            Remedy(SHELL, f"chown -R {account.name} {folder.path}"),
        )
    closed = first_closed(account, state.parents) if account else None
    if account and closed:
        yield error(
            "state.unreachable",
            words_closed(closed, account),
            f"it cannot reach {folder.path}",
            Remedy(SHELL, f"chmod o+x {closed.path}"),
        )


def _owners(state: StateFacts, account: Account) -> Iterator[Problem]:
    """Examine what in it belongs to others: a purge, a restored backup or a program run as root leaves such files."""
    closed = [file for file in state.others if not may(account, file, READ | WRITE)]
    found = closed or state.others
    if not found:
        return
    severity, why = (error, _CLOSED) if closed else (warning, "another user can change what the daemon relies on")
    more = f", and {counted(len(found) - 1, 'other')} there" if len(found) > 1 else ""
    yield severity(
        "state.foreign",
        f"{found[0].path}{more}: belongs to {found[0].owner_name}, not to the daemon's user {account.name}",
        why,
        Remedy(SHELL, f"chown -R {account.name}: {state.folder.path}"),
    )


def damaged(what: str) -> Problem:
    """Return the problem that the marks, by which a loss of data shows, make no sense."""
    why = "whether the store lost revocations can't be known: at its next start, the daemon restores them"
    return error("state.damaged", what, why)


def _space(state: StateFacts) -> Iterator[Problem]:
    free = f"{state.folder.path}: {state.free_octets // _MEBIBYTE} MiB are free"
    why = "replies are deferred when the store cannot write any more"
    if state.free_octets < _FREE_OCTETS_LEAST:
        yield error("state.full", free, why)
    elif state.free_octets < min(_FREE_OCTETS_LOW, state.total_octets // 20):
        yield warning("state.full", free, why)
