"""A daemon's state folder: locked for as long as the daemon runs, and the embedded store in it."""

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from reply_milter.adapters.os.file_facts import facts, owner
from reply_milter.adapters.os.process_tree import Child, fork
from reply_milter.adapters.redis_store import embedded
from reply_milter.adapters.state_dir.deliveries import RecordDamagedError, RecordError, open_database
from reply_milter.adapters.state_dir.lock import Holder, Patience, StateLockError, lock
from reply_milter.adapters.state_dir.rights import unusable
from reply_milter.config import Config
from reply_milter.wiring.stores import open_store, wait_until_ready

log = logging.getLogger(__name__)

STORE = "redis-server"  # the name of the embedded store in the process table

_DAEMON_SECONDS = 1.0  # another daemon may be about to end
_OTHERS_SECONDS = 60.0  # for a command that uses the store, and for processes that a killed daemon left behind
_STORE_READY_SECONDS = 5.0  # how long the start waits for an embedded store; until it answers, replies get 451


class StartError(Exception):
    """It cannot start; the message says what to do. ``status``: EX_CONFIG of sysexits.h if a retry is useless."""

    def __init__(self, message: str, status: int = os.EX_UNAVAILABLE) -> None:
        super().__init__(message)
        self.status = status


def lock_state(folder: Path) -> int:
    """Make the folder, lock it, write our process id into the lock file, and return the descriptor of the lock.

    Raises:
        StartError: another daemon has it, another process keeps it for too long, the folder cannot be made, or this
            user may not use what is in it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_rights(folder)
        return lock(folder, Patience(_DAEMON_SECONDS, _OTHERS_SECONDS, _log_wait), is_command=False)
    except StateLockError as error:
        raise StartError(f"state_dir: {error}{'; stop it first' if error.holder else ''}") from error
    except OSError as error:
        raise StartError(f"state_dir: {folder}: {error.strerror}; make it, and give it to this user") from error


def _check_rights(folder: Path) -> None:
    closed = unusable(folder)
    if closed:
        user = owner(os.geteuid()).name
        more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        raise StartError(
            f"state_dir: the user {user} may not use {closed[0]} (owner {facts(str(closed[0])).owner_name}){more}: "
            f"chown -R {user}: {folder}",
            os.EX_CONFIG,
        )


def check_record(config: Config) -> None:
    """Check that the hook can use the record of deliveries, if there is a hook.

    A record that can't be used for the moment, such as on a full disk, is left to the hook's process, which retries.

    Raises:
        StartError: it is damaged, or of a later version.
    """
    if config.delivery is None:
        return
    try:
        open_database(config.state_dir)
    except RecordDamagedError as error:
        raise StartError(f"state_dir: {error}", os.EX_CONFIG) from error
    except RecordError as error:
        log.error("the record of deliveries can't be used yet: %s", error)


def _log_wait(holder: Holder) -> None:
    log.warning("waiting for %s to release state_dir", holder)


def store_children(config: Config, held: int, started: Callable[[int], None]) -> list[Child]:
    """Start the embedded store, if ``config`` asks for one; it keeps the lock, ``held``, as long as it lives.

    ``started`` is called with the process id at each start.

    Raises:
        StartError: there is no redis-server, or its folder cannot be written.
    """
    if not config.store.is_embedded:
        return []
    try:
        argv = embedded.command(config.state_dir)
    except embedded.EmbeddedRedisError as error:
        raise StartError(f"store.url: {error}") from error

    def start() -> int:
        pid = fork(lambda: embedded.become(argv, held))
        started(pid)
        return pid

    child = Child(STORE, start, lambda pid: os.kill(pid, signal.SIGTERM), rank=0)
    child.pid, child.started = start(), time.monotonic()
    wait_until_ready(open_store(config), _STORE_READY_SECONDS)
    return [child]
