"""The daemon: the supervisor of one installation's processes, from its start to its end.

Who forks whom. The supervisor is the process that ``reply-milter run`` starts. It has one thread, so that it may fork,
and forks every other process: the embedded store (``redis-server``), if the configuration asks for one; workers that
answer the MTA's milter connections (``verify0``, ``sign0``, ...); the delivery hook, which takes accepted replies over
LMTP (``delivery0``); and the metrics process (``metrics``), which also sends the canary and watches the store. A child
of the delivery hook is an operator's program; no other child forks. ``plan`` says which children there are.

Who holds which descriptor. The supervisor locks the state folder, opens each listening socket, and keeps all of them,
so that connections wait in the kernel's queue while a worker is restarted. A worker inherits all of them, closes the
lock, and accepts on the socket of its kind; workers of a kind share one. The store inherits the lock and keeps it: as
long as it lives, no second daemon may use its files. Each worker has one end of a control channel of its own, and the
supervisor has the other end.

What each signal does, to the supervisor. SIGHUP: read all files again; if they are good, send the new settings through
the channels, else log why and keep the old ones. SIGTERM, SIGINT: end every child, workers before the store, and kill
what is left after 1.2 s; then end with status 0. SIGCHLD: start the child again. The children ignore the first three:
libmilter would end at them, and a terminal's Ctrl-C would end workers in the midst of a message. They end when the
channel says so.

What happens when one dies.

    supervisor      the kernel kills its children at once (PR_SET_PDEATHSIG). The MTA is refused, and retries later.
                    The next daemon waits until the lock is free, and takes over the socket's path.
    worker          its connections break, and the MTA defers these messages. Its siblings answer new connections. It
                    is restarted at once, after repeated deaths with a delay of up to a second, with the settings in
                    force. What it had claimed and not committed stays reserved: the same message is a retry.
    delivery hook   the same. The MTA hands the message over again; the record of deliveries says how far it came.
    metrics         mail is not touched. The page's socket keeps its queue until it has been restarted.
    embedded store  it is restarted, and reads its append-only file. Until then replies are answered as without any
                    store: 451, unless ``accept_without_store`` says otherwise. So they are while a store on another
                    host does not answer; that one is no child.

The supervisor decides nothing about mail, and reads nothing from the network. Under systemd it reports readiness, and
feeds the watchdog as long as every worker answers (``health``).
"""

import logging
import mmap
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from reply_milter import __version__
from reply_milter.adapters import telemetry
from reply_milter.adapters.milter_loop import COUNT_OCTETS
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.adapters.os.process_tree import ProcessTree
from reply_milter.adapters.os.systemd import ServiceManager
from reply_milter.adapters.redis_store import shown
from reply_milter.adapters.state_dir import wrapped_mark
from reply_milter.config import Config, ConfigError
from reply_milter.config.places import Listener
from reply_milter.core.diagnosis.wrapped import unbound_names
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.processes import limits
from reply_milter.processes.health import Health
from reply_milter.processes.milter_worker import Shared
from reply_milter.processes.plan import ProcessKind, listeners, process_plan
from reply_milter.processes.sockets import open_page, open_socket
from reply_milter.processes.state_folder import STORE, check_record, lock_state, store_children
from reply_milter.processes.workers import Inherited, Workers
from reply_milter.wiring.build import version
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load_to_run, open_store, wait_until_ready

log = logging.getLogger(__name__)

_GRACE_SECONDS = 1.2  # for the whole tree to end in good order; what is left then is killed
_STORE_LOOK_SECONDS = 0.1
_NOT_RELOADED = "not reloaded, the old settings stay in force"


