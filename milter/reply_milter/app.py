"""Wiring: reads the clock and the files, builds what the flows work with, and runs the process tree."""

import fcntl
import grp
import logging
import mmap
import os
import resource
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from reply_milter import config as configuration
from reply_milter.adapters import embedded_redis, keyfile, libmilter, telemetry
from reply_milter.adapters.process_tree import Child, ProcessTree, fork
from reply_milter.adapters.redis_store import OPERATIONS, RedisStore, StoreTelemetry
from reply_milter.adapters.settler import SettlingThread
from reply_milter.config import EMBEDDED, Config, ConfigError
from reply_milter.core.keyring import Keyring
from reply_milter.core.throttle import TABLE_OCTETS, GuessTable
from reply_milter.flows.service import Rules, Service
from reply_milter.ports import StoreUnavailableError

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_STAGES = ("rcpt", "eom")
_DRAIN_SECONDS = 0.9  # for messages that are on their way when the daemon is told to end
_GRACE_SECONDS = 1.3  # after which a process is killed; 2 s for the whole tree
_STORE_READY_SECONDS = 5.0  # how long start-up waits for an embedded store; mail is answered 451 until then
_RELOAD, _END = b"R", b"E"


class StartError(Exception):
    """The daemon can't run here and now; the message says what to do."""


class WallClock:
    """The system's clock."""

    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration with the keys that it names."""

    config: Config
    keyring: Keyring
    seal_keys: tuple[bytes, ...]

    def rules(self) -> Rules:
        """What the flows need of it."""
        config = self.config
        return Rules(
            form=config.form,
            keyring=self.keyring,
            handlers=config.handlers,
            policy=config.policy,
            seal_keys=self.seal_keys,
            peers=config.peers,
            authserv_id=config.authserv_id,
            max_message_bytes=config.max_message_bytes,
            forged_per_minute=config.forged_per_minute,
            accept_without_store=config.accept_without_store,
        )


def load(path: str) -> Settings:
    """Read a configuration file and its key files.

    Raises:
        ConfigError: with every mistake in all of them, a line each, beginning with the file's name.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}"]) from error
    try:
        config = configuration.parse(text)
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from None
    folder = Path(path).resolve().parent
    problems: list[str] = []
    keys = _or_problems(problems, keyfile.load_master_keys, str(folder / config.keys_file))
    seals = _or_problems(problems, keyfile.load_seal_keys, str(folder / config.seal_file))
    if problems or keys is None or seals is None:
        raise ConfigError(problems)
    return Settings(config, Keyring(config.realm, keys), seals)


def _or_problems(problems: list[str], read: Callable[[str], _T], path: str) -> _T | None:
    try:
        return read(path)
    except keyfile.KeyFileError as error:
        problems += error.problems
        return None


def store_url(config: Config) -> str:
    """The URL of the store, the embedded one's too."""
    return (
        f"unix://{configuration.embedded_socket(config.state_dir)}"
        if config.store_url == EMBEDDED
        else config.store_url
    )


def open_store(config: Config, counted: StoreTelemetry | None = None) -> RedisStore:
    """The store that ``config`` names. Connects when it is first used."""
    return RedisStore(store_url(config), config.timeout_ms / 1000, config.realm, counted)


def _store_settings(config: Config) -> tuple[object, ...]:
    return store_url(config), config.timeout_ms, config.realm, config.settle_ms


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of a daemon share: the guess table's memory and the metrics folder."""

    config_path: str
    guesses: GuessTable
    metrics_folder: str


