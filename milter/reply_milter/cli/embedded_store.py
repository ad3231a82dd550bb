"""The store for a command: the daemon's while it runs; else the command starts an embedded one."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter.adapters.os.process_tree import die_with_parent, fork
from reply_milter.adapters.redis_store import embedded
from reply_milter.adapters.state_dir.lock import Patience, StateLockError, as_owner, lock
from reply_milter.config import Config
from reply_milter.ports import StoreUnavailableError
from reply_milter.wiring.stores import open_store, wait_until_ready

_READY_SECONDS = 30.0
_DAEMON_READY_SECONDS = 2.0  # its store may be starting
_AT_ONCE = Patience(for_daemon=0.0, for_others=0.2)  # long enough for a new holder to write its name into the file
_IN_TURN = Patience(for_daemon=0.0, for_others=60.0)


@contextmanager
def reachable_store(config: Config) -> Iterator[bool]:
    """Keep the store available in the context. Yields False if no daemon uses it.

    Raises:
        StoreUnavailableError: it is unavailable, and can't be started here.
    """
    held = _lock(config) if config.store.is_embedded else None
    if held is None:
        yield True
        return
    try:
        with _temporary_redis(config, held):
            yield False
    finally:
        os.ftruncate(held, 0)
        os.close(held)


def _lock(config: Config) -> int | None:
    """Wait for the lock on the store's folder; return None while a daemon holds it.

    Another command's store is never used: it ends with that command.
    """
    folder = Path(config.state_dir)
    try:
        return lock(folder, _AT_ONCE, is_command=True)
    except StateLockError as error:
        if error.holder is None:
            raise StoreUnavailableError("connection", str(error)) from error
        others = error.holder.is_command
        if not others and (wait_until_ready(open_store(config), _DAEMON_READY_SECONDS) or error.holder.is_daemon):
            return None
    try:
        return lock(folder, _IN_TURN, is_command=True)
    except StateLockError as error:
        raise StoreUnavailableError("connection", f"{error}; run this again when that has ended") from error


@contextmanager
def _temporary_redis(config: Config, held: int) -> Iterator[None]:
    """Run a store that ends with this process and keeps the lock as long as it runs."""
    folder = Path(config.state_dir)
    try:
        with as_owner(folder):
            argv = embedded.command(config.state_dir)
    except embedded.EmbeddedRedisError as error:
        raise StoreUnavailableError("connection", str(error)) from error
    parent = os.getpid()
    child = fork(lambda: _become_redis(folder, argv, held, parent))
    try:
        if not wait_until_ready(open_store(config), _READY_SECONDS, lambda: not _has_ended(child)):
            raise StoreUnavailableError(
                "connection", f"the embedded store does not start: see {folder}/redis/redis.log"
            )
        yield
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def _become_redis(folder: Path, argv: list[str], held: int, parent: int) -> None:
    """Run as the owner of the folder: the daemon could not open files that root wrote."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
        die_with_parent(parent)()  # the kernel clears the death signal when a process changes its user
    embedded.become(argv, held)


def _has_ended(child: int) -> bool:
    """Return whether a child has ended, without reaping it."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
