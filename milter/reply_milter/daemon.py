"""The daemon: locks its state, opens its socket, and runs its processes until it is told to end."""

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
from reply_milter.adapters import embedded_redis, telemetry
from reply_milter.adapters.orders import OrderLine
from reply_milter.adapters.process_tree import Child, ProcessTree, fork
from reply_milter.adapters.roster import Roster
from reply_milter.adapters.state_lock import StateLockError, lock
from reply_milter.app import load, open_store, wait_until_ready
from reply_milter.config import ConfigError
from reply_milter.config.places import EMBEDDED, Listener
from reply_milter.core.throttle import TABLE_OCTETS, GuessTable
from reply_milter.hook_process import HookProcess
from reply_milter.listening import ListeningError, open_page, open_socket
from reply_milter.metrics_process import MetricsProcess
from reply_milter.settings import Settings
from reply_milter.signer import Signer
from reply_milter.verifier import Verifier
from reply_milter.worker import Shared, Trade, Worker

log = logging.getLogger(__name__)

_GRACE_SECONDS = 1.5  # for the whole tree to end in good order; what is left then is killed
_MILTERS: dict[str, Callable[[Settings, Shared, str], Trade]] = {"verify": Verifier, "sign": Signer}
_HOOK = "delivery"
_METRICS = "metrics"
_STORE = "redis-server"
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
        # Of fd00::/8, which no client has that comes from elsewhere; 120 bits that nobody guesses.
        address = socket.inet_ntop(socket.AF_INET6, b"\xfd" + secrets.token_bytes(15))
        self._shared = Shared(guesses, str(self._state / "metrics"), address)
        self._places = {name: place for name in _MILTERS if (place := getattr(config, name)) is not None}
        if config.delivery is not None and config.delivery.place.socket:
            self._places[_HOOK] = config.delivery.place
        self._listening: dict[str, socket.socket] = {}
        self._page: socket.socket | None = None
        self._orders: dict[str, OrderLine] = {}
        self._slots = [
            (name, f"{name}{number}")
            for name, place in self._places.items()
            for number in range(place.workers or os.cpu_count() or 1)
        ]
        observed = bool(config.metrics[1]) or config.verify is not None
        self._observers = [(_METRICS, _METRICS)] if observed else []
        stores = [_STORE] if config.store_url == EMBEDDED else []
        self._roster = Roster([*stores, *(slot for _, slot in self._slots + self._observers)])
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
        self._open_page()
        children = self._store_children() + [self._child(name, slot) for name, slot in self._slots + self._observers]
        try:
            for name, place in self._places.items():
                self._listening[name] = self._open_socket(name, place)
                log.info("%s: listening on %s", name, place.socket)
            log.info("store %s", _without_password(config.store_url))
            ProcessTree(children, self._reload, _GRACE_SECONDS).run()
        finally:
            for name in self._listening:
                if self._places[name].socket.path:
                    with suppress(FileNotFoundError):
                        os.unlink(self._places[name].socket.path)

    def _open_socket(self, name: str, place: Listener) -> socket.socket:
        try:
            return open_socket(name, "listen" if name == _HOOK else "socket", place)
        except ListeningError as error:
            raise StartError(str(error)) from error

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

        start = self._noted(_STORE, lambda: fork(lambda: embedded_redis.become(argv)))
        child = Child(_STORE, start, lambda pid: os.kill(pid, signal.SIGTERM), rank=0)
        child.pid, child.started = start(), time.monotonic()
        wait_until_ready(open_store(self._settings.config), _STORE_READY_SECONDS)
        return [child]

    def _noted(self, slot: str, start: Callable[[], int]) -> Callable[[], int]:
        """Start, and put it on the roster."""

        def run() -> int:
            pid = start()
            self._roster.started(slot, pid)
            return pid

        return run

    def _child(self, name: str, slot: str) -> Child:
        start = self._noted(slot, lambda: self._fork_worker(name, slot))
        return Child(slot if name == _METRICS else f"worker {slot}", start, lambda _pid: self._orders[slot].end())

    def _fork_worker(self, name: str, slot: str) -> int:
        orders = OrderLine()

        def run() -> None:
            os.close(self._lock)
            for line in self._orders.values():
                line.close()
            orders.take_over()
            self._run_worker(name, slot, orders)

        pid = fork(run)
        orders.release()
        if slot in self._orders:
            self._orders[slot].close()
        self._orders[slot] = orders
        return pid

    def _run_worker(self, name: str, slot: str, orders: OrderLine) -> None:
        """In the child: what a process of this name does until it is told to end."""
        if name == _METRICS:
            MetricsProcess(self._settings, self._shared, slot, self._roster, self._page, orders).run()
            return
        listening = self._listening[name]
        if name == _HOOK:
            HookProcess(self._settings, self._shared.metrics_folder, slot, listening, orders).run()
        else:
            trade = _MILTERS[name](self._settings, self._shared, slot)
            Worker(self._settings, trade, listening, orders).run()

    def _open_page(self) -> None:
        host, port = self._settings.config.metrics
        try:
            self._page = open_page(host, port) if port else None
        except ListeningError as error:
            raise StartError(str(error)) from error

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
        for name in new.needs_restart(self._settings):
            log.warning("%s changed: that takes a restart", name)
        self._settings = new.in_place_of(self._settings)  # also for workers that are forked from now on
        telemetry.log_to_stderr(new.config.log_json, new.config.log_level)
        for slot, line in self._orders.items():
            if not line.settle(new.packed()):
                log.warning("worker %s is not there to reload: it gets the settings when it starts again", slot)


def _raise_descriptor_limit() -> None:
    """libmilter spins on a core when descriptors run out: take all that we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _without_password(url: str) -> str:
    """Where a store is, without what is secret about it: user, password and options."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}" if parts.scheme else url
