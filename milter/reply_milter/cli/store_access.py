"""Access to the store for commands, and their error if it does not answer."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import RedisRegistry
from reply_milter.adapters.state_dir.lock import as_owner
from reply_milter.adapters.state_dir.revocation_journal import NAME, JournalError, RevocationJournal
from reply_milter.cli.embedded_store import reachable_store
from reply_milter.cli.errors import CommandError
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.ports import StoreUnavailableError
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, open_registry

_LOST = "the revocation is in force, but cannot be restored if the store loses it"
_COMES_BACK = "the revocation is undone, but is restored if the store loses its data"
_KEPT_SECONDS = 7 * 86400  # beyond the longest validity: clocks differ


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """Settings and a store that answers. ``is_live``: a daemon uses it, as far as this host knows."""

    settings: Settings
    is_live: bool

    @property
    def registry(self) -> RedisRegistry:
        """The registry of users and revocations."""
        return open_registry(self.settings.config)

    @property
    def kept_until(self) -> int:
        """The time until which a revocation made now can matter, in Unix seconds."""
        return WallClock().now() + self.settings.config.handlers.longest_validity_days * 86400 + _KEPT_SECONDS

    @property
    def journal(self) -> RevocationJournal:
        """This host's journal of revocations."""
        return RevocationJournal(Path(self.settings.config.state_dir) / NAME)

    def put_on_record(self, what: What, **about: Any) -> None:
        """Write a revocation that is in the store, or its undoing, into this host's journal; warn if that fails."""
        config, now = self.settings.config, WallClock().now()
        folder = Path(config.state_dir)
        done = Revocation(config.realm, what, self.kept_until, **about)
        try:
            with as_owner(folder):
                self.journal.add(done, now)
        except (JournalError, OSError) as error:
            why = f"{folder}: {error.strerror}" if isinstance(error, OSError) else error
            lost = _COMES_BACK if done.undone else _LOST
            print(f"reply-milter: the journal of revocations cannot be written: {why}; {lost}", file=sys.stderr)


@contextmanager
def store_access(options: argparse.Namespace, changes: bool = False) -> Iterator[StoreAccess]:
    """Open the store of the settings; also an embedded one while the daemon is down.

    ``changes``: the command changes what a daemon uses, so it prints a warning if no daemon runs.

    Raises:
        CommandError: EX_TEMPFAIL, if the store gives no answer.
    """
    settings = load(options.config)
    try:
        with reachable_store(settings.config) as is_live:
            yield StoreAccess(settings, is_live)
    except StoreUnavailableError as error:
        known = (
            "the change may or may not have been made; run the command again"
            if error.in_doubt
            else "nothing was changed"
        )
        raise CommandError(os.EX_TEMPFAIL, f"the store gave no answer: {error}; {known}") from error
    if changes and not is_live:
        folder = settings.config.state_dir
        print(f"reply-milter: no daemon runs with {folder}: the change takes effect when one starts", file=sys.stderr)