class Worker:
    """One process that answers the MTA. Takes reloads and its end by pipe, never by signal: libmilter listens to those."""

    def __init__(self, settings: Settings, shared: Shared, slot: int, orders: int) -> None:
        self._shared = shared
        self._orders = orders
        metrics = telemetry.Metrics(shared.metrics_folder, f"worker{slot}", _STAGES, OPERATIONS)
        self._telemetry = telemetry.WorkerTelemetry(metrics)
        self._settling: SettlingThread | None = None
        self._service = self._build(settings, None)
        self._door = libmilter.Door(lambda: self._service, self._telemetry)

    def run(self) -> None:
        """Answer until told to end."""
        self._door.register()
        threading.Thread(target=self._obey, name="orders", daemon=True).start()
        libmilter.serve()

    def _build(self, settings: Settings, last: Config | None) -> Service:
        """The service for ``settings``. Store and settling thread stay, unless what they were made of has changed."""
        config = settings.config
        if last is None or _store_settings(config) != _store_settings(last):
            if self._settling is not None:
                self._settling.close()
            self._store = open_store(config, self._telemetry)
            self._settling = SettlingThread(self._store, config.settle_ms / 1000)
        self._config = config
        return Service(
            rules=settings.rules(),
            guesses=self._shared.guesses,
            store=self._store,
            settler=self._settling if config.commit_on_accept else None,
            clock=WallClock(),
            telemetry=self._telemetry,
        )

    def _obey(self) -> None:
        while True:
            order = os.read(self._orders, 1)
            if order != _RELOAD:  # told to end, or the supervisor is gone
                self._end()
            try:
                self._service = self._build(load(self._shared.config_path), self._config)
                log.info("reloaded")
            except ConfigError as error:
                log.error("not reloaded, the old settings stay: %s", "; ".join(error.problems))

    def _end(self) -> None:
        """Let messages that are on their way come to their end, then commit what was answered."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not self._door.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._settling is not None:
            self._settling.flush(max(0.05, deadline - time.monotonic()))
        os._exit(0)


class Daemon:
    """The process tree of one installation: an embedded store where wanted, workers, and a metrics server."""

    def __init__(self, config_path: str) -> None:
        self._path = os.path.abspath(config_path)
        self._settings = load(self._path)
        config = self._settings.config
        self._state = Path(config.state_dir)
        guesses = GuessTable(memoryview(mmap.mmap(-1, TABLE_OCTETS)), secrets.token_bytes(16))
        self._shared = Shared(self._path, guesses, str(self._state / "metrics"))
        self._pipes: dict[int, int] = {}
        self._lock = -1

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
        children = self._store_children() + self._worker_children() + self._metrics_children()
        self._open_socket()
        log.info("listening on %s, store %s", config.socket, _without_password(config.store_url))
        try:
            ProcessTree(children, self._reload, _GRACE_SECONDS).run()
        finally:
            if config.socket.path:
                with suppress(FileNotFoundError):
                    os.unlink(config.socket.path)

    def _lock_state(self) -> None:
        try:
            self._state.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(self._state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartError(f"state_dir {self._state}: {error.strerror}; make it, and give it to this user") from error
        for attempt in range(20):  # processes of an instance that was killed may take a moment to follow it
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if attempt == 19:
                    raise StartError(f"state_dir {self._state} is in use by another instance; stop it first") from None
                time.sleep(0.05)

    def _open_socket(self) -> None:
        config = self._settings.config
        group = None
        if config.socket_group:
            try:
                group = grp.getgrnam(config.socket_group).gr_gid
            except KeyError:
                raise StartError(f"verify.socket_group: there is no group {config.socket_group!r}") from None
        place = config.socket
        try:
            libmilter.open_socket(place.path, place.host, place.port, config.socket_mode, group)
        except libmilter.SocketError as error:
            raise StartError(f"verify.socket: {error}") from error

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
        count = self._settings.config.workers or os.cpu_count() or 1

        def stop(slot: int, _pid: int) -> None:
            self._order(slot, _END)

        return [
            Child(
                f"worker {slot}",
                partial(self._fork_worker, slot),
                lambda _, slot=slot: self._order(slot, _END),
            )
            for slot in range(count)
        ]

    def _fork_worker(self, slot: int) -> int:
        reading, writing = os.pipe2(os.O_CLOEXEC)

        def run() -> None:
            os.close(writing)
            os.close(self._lock)
            for pipe in self._pipes.values():
                os.close(pipe)
            Worker(self._settings, self._shared, slot, reading).run()

        pid = fork(run)
        os.close(reading)
        if slot in self._pipes:
            os.close(self._pipes[slot])
        self._pipes[slot] = writing
        return pid

    def _order(self, slot: int, order: bytes) -> None:
        with suppress(BrokenPipeError, KeyError):
            os.write(self._pipes[slot], order)

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
            return
        for name in ("state_dir", "socket", "socket_mode", "socket_group", "workers", "store_url"):
            if getattr(new.config, name) != getattr(self._settings.config, name):
                log.warning("%s changed: that takes a restart", name)
        self._settings = new
        for slot in self._pipes:
            self._order(slot, _RELOAD)


def wait_until_ready(store: RedisStore, seconds: float) -> bool:
    """Wait for a store that is starting; False if it is not ready in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            store.ping()
            store.close()
            return True
        except StoreUnavailableError:
            time.sleep(0.02)
    return False


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
    head, at, tail = url.rpartition("@")
    return f"{head.split('://', 1)[0]}://...@{tail}" if at else url
