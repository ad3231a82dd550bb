"""The process that the MTA hands accepted replies to, over LMTP, until its supervisor tells it to end."""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from reply_milter.adapters import telemetry
from reply_milter.adapters.lmtp import Lanes, LmtpServer
from reply_milter.adapters.os import memory
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.redis_store import ERROR_KINDS
from reply_milter.config.delivery import Delivery
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.token.token import handler_in
from reply_milter.flows.delivering.delivery import take
from reply_milter.flows.delivering.parking import tend
from reply_milter.processes.milter_worker import run_control_loop
from reply_milter.wiring.delivery import open_hook
from reply_milter.wiring.settings import Settings

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 0.7  # for deliveries that are on their way when the daemon is told to end
_TEND_SECONDS = 15.0
_CONNECTIONS = 1024  # an MTA that has a queue for each handler may have many that wait


class DeliveryWorker:
    """Takes replies on ``listening``. ``slot`` names its metrics."""

    def __init__(
        self, settings: Settings, metrics_folder: str, slot: str, listening: socket.socket, channel: ControlChannel
    ) -> None:
        self._settings = settings
        metrics = telemetry.Metrics(metrics_folder, slot, ("delivery",), ("commit", "facts"))
        metrics.expect_errors(("commit", "facts"), ERROR_KINDS)
        self._telemetry = telemetry.DeliveryTelemetry(metrics)
        self._store_told = telemetry.StoreOperations(metrics)
        self._telemetry.expect_handlers([handler.name for handler in settings.config.handlers.by_id.values()])
        self._listening = listening
        self._channel = channel
        delivery = _delivery(settings)
        self._service = open_hook(settings, delivery, self._telemetry, self._store_told, watches=True)
        lanes = Lanes(self._handler_of, delivery.concurrency, delivery.max_bytes_in_flight, self._telemetry)
        self._releasing: dict[str, threading.Thread] = {}
        self._server = LmtpServer(self._take, lanes, delivery.max_message_bytes, _CONNECTIONS)

    def run(self) -> None:
        """Answer until told to end."""
        memory.give_back()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, _nothing)  # unlike SIG_IGN, this is not inherited by an operator's program
        threading.Thread(target=self._serve, name="lmtp", daemon=True).start()
        threading.Thread(target=self._tend, name="tending", daemon=True).start()
        run_control_loop(self._channel, self._settings, self._apply_settings)
        self._end()

    def _take(self, envelope: Envelope) -> DeliveryOutcome:
        self._telemetry.started()
        try:
            return take(self._service, envelope)
        finally:
            self._telemetry.ended()

    def _handler_of(self, recipient: str) -> str:
        """Whose places a message takes; its seal is opened there, and says what is true."""
        number = handler_in(recipient)
        handler = None if number is None else self._service.rules.handlers.by_id.get(number)
        return handler.name if handler else ""

    def _serve(self) -> None:
        try:
            asyncio.run(self._server.serve(self._listening))
        finally:
            log.error("the LMTP server ended by itself")
            os._exit(1)

    def _tend(self) -> None:
        while True:
            try:
                tend(self._service, self._start_releases)
            except Exception:
                log.exception("cannot tend parked replies")
            time.sleep(_TEND_SECONDS)

    def _start_releases(self, handler: str, releases: Callable[[], None]) -> None:
        """Release in a thread for each handler, so that one whose application is slow holds up no other."""
        running = self._releasing.get(handler)
        if running is None or not running.is_alive():
            self._releasing[handler] = threading.Thread(target=releases, name=f"releases {handler}", daemon=True)
            self._releasing[handler].start()

    def _apply_settings(self, settings: Settings) -> None:
        """Deliveries that have begun end under the settings that they began with. Threads take a restart."""
        delivery = _delivery(settings)
        self._telemetry.expect_handlers([handler.name for handler in settings.config.handlers.by_id.values()])
        self._service = open_hook(settings, delivery, self._telemetry, self._store_told, watches=True)
        self._server.change(delivery.max_message_bytes, delivery.max_bytes_in_flight)

    def _end(self) -> NoReturn:
        """Let deliveries that are on their way come to their end; the MTA hands the others over once more."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not self._server.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0)


def _delivery(settings: Settings) -> Delivery:
    delivery = settings.config.delivery
    if delivery is None:
        raise RuntimeError("there is no table [delivery] to deliver by")
    return delivery


def _nothing(_number: int, _frame: object) -> None:
    """The supervisor's channel come by another way."""
