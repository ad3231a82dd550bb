"""The process that fetches replies from one mailbox, until its supervisor orders the end."""

import logging
import os
import random
import threading
import time
from typing import NoReturn

from reply_milter.adapters import telemetry
from reply_milter.adapters.os import memory
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.adapters.redis_store import ERROR_KINDS, OPERATIONS, TURN_OPERATIONS
from reply_milter.config.delivery import DeliverySettings
from reply_milter.config.imap import ImapSettings
from reply_milter.flows.delivering.parking import maintain_parking
from reply_milter.flows.fetching.follow import Pace, follow
from reply_milter.flows.verifying.possible_decisions import possible_decisions
from reply_milter.ports import Stage
from reply_milter.ports.mailbox import Mailbox
from reply_milter.processes.milter_worker import run_control_loop
from reply_milter.wiring.fetching import FetchReporting, open_fetch
from reply_milter.wiring.mailboxes import open_mailbox
from reply_milter.wiring.settings import Settings

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 0.7  # for messages in progress when the daemon ends; the next start goes on with the others
_MAINTENANCE_SECONDS = 15.0
_STAGES = (Stage.EOM, "delivery")
_OPERATIONS = (*OPERATIONS, *TURN_OPERATIONS)


class Fetcher:
    """Fetches from the mailbox number ``place`` of the configuration. ``slot`` names its metrics."""

    def __init__(self, settings: Settings, metrics_folder: str, slot: str, place: int, channel: ControlChannel) -> None:
        self._settings, self._channel = settings, channel
        self._name = settings.config.imap[place].name
        metrics = telemetry.Metrics(metrics_folder, slot, _STAGES, _OPERATIONS)
        metrics.expect_errors(_OPERATIONS, ERROR_KINDS)
        self._decisions = telemetry.WorkerTelemetry(metrics)
        self._deliveries = telemetry.DeliveryTelemetry(metrics)
        self._reporting = FetchReporting(
            decisions=self._decisions,
            deliveries=self._deliveries,
            fetches=telemetry.FetchTelemetry(self._name, metrics, self._decisions),
            store=telemetry.StoreOperations(metrics),
        )
        self._turn = threading.Lock()
        self._imap = _imap(settings, self._name)
        self._mailbox: Mailbox = open_mailbox(self._imap, HostNames())
        self._apply_settings(settings)

    def run(self) -> None:
        """Fetch until the supervisor orders the end."""
        memory.give_back()
        threading.Thread(target=self._follow, name="mailbox", daemon=True).start()
        threading.Thread(target=self._maintain_parking, name="parking", daemon=True).start()
        run_control_loop(self._channel, self._settings, self._apply_settings)
        self._end()

    def _follow(self) -> None:
        try:
            follow(lambda: self._service, Pace(time.sleep, random.random, self._turn))
        finally:
            log.error("mailbox %s: the fetcher ended unexpectedly", self._name)
            os._exit(1)

    def _maintain_parking(self) -> None:
        """Ask users about parked replies, and release them, where no delivery hook's process does so."""
        while True:
            time.sleep(_MAINTENANCE_SECONDS)
            if _delivery(self._settings).place.socket:
                continue
            try:
                maintain_parking(self._service.delivering)
            except Exception:
                log.exception("the maintenance of parked replies failed")

    def _apply_settings(self, settings: Settings) -> None:
        """Apply ``settings`` to the next look. With another account, the supervisor starts this process again."""
        imap = _imap(settings, self._name)
        if imap.account != self._imap.account:
            log.info("mailbox %s: its account has changed, connecting anew", self._name)
            self._end()
        self._imap = imap
        self._deliveries.expect_handlers(settings.config.handlers)
        self._decisions.expect_keys({key.id for key in settings.keyring.keys})
        service = open_fetch(settings, _delivery(settings), imap, self._mailbox, self._reporting)
        self._decisions.expect(possible_decisions(service.verifying.rules))
        self._service = service

    def _end(self) -> NoReturn:
        """Wait for messages in progress, then exit."""
        self._turn.acquire(timeout=_DRAIN_SECONDS)
        os._exit(0)


def _imap(settings: Settings, name: str) -> ImapSettings:
    return next(one for one in settings.config.imap if one.name == name)


def _delivery(settings: Settings) -> DeliverySettings:
    delivery = settings.config.delivery
    if delivery is None:
        raise RuntimeError("there is no table [delivery]")
    return delivery
