"""The process that receives accepted replies from the MTA over LMTP, until its supervisor orders the end."""

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
from reply_milter.config.delivery import DeliverySettings
from reply_milter.core.delivery.outcome import DeliveryOutcome
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.token.token import handler_in
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.parking import maintain_parking
from reply_milter.processes.milter_worker import run_control_loop
from reply_milter.wiring.delivery import open_hook
from reply_milter.wiring.settings import Settings

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 0.7  # for deliveries in progress when the daemon ends
_MAINTENANCE_SECONDS = 15.0
_CONNECTIONS = 1024  # an MTA with a queue for each handler may have many that wait
_QUEUES = 32  # of Postfix: one for each letter that may stand last in a handler's number in a token


class DeliveryWorker:
    """Takes replies on ``listening``. ``slot`` names its metrics."""

    def __init__(
        self, settings: Settings, metrics_folder: str, slot: str, listening: socket.socket, channel: ControlChannel
    ) -> None:
        self._settings = settings
        metrics = telemetry.Metrics(metrics_folder, slot, ("delivery",), ("commit", "facts"))
        metrics.expect_errors(("commit", "facts"), ERROR_KINDS)
        self._telemetry = telemetry.DeliveryTelemetry(metrics)
        self._store_telemetry = telemetry.StoreOperations(metrics)
        self._telemetry.expect_handlers(settings.config.handlers)
        self._listening = listening
        self._channel = channel
        delivery = _delivery(settings)
        self._service = open_hook(settings, delivery, self._telemetry, self._store_telemetry, watches=True)
        limits = (delivery.concurrency, delivery.max_bytes_in_flight)
        lanes = Lanes(self._handler_of, *limits, self._telemetry, shares_queue=self._shares_queue)
        self._releasing: dict[str, threading.Thread] = {}
        self._server = LmtpServer(self._take, lanes, delivery.max_message_bytes, _CONNECTIONS)

    def run(self) -> None:
        """Answer until the supervisor orders the end."""
        memory.give_back()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, _nothing)  # unlike SIG_IGN, an operator's program does not inherit this
        threading.Thread(target=self._serve, name="lmtp", daemon=True).start()
        threading.Thread(target=self._maintain_parking, name="parking", daemon=True).start()
        run_control_loop(self._channel, self._settings, self._apply_settings)
        self._end()

    def _take(self, envelope: Envelope) -> DeliveryOutcome:
        self._telemetry.started()
        try:
            return deliver(self._service, envelope)
        finally:
            self._telemetry.ended()

    def _handler_of(self, recipient: str) -> str:
        """Return the handler whose lane a message takes: unverified, because the seal is opened in the lane."""
        number = handler_in(recipient)
        handler = None if number is None else self._service.rules.handlers.by_id.get(number)
        return handler.name if handler else ""

    def _shares_queue(self, handler: str) -> bool:
        """Return whether another handler's replies wait in the same queue of Postfix, configured as in contrib."""
        by_id = self._service.rules.handlers.by_id
        queues = [number % _QUEUES for number, one in by_id.items() if one.name == handler]
        return any(number % _QUEUES in queues and one.name != handler for number, one in by_id.items())

    def _serve(self) -> None:
        try:
            asyncio.run(self._server.serve(self._listening))
        finally:
            log.error("the LMTP server ended unexpectedly")
            os._exit(1)

    def _maintain_parking(self) -> None:
        while True:
            try:
                maintain_parking(self._service, self._start_releases)
            except Exception:
                log.exception("the maintenance of parked replies failed")
            time.sleep(_MAINTENANCE_SECONDS)

    def _start_releases(self, handler: str, releases: Callable[[], None]) -> None:
        """Release in a thread for each handler, so that one whose application is slow holds up no other."""
        running = self._releasing.get(handler)
        if running is None or not running.is_alive():
            self._releasing[handler] = threading.Thread(target=releases, name=f"releases {handler}", daemon=True)
            self._releasing[handler].start()

    def _apply_settings(self, settings: Settings) -> None:
        """Apply ``settings`` to deliveries that begin from now on. The number of threads stays until a restart."""
        delivery = _delivery(settings)
        self._telemetry.expect_handlers(settings.config.handlers)
        self._service = open_hook(settings, delivery, self._telemetry, self._store_telemetry, watches=True)
        self._server.change(delivery.max_message_bytes, delivery.max_bytes_in_flight)

    def _end(self) -> NoReturn:
        """Wait for deliveries in progress, then exit; the MTA hands the others over again."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not self._server.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0)


def _delivery(settings: Settings) -> DeliverySettings:
    delivery = settings.config.delivery
    if delivery is None:
        raise RuntimeError("there is no table [delivery]")
    return delivery


def _nothing(_number: int, _frame: object) -> None:
    """Ignore a signal: the supervisor's orders come over the control channel."""
