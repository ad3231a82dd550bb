"""The daemon: locks its state, opens its socket, and runs its processes until it is told to end."""

import logging
import mmap
import os
import resource
import secrets
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reply_milter import __version__
from reply_milter.adapters import telemetry
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.adapters.os.process_tree import Child, ProcessTree, fork, stay_on_one_cpu
from reply_milter.adapters.os.systemd import ServiceManager
from reply_milter.adapters.redis_store import shown
from reply_milter.config import ConfigError
from reply_milter.core.rules.throttle import TABLE_OCTETS, GuessTable
from reply_milter.processes.delivery_worker import DeliveryWorker
from reply_milter.processes.health import Health
from reply_milter.processes.milter_worker import MilterRole, MilterWorker, Shared
from reply_milter.processes.monitor import Monitor
from reply_milter.processes.signer import Signer
from reply_milter.processes.sockets import HOOK, open_page, open_socket
from reply_milter.processes.state_folder import STORE, lock_state, store_children
from reply_milter.processes.verifier import Verifier
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load_to_run, open_store, wait_until_ready

log = logging.getLogger(__name__)

_GRACE_SECONDS = 1.2  # for the whole tree to end in good order; what is left then is killed
_MILTERS: dict[str, Callable[[Settings, Shared, str], MilterRole]] = {"verify": Verifier, "sign": Signer}
_METRICS = "metrics"
_STORE_LOOK_SECONDS = 0.1


