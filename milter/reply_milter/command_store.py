"""The store for a command: the daemon's while it runs, and an embedded one of its own making while it doesn't."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.adapters import embedded_redis
from reply_milter.adapters.process_tree import fork
from reply_milter.adapters.state_lock import StateLockError, lock
from reply_milter.app import open_store, wait_until_ready
from reply_milter.config import Config
from reply_milter.config.places import EMBEDDED
from reply_milter.ports import StoreUnavailableError

_READY_SECONDS = 10.0
_PATIENCE_SECONDS = 0.2


@contextmanager
def reachable_store(config: Config) -> Iterator[None]:
    """Make sure that the store answers, as long as the context lasts.

    Raises:
        StoreUnavailableError: it doesn't, and can't be started here.
    """
    if config.store_url != EMBEDDED or _answers(config):
        yield
        return
    try:
        held = lock(Path(config.state_dir), _PATIENCE_SECONDS)
    except StateLockError as error:
        if error.busy:  # a daemon has the folder, and its store is just starting, or slow
            yield
            return
        raise StoreUnavailableError("connection", str(error)) from error
    try:
        with _temporary_redis(config):
            yield
    finally:
        os.close(held)


@contextmanager
def _temporary_redis(config: Config) -> Iterator[None]:
    child = fork(lambda: _become_redis(config.state_dir))
    try:
        if not wait_until_ready(open_store(config), _READY_SECONDS):
            raise StoreUnavailableError(
                "connection", "the embedded store does not start: see redis.log in state_dir/redis"
            )
        yield
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def _become_redis(state_dir: str) -> None:
    """As the owner of the folder: files that root wrote would lock the daemon out."""
    owner = os.stat(state_dir)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    embedded_redis.become(embedded_redis.command(state_dir))


def _answers(config: Config) -> bool:
    store = open_store(config)
    try:
        store.ping()
    except StoreUnavailableError:
        return False
    finally:
        store.close()
    return True
