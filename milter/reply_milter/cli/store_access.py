"""How commands reach the store, and what they say when they can't."""

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

_KEPT_SECONDS = 7 * 86400  # beyond the longest validity: clocks differ


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """The settings, and their store, which answers. ``is_live``: a daemon works with it, as far as can be told here."""

    settings: Settings
    is_live: bool

    @property
    def registry(self) -> RedisRegistry:
        """What operators put on record."""
        return open_registry(self.settings.config)

    @property
    def kept_until(self) -> int:
        """Until when a revocation of now may matter, in Unix seconds."""
        return WallClock().now() + self.settings.config.handlers.longest_validity_days * 86400 + _KEPT_SECONDS

    def put_on_record(self, what: What, **about: Any) -> None:
        """Write a revocation that the store has taken into this host's journal, and say so if that can't be done."""
        config, now = self.settings.config, WallClock().now()
        folder = Path(config.state_dir)
        try:
            with as_owner(folder):
                done = Revocation(config.realm, what, self.kept_until, **about)
                RevocationJournal(folder / NAME).add(done, now)
        except (JournalError, OSError) as error:
            told = f"{folder}: {error.strerror}" if isinstance(error, OSError) else error
            lost = "it is in force, but can't be put back if the store loses it"
            print(f"reply-milter: not in the journal of revocations: {told}; {lost}", file=sys.stderr)


@contextmanager
def store_access(options: argparse.Namespace, changes: bool = False) -> Iterator[StoreAccess]:
    """The store of the settings; an embedded one also while the daemon is down.

    ``changes``: what is written matters to a daemon, so it is told if there is none.

    Raises:
        CommandError: EX_TEMPFAIL, if the store gives no answer.
    """
    settings = load(options.config)
    try:
        with reachable_store(settings.config) as is_live:
            yield StoreAccess(settings, is_live)
    except StoreUnavailableError as error:
        known = "it is not known whether the change was made: run it again" if error.in_doubt else "nothing was changed"
        raise CommandError(os.EX_TEMPFAIL, f"the store gave no answer: {error}; {known}") from error
    if changes and not is_live:
        folder = settings.config.state_dir
        print(f"reply-milter: no daemon runs with {folder}: that takes effect when one starts there", file=sys.stderr)
