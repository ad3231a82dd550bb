"""A private redis-server for one machine: on a unix socket under the state folder, append-only, never evicting."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

_SETTINGS = """\
# Written by reply-milter at each start; changes here are lost.
port 0
unixsocket "{folder}/redis.sock"
unixsocketperm 600
dir "{folder}"
daemonize no
supervised no
loglevel notice
logfile "{folder}/redis.log"
databases 1
save ""
appendonly yes
appendfsync everysec
repl-diskless-sync-delay 0
maxmemory-policy noeviction
"""


_LOCK = 3  # the descriptor that a store inherits


class EmbeddedRedisError(Exception):
    """The embedded store cannot be started here; the message says what to do."""


def command(state_dir: str) -> list[str]:
    """Make the store's folder and settings; return the program and its arguments.

    Raises:
        EmbeddedRedisError: there is no redis-server on this machine, or the folder cannot be made.
    """
    server = program()
    if server is None:
        raise EmbeddedRedisError("no redis-server found: install it (Debian: redis-server), or use a Redis of your own")
    folder = Path(state_dir) / "redis"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        settings = folder / "redis.conf"
        settings.write_text(_SETTINGS.format(folder=_quoted(str(folder))))
    except OSError as error:
        raise EmbeddedRedisError(f"{error.filename or folder}: {error.strerror}") from error
    return [server, str(settings)]


def program() -> str | None:
    """Return the path of redis-server; None if it is not installed."""
    return shutil.which("redis-server", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")


def _quoted(text: str) -> str:
    """Escape ``text`` for double quotes in redis.conf."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def become(argv: list[str], lock: int) -> NoReturn:
    """Turn this process into the store. It keeps the ``lock`` on its folder: two stores would ruin the files.

    It keeps no other descriptor: the milter socket must not outlive its workers.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.dup2(lock, _LOCK)
    os.set_inheritable(_LOCK, True)  # dup2 changes nothing if the descriptor has that number already
    os.closerange(_LOCK + 1, 4096)
    os.execv(argv[0], argv)  # noqa: S606 # no shell, and a program and path of ours
