"""The supervisor's side of its workers: forks them, sends new settings, replaces a worker that does not read them."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.adapters.os.process_tree import Child, fork, stay_on_one_cpu
from reply_milter.adapters.state_dir.deliveries import RecordError
from reply_milter.processes.delivery_worker import DeliveryWorker
from reply_milter.processes.fetcher import Fetcher
from reply_milter.processes.milter_worker import MilterRole, MilterWorker, Shared
from reply_milter.processes.monitor import Monitor
from reply_milter.processes.plan import ProcessKind, ProcessSpec
from reply_milter.processes.signer import Signer
from reply_milter.processes.verifier import Verifier
from reply_milter.wiring.settings import Settings

log = logging.getLogger(__name__)

_ROLES: dict[ProcessKind, Callable[[Settings, Shared, str], MilterRole]] = {
    ProcessKind.VERIFY: Verifier,
    ProcessKind.SIGN: Signer,
}


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the supervisor opens before the first fork, for its children to inherit.

    ``lock``: descriptor of the state folder's lock, which workers close. ``sockets``: where the MTA connects to.
    ``page``: the socket of the metrics page; None without one. ``table``: all processes, in shared memory.
    """

    lock: int
    sockets: Mapping[ProcessKind, socket.socket]
    page: socket.socket | None
    table: ProcessTable
    shared: Shared


class Workers:
    """``channels``: filled with the control channel of each worker, by slot."""

    def __init__(
        self, plan: list[ProcessSpec], settings: Settings, inherited: Inherited, channels: dict[str, ControlChannel]
    ) -> None:
        self._settings = settings
        self._inherited = inherited
        self._channels = channels
        self._children = {spec.slot: self._child(spec) for spec in plan}

    def children(self) -> list[Child]:
        """Return the children for the process tree, which starts them."""
        return list(self._children.values())

    def apply_settings(self, settings: Settings) -> None:
        """Send ``settings`` to each worker; those that are forked from now on start with them."""
        self._settings = settings
        for slot, channel in self._channels.items():
            if not channel.send_settings(settings.packed()):
                self._replace(slot)

    def _replace(self, slot: str) -> None:
        """Kill a worker that has not read its channel for hundreds of reloads: it must not go on with old rules."""
        pid = self._children[slot].pid
        if pid:
            log.warning("%s, process %d, does not accept the new settings; restarting it", slot, pid)
            os.kill(pid, signal.SIGKILL)

    def _child(self, spec: ProcessSpec) -> Child:
        return Child(spec.title, lambda: self._fork(spec), lambda _pid: self._channels[spec.slot].end())

    def _fork(self, spec: ProcessSpec) -> int:
        channel = ControlChannel()

        def run() -> None:
            os.close(self._inherited.lock)
            for other in self._channels.values():
                other.close()
            channel.take_over()
            self._run(spec, channel)

        pid = fork(run)
        channel.release()
        if spec.slot in self._channels:
            self._channels[spec.slot].close()
        self._channels[spec.slot] = channel
        self._inherited.table.started(spec.slot, pid)
        return pid

    def _run(self, spec: ProcessSpec, channel: ControlChannel) -> None:
        """Do the work of its kind, in the child, until the supervisor orders the end."""
        settings, inherited, shared = self._settings, self._inherited, self._inherited.shared
        if spec.kind is ProcessKind.METRICS:
            Monitor(settings, shared, spec.slot, inherited.table, inherited.page, channel).run()
            return
        if spec.kind is ProcessKind.IMAP:
            _fetch(settings, shared.metrics_folder, spec.slot, channel)
            return
        listening = inherited.sockets[spec.kind]
        if spec.kind is ProcessKind.DELIVERY:
            _deliver(settings, shared.metrics_folder, spec.slot, listening, channel)
            return
        if spec.cpu is not None:
            stay_on_one_cpu(spec.cpu)
        MilterWorker(settings, _ROLES[spec.kind](settings, shared, spec.slot), listening, channel).run()


def _fetch(settings: Settings, metrics: str, slot: str, channel: ControlChannel) -> None:
    """Run a fetcher. Without its record it ends with one line in the log, and the supervisor restarts it."""
    place = int(slot.removeprefix(ProcessKind.IMAP.value))
    try:
        fetcher = Fetcher(settings, metrics, slot, place, channel)
    except RecordError as error:
        log.error("replies stay in the mailbox: %s; `reply-milter doctor` says more", error)
        os._exit(os.EX_TEMPFAIL)
    fetcher.run()


def _deliver(settings: Settings, metrics: str, slot: str, listening: socket.socket, channel: ControlChannel) -> None:
    """Run the delivery hook. Without its record it ends with one line in the log, and the supervisor restarts it."""
    try:
        worker = DeliveryWorker(settings, metrics, slot, listening, channel)
    except RecordError as error:
        log.error("accepted replies stay in the MTA's queue: %s; `reply-milter doctor` says more", error)
        os._exit(os.EX_TEMPFAIL)
    worker.run()