class Daemon:
    """The process tree of one installation: an embedded store where wanted, workers, and a metrics server."""

    def __init__(self, config_path: str) -> None:
        self._path = os.path.abspath(config_path)
        self._tree = ProcessTree(self._reload, _GRACE_SECONDS)
        self._tree.note_hangups()  # before anything slow
        self._settings = load_to_run(self._path)
        config = self._settings.config
        guesses = GuessTable(memoryview(mmap.mmap(-1, TABLE_OCTETS)), secrets.token_bytes(16))
        # Of fd00::/8, which no client has that comes from elsewhere; 120 bits that nobody guesses.
        address = socket.inet_ntop(socket.AF_INET6, b"\xfd" + secrets.token_bytes(15))
        self._shared = Shared(guesses, f"{config.state_dir}/metrics", address)
        self._places = {name: place for name in _MILTERS if (place := getattr(config, name).place) is not None}
        if config.delivery is not None and config.delivery.place.socket:
            self._places[HOOK] = config.delivery.place
        self._listening: dict[str, socket.socket] = {}
        self._page: socket.socket | None = None
        self._channel: dict[str, ControlChannel] = {}
        self._children: dict[str, Child] = {}
        self._slots = [
            (name, f"{name}{number}")
            for name, place in self._places.items()
            for number in range(place.workers or os.cpu_count() or 1)
        ]
        if config.metrics.listen[1] or config.verify.place is not None:
            self._slots.append((_METRICS, _METRICS))
        stores = [STORE] if config.store.is_embedded else []
        self._process_table = ProcessTable([*stores, *(slot for _, slot in self._slots)])
        self._lock = -1
        self._metrics: telemetry.SupervisorMetrics
        manager = ServiceManager.of(os.environ, os.getpid())
        self._supervision = Health(manager, self._channel, self._store_answers, self._listening_words())

    def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            StartError: locked by another instance, no place for the socket, a port in use, no redis-server.
            LibraryError: what is counted with counts otherwise than it did.
        """
        config = self._settings.config
        telemetry.log_to_stderr(config.log.json, config.log.level)
        for warning in config.warnings:
            log.warning("%s: %s", self._path, warning)
        _raise_descriptor_limit()
        _forbid_core_dumps()
        self._lock = lock_state(Path(config.state_dir))
        telemetry.rehearse()
        telemetry.prepare(self._shared.metrics_folder)
        self._metrics = telemetry.SupervisorMetrics(self._shared.metrics_folder, __version__)
        host, port = config.metrics.listen
        self._page = open_page(host, port) if port else None
        stores = store_children(config, self._lock, lambda pid: self._process_table.started(STORE, pid))
        self._children = {slot: self._child(name, slot, number) for number, (name, slot) in enumerate(self._slots)}
        try:
            for name, place in self._places.items():
                self._listening[name] = open_socket(name, "listen" if name == HOOK else "socket", place)
                log.info("%s: listening on %s", name, place.socket)
            log.info("store %s", shown(config.store.url))
            self._tree.run(stores + list(self._children.values()), self._supervision)
        finally:
            os.ftruncate(self._lock, 0)
            for name in self._listening:
                if self._places[name].socket.path:
                    with suppress(FileNotFoundError):
                        os.unlink(self._places[name].socket.path)

    def _listening_words(self) -> str:
        return f"answering on {', '.join(str(place.socket) for place in self._places.values())}"

    def _store_answers(self) -> bool:
        """Asked at the start: whether replies can be taken. A host that only signs has no use for the store."""
        if "verify" not in self._places:
            return True
        return wait_until_ready(open_store(self._settings.config, None, _STORE_LOOK_SECONDS), _STORE_LOOK_SECONDS)

    def _child(self, name: str, slot: str, cpu: int) -> Child:
        return Child(
            slot if name == _METRICS else f"worker {slot}",
            lambda: self._fork_worker(name, slot, cpu),
            lambda _pid: self._channel[slot].end(),
        )

    def _fork_worker(self, name: str, slot: str, cpu: int) -> int:
        channel = ControlChannel()

        def run() -> None:
            os.close(self._lock)
            for line in self._channel.values():
                line.close()
            channel.take_over()
            self._run_worker(name, slot, cpu, channel)

        pid = fork(run)
        channel.release()
        if slot in self._channel:
            self._channel[slot].close()
        self._channel[slot] = channel
        self._process_table.started(slot, pid)
        return pid

    def _run_worker(self, name: str, slot: str, cpu: int, channel: ControlChannel) -> None:
        """In the child: what a process of this name does until it is told to end."""
        if name == _METRICS:
            Monitor(self._settings, self._shared, slot, self._process_table, self._page, channel).run()
            return
        listening = self._listening[name]
        if name == HOOK:
            DeliveryWorker(self._settings, self._shared.metrics_folder, slot, listening, channel).run()
        else:
            stay_on_one_cpu(cpu)
            role = _MILTERS[name](self._settings, self._shared, slot)
            MilterWorker(self._settings, role, listening, channel).run()

    def _reload(self) -> None:
        self._supervision.reloading()
        good = self._reload_settings()
        self._metrics.reloaded(good)
        self._supervision.reloaded("" if good else "not reloaded, the old settings stay: the log says why")

    def _reload_settings(self) -> bool:
        """Check the files here first: a bad one is told once, and no worker sees it."""
        try:
            new = load_to_run(self._path)
        except ConfigError as error:
            log.error("not reloaded, the old settings stay: %s", "; ".join(error.problems))
            return False
        except Exception:
            log.exception("not reloaded, the old settings stay")
            return False
        for name in new.needs_restart(self._settings):
            log.warning("%s changed: that takes a restart", name)
        self._settings = new.in_place_of(self._settings)  # also for workers that are forked from now on
        telemetry.log_to_stderr(new.config.log.json, new.config.log.level)
        for slot, line in self._channel.items():
            if not line.send_settings(new.packed()):
                self._replace(slot)
        return True

    def _replace(self, slot: str) -> None:
        """A process that has not listened for hundreds of reloads must not go on with old rules."""
        pid = self._children[slot].pid
        if pid:
            log.warning("%s, process %d, takes no channel: it is ended, and starts again as it is to be", slot, pid)
            os.kill(pid, signal.SIGKILL)


def _raise_descriptor_limit() -> None:
    """libmilter spins on a core when descriptors run out: take all that we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _forbid_core_dumps() -> None:
    """A core would hold keys and people's mail. Also for the processes that are started from here.

    A limit of 0 keeps the kernel from writing a file, but not from handing the core to a program; one octet keeps it
    from both.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    most = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
