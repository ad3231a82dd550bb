"""The daemon: locks its state, opens its socket, and runs its processes until it is told to end."""

import grp
import logging
import mmap
import os
import resource
import secrets
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from reply_milter import __version__
from reply_milter.adapters import embedded_redis, libmilter, socket_file, telemetry
from reply_milter.adapters.orders import OrderLine
from reply_milter.adapters.process_tree import Child, ProcessTree, fork, stay_on_one_cpu
from reply_milter.adapters.state_lock import StateLockError, lock
from reply_milter.app import load, open_store, wait_until_ready
from reply_milter.config import ConfigError
from reply_milter.config.places import EMBEDDED, MilterSocket
from reply_milter.core.throttle import TABLE_OCTETS, GuessTable
from reply_milter.settings import FIXED, Settings
from reply_milter.signer import Signer
from reply_milter.verifier import Verifier
from reply_milter.worker import Shared, Trade, Worker

log = logging.getLogger(__name__)

_GRACE_SECONDS = 1.5  # for the whole tree to end in good order; what is left then is killed
_TRADES: dict[str, Callable[[Settings, Shared, str], Trade]] = {"verify": Verifier, "sign": Signer}
_LOCK_SECONDS = 1.0  # processes of an instance that was killed may take a moment to follow it
_STORE_READY_SECONDS = 5.0  # how long start-up waits for an embedded store; mail is answered 451 until then


class StartError(Exception):
    """The daemon can't run here and now; the message says what to do."""


class Daemon:
    """The process tree of one installation: an embedded store where wanted, workers, and a metrics server."""

    def __init__(self, config_path: str) -> None:
        self._path = os.path.abspath(config_path)
        self._settings = load(self._path)
        config = self._settings.config
        self._state = Path(config.state_dir)
        guesses = GuessTable(memoryview(mmap.mmap(-1, TABLE_OCTETS)), secrets.token_bytes(16))
        self._shared = Shared(guesses, str(self._state / "metrics"))
        self._places = {name: place for name in _TRADES if (place := getattr(config, name)) is not None}
        self._listening: dict[str, socket.socket] = {}
        self._orders: dict[str, OrderLine] = {}
        self._lock = -1
        self._metrics: telemetry.SupervisorMetrics

    def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            StartError: locked by another instance, no place for the socket, a port in use, no redis-server.
        """
        config = self._settings.config
        telemetry.log_to_stderr(config.log_json, config.log_level)
        for warning in config.warnings:
            log.warning("%s: %s", self._path, warning)
        _raise_descriptor_limit()
        self._lock_state()
        telemetry.prepare(self._shared.metrics_folder)
        self._metrics = telemetry.SupervisorMetrics(self._shared.metrics_folder, __version__)
        children = self._store_children() + self._worker_children() + self._metrics_children()
        try:
            for name, place in self._places.items():
                self._listening[name] = _open_socket(name, place)
                log.info("%s: listening on %s", name, place.socket)
            log.info("store %s", _without_password(config.store_url))
            ProcessTree(children, self._reload, _GRACE_SECONDS).run()
        finally:
            for name in self._listening:
                if self._places[name].socket.path:
                    with suppress(FileNotFoundError):
                        os.unlink(self._places[name].socket.path)

    def _lock_state(self) -> None:
        try:
            self._lock = lock(self._state, _LOCK_SECONDS)
        except StateLockError as error:
            raise StartError(f"state_dir: {error}") from error

    def _store_children(self) -> list[Child]:
        if self._settings.config.store_url != EMBEDDED:
            return []
        try:
            argv = embedded_redis.command(str(self._state))
        except embedded_redis.EmbeddedRedisError as error:
            raise StartError(f"store.url: {error}") from error

        def start() -> int:
            return fork(lambda: embedded_redis.become(argv))

        child = Child("redis-server", start, lambda pid: os.kill(pid, signal.SIGTERM), rank=0)
        child.pid, child.started = start(), time.monotonic()
        wait_until_ready(open_store(self._settings.config), _STORE_READY_SECONDS)
        return [child]

    def _worker_children(self) -> list[Child]:
        slots = [
            (name, f"{name}{number}")
            for name, place in self._places.items()
            for number in range(place.workers or os.cpu_count() or 1)
        ]
        return [self._worker_child(name, slot, cpu) for cpu, (name, slot) in enumerate(slots)]

    def _worker_child(self, name: str, slot: str, cpu: int) -> Child:
        return Child(
            f"worker {slot}", lambda: self._fork_worker(name, slot, cpu), lambda _pid: self._orders[slot].end()
        )

    def _fork_worker(self, name: str, slot: str, cpu: int) -> int:
        orders = OrderLine()

        def run() -> None:
            os.close(self._lock)
            for line in self._orders.values():
                line.close()
            orders.take_over()
            stay_on_one_cpu(cpu)
            trade = _TRADES[name](self._settings, self._shared, slot)
            Worker(self._settings, trade, self._listening[name], orders).run()

        pid = fork(run)
        orders.release()
        if slot in self._orders:
            self._orders[slot].close()
        self._orders[slot] = orders
        return pid

    def _metrics_children(self) -> list[Child]:
        host, port = self._settings.config.metrics_host, self._settings.config.metrics_port
        if not port:
            return []
        _check_free(host, port)

        def run() -> None:
            os.close(self._lock)
            telemetry.serve_metrics(self._shared.metrics_folder, host, port)
            telemetry.wait_for_ever()

        return [Child("metrics", lambda: fork(run), lambda pid: os.kill(pid, signal.SIGKILL))]

    def _reload(self) -> None:
        """Check the files here first: a bad one is told once, and no worker sees it."""
        try:
            new = load(self._path)
        except ConfigError as error:
            log.error("not reloaded, the old settings stay: %s", "; ".join(error.problems))
            self._metrics.reloaded(False)
            return
        except Exception:
            log.exception("not reloaded, the old settings stay")
            self._metrics.reloaded(False)
            return
        self._metrics.reloaded(True)
        old = self._settings.config
        for name in FIXED:
            if getattr(new.config, name) != getattr(old, name):
                log.warning("%s changed: that takes a restart", name)
        self._settings = new.in_place_of(self._settings)  # also for workers that are forked from now on
        telemetry.log_to_stderr(new.config.log_json, new.config.log_level)
        for slot, line in self._orders.items():
            if not line.settle(new.packed()):
                log.warning("worker %s is not there to reload: it gets the settings when it starts again", slot)


def _open_socket(name: str, place: MilterSocket) -> socket.socket:
    """Listen where the milter called ``name`` is to be, and let the MTA in."""
    group = _group(name, place.group)
    path = place.socket.path
    try:
        if path:
            socket_file.make_way(path)
        listening = libmilter.listen(path, place.socket.host, place.socket.port)
        if path:
            socket_file.open_to(path, place.mode, group, must=place.group is not None)
        return listening
    except (libmilter.ListenError, socket_file.SocketFileError) as error:
        raise StartError(f"{name}.socket: {error}") from error


def _group(name: str, group: str | None) -> int | None:
    """The number of a socket's group; None to leave it as the folder makes it."""
    if group == "":
        return None
    try:
        return grp.getgrnam(group or "postfix").gr_gid
    except KeyError:
        if group is None:
            return None
        raise StartError(f"{name}.socket_group: there is no group {group!r}") from None


def _raise_descriptor_limit() -> None:
    """libmilter spins on a core when descriptors run out: take all that we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise StartError(f"metrics.listen: cannot use {host}:{port}: {error.strerror}") from error


def _without_password(url: str) -> str:
    """Where a store is, without what is secret about it: user, password and options."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}" if parts.scheme else url
