"""``revoke list``: what was revoked on this host, and whether the store has it in force."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.state_dir.revocation_journal import JournalError, RevocationJournal
from reply_milter.cli.errors import CommandError
from reply_milter.cli.kept_message import write_list
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.revoked_subject import members, reach_in_store, words
from reply_milter.cli.store_access import StoreAccess, store_access
from reply_milter.cli.times import moment
from reply_milter.core.encoding.plural import counted
from reply_milter.core.token.revocation import History, Revocation, What
from reply_milter.core.verdict.handler import Handlers
from reply_milter.wiring.stores import open_store

_NOTHING = "nothing is revoked, as far as this host's journal knows"
_LINE = "{:<22} {:<22} {}"


def add(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = "what was revoked on this host, one per line, in the words that `revoke undo` takes"
    parser = add_command(deeds, "list", _run, text)
    add_config(parser)
    add_json(parser)


@dataclass(frozen=True, slots=True)
class _Row:
    """One revocation. ``reach``: what the store has in force about it, 0 for nothing."""

    one: Revocation
    reach: int

    def line(self, handlers: Handlers) -> str:
        """Return its line."""
        before = "-" if self.one.what is What.TOKEN else moment(self.reach or self.one.before)
        lost = "" if self.reach else "   (not in the store: run revoke restore, or revoke undo)"
        return _LINE.format(moment(self.one.at), before, f"{words(self.one, handlers)}{lost}")

    def members(self, handlers: Handlers) -> dict[str, object]:
        """Return the members of its JSON object."""
        before = None if self.one.what is What.TOKEN else self.reach or self.one.before
        return {
            "what": self.one.what.value,
            **members(self.one, handlers),
            "before": before,
            "revoked_at": self.one.at or None,
            "kept_until": self.one.kept_until,
            "in_force": bool(self.reach),
        }


def _run(options: argparse.Namespace) -> int:
    with store_access(options) as access:
        known = history(access)
        rows, handlers = _rows(access, known), access.settings.config.handlers
    tell_unreadable(access.journal, known.broken)
    found = [row.members(handlers) for row in rows]
    return write_list(options, found, _lines(rows, handlers), _NOTHING)


def _lines(rows: Sequence[_Row], handlers: Handlers) -> Iterator[str]:
    if rows:
        yield _LINE.format("REVOKED", "MINTED BEFORE", "WHAT")
    yield from dict.fromkeys(row.line(handlers) for row in rows)  # a recipient has a pseudo-user under each key


def _rows(access: StoreAccess, known: History) -> list[_Row]:
    """Ask the store about each revocation of the journal, oldest first."""
    found = [one for one in known.in_force() if one.realm == access.settings.config.realm]
    store = open_store(access.settings.config)
    try:
        return [_Row(one, reach_in_store(one, store)) for one in sorted(found, key=lambda one: one.at)]
    finally:
        store.close()


def tell_unreadable(journal: RevocationJournal, lines: int) -> None:
    """Say on standard error how many lines of a journal were skipped; nothing for none."""
    if lines:
        print(f"reply-milter: {journal.path}: skipped {counted(lines, 'line')} that cannot be read", file=sys.stderr)


def history(access: StoreAccess) -> History:
    """Read this host's journal.

    Raises:
        CommandError: EX_NOINPUT: it can't be read.
    """
    try:
        return access.journal.history(WallClock().now())
    except JournalError as error:
        raise CommandError(os.EX_NOINPUT, str(error)) from error
