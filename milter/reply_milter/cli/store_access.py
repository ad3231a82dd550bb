"""How commands reach the store, and what they say when they can't."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from reply_milter.app import load
from reply_milter.cli.errors import CommandError
from reply_milter.command_store import reachable_store
from reply_milter.ports import StoreUnavailableError
from reply_milter.settings import Settings


@contextmanager
def settings_with_store(options: argparse.Namespace) -> Iterator[Settings]:
    """The settings, while their store answers; an embedded one also while the daemon is down.

    Raises:
        CommandError: EX_TEMPFAIL, if the store gives no answer.
    """
    settings = load(options.config)
    try:
        with reachable_store(settings.config):
            yield settings
    except StoreUnavailableError as error:
        raise CommandError(os.EX_TEMPFAIL, f"the store gave no answer: {error}; nothing was changed") from error
