"""The sources of users by which native addresses are verified: who can read and change them, and what they say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reply_milter.core.diagnosis.files import (
    READ,
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
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, error, hidden, note, warning
from reply_milter.core.encoding.plural import counted

OLD_SECONDS: Final = 3 * 86400  # as for the alert
_BY_OTHERS: Final = 0o007
_WRITE_BY_GROUP: Final = 0o020
_DEFERRED: Final = "replies to the application's own addresses are deferred (451)"
_SECRETS: Final = "whoever has a user's secret can make genuine addresses, and answer in that user's name"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a source says: how many users and data keys, both None for a database; why it is unusable, in words.

    ``unbound``: users of the file who are not disabled and have no address. ``tells_addresses``: the query to a
    database returns such a column.
    """

    users: int | None = None
    data_keys: int | None = None
    problems: tuple[str, ...] = ()
    unbound: int = 0
    tells_addresses: bool = True


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The source of the handler called ``handler``. ``parents``: the folders above it, from the root down.

    ``binds``: the handler has ``bind_sender``, so that only addresses of the user may answer.
    """

    handler: str
    file: FileFacts
    parents: tuple[FileFacts, ...]
    survey: Survey
    binds: bool = True

    @property
    def is_database(self) -> bool:
        """Whether it is asked with a query; else it is a file of JSON lines."""
        return self.survey.users is None


def examine(source: SourceFacts, daemon: Account | None, now: int) -> Iterator[Problem]:
    """Examine one source. ``daemon``: the user that must read it, if known; ``now`` in Unix seconds."""
    file = source.file
    if file.kind is Kind.HIDDEN:
        yield hidden("native", file.path)
        return
    if file.kind is not Kind.FILE:
        yield error("native.missing", f"handler {source.handler}: {file.path}: there is no such file", _DEFERRED)
        return
    for problem in source.survey.problems:
        yield error("native.unusable", f"handler {source.handler}: {file.path}: {problem}", _DEFERRED)
    yield from _mode(source)
    yield from _owner(source, daemon)
    yield from _folders(source, daemon)
    if not source.survey.problems:
        yield from _addresses(source)
        yield from _content(source, now)


def _mode(source: SourceFacts) -> Iterator[Problem]:
    file, mode = source.file, f"mode {source.file.mode:04o}"
    if file.mode & _BY_OTHERS:
        remedy = Remedy(SHELL, f"chmod o-rwx {file.path}")
        yield error("native.mode", f"{file.path}: {mode} gives every user of this host access", _SECRETS, remedy)
    if file.mode & _WRITE_BY_GROUP and not source.is_database:
        remedy = Remedy(SHELL, f"chmod g-w {file.path}")
        yield error("native.mode", f"{file.path}: {mode} lets a group write it", _SECRETS, remedy)


def _owner(source: SourceFacts, daemon: Account | None) -> Iterator[Problem]:
    file = source.file
    if daemon is None:
        return
    if file.owner not in trusted_with(daemon):
        yield note(
            "native.owner",
            f"{file.path}: belongs to {file.owner_name}",
            "that user can make any address genuine: right if the application itself runs as that user",
        )
    if not may(daemon, file, READ):
        yield error(
            "native.unreadable",
            f"{file.path}: the daemon's user {daemon.name} may not read it",
            _DEFERRED,
            Remedy(SHELL, f"chgrp {daemon.name} {file.path} && chmod g+r {file.path}"),
        )


def _folders(source: SourceFacts, daemon: Account | None) -> Iterator[Problem]:
    trusted = trusted_with(daemon) | {source.file.owner}
    for folder in source.parents:
        if folder.there and replaceable_by_others(folder, trusted):
            remedy = f"chmod go-w {folder.path}" if folder.owner in trusted else f"chown root {folder.path}"
            why = f"they can replace {source.file.path}"
            yield error("native.folder", words_replaceable(folder), why, Remedy(SHELL, remedy))
    closed = first_closed(daemon, source.parents) if daemon else None
    if daemon and closed:
        remedy = f"chgrp {daemon.name} {closed.path} && chmod g+x {closed.path}"
        yield error("native.unreachable", words_closed(closed, daemon), _DEFERRED, Remedy(SHELL, remedy))


def _addresses(source: SourceFacts) -> Iterator[Problem]:
    """Examine whether authors can be compared with anything where the handler says that they are."""
    survey, missing = source.survey, ""
    if survey.unbound:
        missing = f"names no address of {counted(survey.unbound, 'user')} of {survey.users}"
    if not survey.tells_addresses:
        missing = "the query returns no column address"
    if source.binds and missing:
        yield warning(
            "native.addresses",
            f"handler {source.handler}: {source.file.path}: {missing}",
            "anybody who gets to know such a user's native address can answer in that name, although bind_sender is on",
        )


def _content(source: SourceFacts, now: int) -> Iterator[Problem]:
    if source.is_database:
        return
    file, survey = source.file, source.survey
    if now - file.modified > OLD_SECONDS:
        days = (now - file.modified) // 86400
        yield warning(
            "native.old",
            f"{file.path}: changed {counted(days, 'day')} ago",
            "new users are refused as forged, and disabled ones are still accepted: has the export stopped?",
        )
    if not survey.users:
        yield warning(
            "native.empty", f"{file.path}: names no user", "every reply to a native address is refused as forged"
        )
        return
    changed = datetime.fromtimestamp(file.modified, UTC).strftime("%Y-%m-%d %H:%M UTC")
    keys = f", {counted(survey.data_keys, 'data key')}" if survey.data_keys else ""
    what = f"handler {source.handler}: {file.path}: {counted(survey.users, 'user')}{keys}, changed {changed}"
    yield note("native.users", what, "the application's own addresses are verified with their secrets")
