"""The state folder: what has been taken is remembered there."""

from collections.abc import Iterator
from dataclasses import dataclass

from reply_milter.core.diagnosis.files import (
    SEARCH,
    WRITE,
    Account,
    FileFacts,
    Kind,
    first_closed,
    may,
    replaceable_by_others,
)
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, error, hidden, warning

_MEBIBYTE = 1 << 20
_FREE_OCTETS_LEAST, _FREE_OCTETS_LOW = 64 * _MEBIBYTE, 512 * _MEBIBYTE


@dataclass(frozen=True, slots=True)
class StateFacts:
    """``free_octets`` of its file system, ``total_octets`` at all."""

    folder: FileFacts
    parents: tuple[FileFacts, ...]
    free_octets: int = 0
    total_octets: int = 0


def examine(state: StateFacts, account: Account | None) -> Iterator[Problem]:
    """All about it; ``account`` is the daemon's, if that is known."""
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
    yield from _space(state)


def _rights(state: StateFacts, account: Account | None) -> Iterator[Problem]:
    """The daemon's to write, and nobody else's."""
    folder = state.folder
    trusted = frozenset({0} if account is None else {0, account.user})
    if replaceable_by_others(folder, trusted):
        yield error(
            "state.mode",
            f"{folder.path}: others may write there (owner {folder.owner_name}, mode {folder.mode:04o})",
            "they can put another store in the place of the embedded one, and have everything forgotten",
            Remedy(
                SHELL, f"chown {account.name if account else 'reply-milter'} {folder.path} && chmod 0700 {folder.path}"
            ),
        )
    if account and not may(account, folder, WRITE | SEARCH):
        yield error(
            "state.owner",
            f"{folder.path}: the daemon's user {account.name} can't write there (owner {folder.owner_name})",
            "the daemon can't start",
            Remedy(SHELL, f"chown -R {account.name} {folder.path}"),
        )
    closed = first_closed(account, state.parents) if account else None
    if account and closed:
        yield error(
            "state.unreachable",
            f"{closed.path}: the daemon's user {account.name} can't go through it",
            f"it can't reach {folder.path}",
            Remedy(SHELL, f"chmod o+x {closed.path}"),
        )


def _space(state: StateFacts) -> Iterator[Problem]:
    free = f"{state.folder.path}: {state.free_octets // _MEBIBYTE} MiB are free"
    why = "a store that can't write takes no replies: they are deferred"
    if state.free_octets < _FREE_OCTETS_LEAST:
        yield error("state.full", free, why)
    elif state.free_octets < min(_FREE_OCTETS_LOW, state.total_octets // 20):
        yield warning("state.full", free, why)
