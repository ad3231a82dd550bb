"""A daemon's state folder: locked for as long as the daemon runs, and the embedded store in it."""

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from reply_milter.adapters.os.process_tree import Child, fork
from reply_milter.adapters.redis_store import embedded
from reply_milter.adapters.state_dir.lock import Holder, Patience, StateLockError, lock
from reply_milter.config import Config
from reply_milter.wiring.stores import open_store, wait_until_ready

log = logging.getLogger(__name__)

STORE = "redis-server"  # the embedded store, among the processes of a daemon

_DAEMON_SECONDS = 1.0  # another daemon may just be ending
_OTHERS_SECONDS = 60.0  # for a command that works on the store, and for what a killed daemon left behind
_STORE_READY_SECONDS = 5.0  # how long start-up waits for an embedded store; mail is answered 451 until then


class StartError(Exception):
    """The daemon can't run here and now; the message says what to do."""


def lock_state(folder: Path) -> int:
    """Make the folder and lock it; returns the descriptor that holds the lock. Its file then holds our process id.

    Raises:
        StartError: another daemon has it, somebody else does not let go of it, or it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return lock(folder, Patience(_DAEMON_SECONDS, _OTHERS_SECONDS, _tell), is_command=False)
    except StateLockError as error:
        raise StartError(f"state_dir: {error}{'; end it first' if error.holder else ''}") from error
    except OSError as error:
        raise StartError(f"state_dir: {folder}: {error.strerror}; make it, and give it to this user") from error


def _tell(holder: Holder) -> None:
    log.warning("waiting for %s to let go of state_dir", holder)


def store_children(config: Config, held: int, started: Callable[[int], None]) -> list[Child]:
    """The embedded store, started, where ``config`` wants one. It keeps the lock, ``held``, as long as it lives.

    ``started`` is told the process id of each that is started.

    Raises:
        StartError: there is no redis-server, or its folder can't be written.
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