def run(config_path: str) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: a mistake in the configuration, or in a file that it names.
        StartError: the lock is held, this user may not use state_dir, a socket cannot be made, a port is in use, or
            redis-server is missing.
        LibraryError: prometheus_client does not count as this program expects.
    """
    tree = ProcessTree(_GRACE_SECONDS)
    tree.note_hangups()  # before any slow step
    path = os.path.abspath(config_path)
    settings = load_to_run(path)
    config = settings.config
    _start_log(path, config)
    channels: dict[str, ControlChannel] = {}
    health = _health(settings, channels)
    limits.raise_descriptor_limit()
    limits.forbid_core_dumps()
    lock = lock_state(Path(config.state_dir))
    check_record(config)
    shared = _shared(config)
    metrics = _start_metrics(shared.metrics_folder)
    page = open_page(*config.metrics.listen) if config.metrics.listen[1] else None
    plan = process_plan(config)
    table = ProcessTable([*([STORE] if config.store.is_embedded else []), *(spec.slot for spec in plan)])
    stores = store_children(config, lock, lambda pid: table.started(STORE, pid))
    with _emptied_at_the_end(lock), _listening(listeners(config)) as sockets:
        log.info("store %s", shown(config.store.url))
        workers = Workers(plan, settings, Inherited(lock, sockets, page, table, shared), channels)
        tree.run([*stores, *workers.children()], health, _Reload(path, settings, workers, metrics, health))


def _start_log(path: str, config: Config) -> None:
    telemetry.log_to_stderr(config.log.json, config.log.level)
    log.info("reply-milter %s", version())
    for warning in config.warnings:
        log.warning("%s: %s", path, warning)
    unbound = unbound_names(config.handlers.wrapped, wrapped_mark.noted(config.state_dir), WallClock().now())
    if unbound:
        log.info("native addresses still pass, until a wrapped notification has left: %s", ", ".join(unbound))


def _health(settings: Settings, channels: Mapping[str, ControlChannel]) -> Health:
    places = listeners(settings.config)

    def store_answers() -> bool:
        """Whether the store is ready. A host that only signs does not use it."""
        if ProcessKind.VERIFY not in places:
            return True
        return wait_until_ready(open_store(settings.config, None, _STORE_LOOK_SECONDS), _STORE_LOOK_SECONDS)

    listening = f"answering on {', '.join(str(place.socket) for place in places.values())}"
    return Health(ServiceManager.of(os.environ, os.getpid()), channels, store_answers, listening)


def _shared(config: Config) -> Shared:
    guesses = GuessTable(memoryview(mmap.mmap(-1, TABLE_OCTETS)), secrets.token_bytes(16))
    # In fd00::/8, where no client from elsewhere has an address; 120 random bits, which cannot be guessed.
    address = socket.inet_ntop(socket.AF_INET6, b"\xfd" + secrets.token_bytes(15))
    connections = memoryview(mmap.mmap(-1, COUNT_OCTETS))
    return Shared(guesses, connections, f"{config.state_dir}/metrics", address)


def _start_metrics(folder: str) -> telemetry.SupervisorMetrics:
    telemetry.rehearse()
    telemetry.prepare(folder)
    return telemetry.SupervisorMetrics(folder, __version__)


@contextmanager
def _emptied_at_the_end(lock: int) -> Iterator[None]:
    """Empty the lock file at the end: its process id may go to another process."""
    try:
        yield
    finally:
        os.ftruncate(lock, 0)


@contextmanager
def _listening(places: Mapping[ProcessKind, Listener]) -> Iterator[dict[ProcessKind, socket.socket]]:
    """Listen at all ``places``; remove the sockets' files at the end."""
    sockets: dict[ProcessKind, socket.socket] = {}
    try:
        for kind, place in places.items():
            sockets[kind] = open_socket(kind, place)
            log.info("%s: listening on %s", kind.value, place.socket)
        yield sockets
    finally:
        for path in (places[kind].socket.path for kind in sockets):
            if path:
                with suppress(FileNotFoundError):
                    os.unlink(path)


class _Reload:
    """On SIGHUP: checks the files here first, so that mistakes are logged once and reach no worker."""

    def __init__(
        self, path: str, settings: Settings, workers: Workers, metrics: telemetry.SupervisorMetrics, health: Health
    ) -> None:
        self._path = path
        self._settings = settings
        self._workers = workers
        self._metrics = metrics
        self._health = health

    def __call__(self) -> None:
        self._health.reloading()
        new = self._read()
        status = self._apply(new) if new is not None else f"{_NOT_RELOADED}: see the log"
        self._metrics.reloaded(new is not None)
        self._health.reloaded(status)

    def _read(self) -> Settings | None:
        """Return the settings in the files; None, after a log line, if they cannot be used."""
        try:
            return load_to_run(self._path)
        except ConfigError as error:
            log.error("%s: %s", _NOT_RELOADED, "; ".join(error.problems))
        except Exception:
            log.exception(_NOT_RELOADED)
        return None

    def _apply(self, new: Settings) -> str:
        """Apply ``new`` settings; return a status for the service manager that names those which need a restart."""
        waiting = new.needs_restart(self._settings)
        for name in waiting:
            log.warning("%s changed: restart the daemon to apply it", name)
        self._settings = new.in_place_of(self._settings)
        telemetry.log_to_stderr(new.config.log.json, new.config.log.level)
        self._workers.apply_settings(self._settings)
        return f"restart to apply: {', '.join(waiting)}" if waiting else ""
