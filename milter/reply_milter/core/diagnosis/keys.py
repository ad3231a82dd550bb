"""Master and seal keys: who can read them, who could replace them, and which are due for rotation."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

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
from reply_milter.core.token.key_rotation import last_expiry
from reply_milter.core.token.keyring import KeyState, MasterKey

_MORE_THAN_GROUP_READ = 0o037
_GROUP_OR_OTHERS = 0o077
_SOON_SECONDS = 14 * 86400


@dataclass(frozen=True, slots=True)
class KeyFile:
    """``parents``: the folders above it, from the root down. ``problems``: why its text cannot be used."""

    facts: FileFacts
    parents: tuple[FileFacts, ...]
    problems: tuple[str, ...] = ()
    shared: bool = False  # a seal key or an application's secret: a group may read it
    allows: str = ""  # what its reader can do, if it is not one of our own keys
    stops: bool = True  # the daemon's start, if it is missing or open to others


def examine_file(file: KeyFile, daemon: Account | None) -> Iterator[Problem]:
    """Examine one key file; ``daemon`` is the user that must read it, if known."""
    facts = file.facts
    if facts.kind is Kind.HIDDEN:
        yield hidden("keys", facts.path)
        return
    if facts.kind is not Kind.FILE:
        effect = "the daemon cannot start without its keys" if file.stops else "what needs it waits until it is there"
        yield error("keys.missing", f"{facts.path}: there is no such file", effect)
        return
    for problem in file.problems:
        yield error("keys.unusable", problem, "the daemon can't start, or keeps its old keys at a reload")
    yield from _mode(file)
    yield from _owner(file, daemon)
    yield from _folders(file, daemon)


def _mode(file: KeyFile) -> Iterator[Problem]:
    facts = file.facts
    if facts.mode & (_MORE_THAN_GROUP_READ if file.shared else _GROUP_OR_OTHERS):
        whose = file.allows or "sealing verdicts" if file.shared else "minting addresses in any user's name"
        refused = "; the daemon does not start with this mode" if file.stops else ""
        yield error(
            "keys.mode",
            f"{facts.path}: mode {facts.mode:04o} gives other users access",
            f"a user who reads it is capable of {whose}{refused}",
            Remedy(SHELL, f"chmod 0{'640' if file.shared else '600'} {facts.path}"),
        )


def _owner(file: KeyFile, daemon: Account | None) -> Iterator[Problem]:
    facts = file.facts
    if daemon is None:
        return
    if facts.owner not in (0, daemon.user):
        yield error(
            "keys.owner",
            f"{facts.path}: belongs to {facts.owner_name}",
            f"a user that is neither root nor the daemon's ({daemon.name}) can read and change it",
            Remedy(SHELL, f"chown {daemon.name} {facts.path}"),
        )
    elif not may(daemon, facts, READ):
        yield error(
            "keys.unreadable",
            f"{facts.path}: the daemon's user {daemon.name} may not read it",
            "the daemon can't start",
            Remedy(SHELL, f"chown {daemon.name} {facts.path}"),
        )


def _folders(file: KeyFile, daemon: Account | None) -> Iterator[Problem]:
    trusted = trusted_with(daemon)
    for folder in file.parents:
        if folder.there and replaceable_by_others(folder, trusted):
            remedy = f"chmod go-w {folder.path}" if folder.owner in trusted else f"chown root {folder.path}"
            yield error(
                "keys.folder",
                words_replaceable(folder),
                f"they can replace {file.facts.path}",
                Remedy(SHELL, remedy),
            )
    closed = first_closed(daemon, file.parents) if daemon else None
    if daemon and closed:
        yield error(
            "keys.unreachable",
            words_closed(closed, daemon),
            f"it cannot read {file.facts.path}, and does not start",
            Remedy(SHELL, f"chgrp {daemon.name} {closed.path} && chmod g+x {closed.path}"),
        )


def examine_rotation(keys: Iterable[MasterKey], now: int, longest_validity_days: int) -> Iterator[Problem]:
    """Examine which keys can be retired, and which were retired too early. ``now`` in Unix seconds."""
    for key in keys:
        expiry = last_expiry(key, now, longest_validity_days, was_used=False)
        end = expiry.at
        if key.state is KeyState.ACTIVE or end is None or not expiry.known:
            continue
        day = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d")
        if key.state is KeyState.RETIRED and end > now:
            yield note(
                "keys.retired_early",
                f"key {key.id} is retired, but addresses that it minted are valid until {day}",
                "replies to them are refused as forged: right if the key was stolen, otherwise a mistake",
            )
        elif key.state is KeyState.VERIFY and end <= now:
            yield warning(
                "keys.retire",
                f"key {key.id} still verifies, but its last address expired on {day}",
                "a key that is no longer needed can still be stolen",
                Remedy(SHELL, f"reply-milter keys retire {key.id}"),
            )
        elif key.state is KeyState.VERIFY and end <= now + _SOON_SECONDS:
            yield note(
                "keys.retire_soon",
                f"key {key.id} can be retired after {day}, when its last address expires",
                "until then it verifies replies",
            )
