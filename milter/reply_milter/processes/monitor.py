"""The metrics process: shows all metrics, answers health checks, watches the store, and sends the canary."""

import logging
import os
import secrets
import socket
import threading
import time

from reply_milter.adapters import telemetry
from reply_milter.adapters.clients.milter_client import MilterClient
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.adapters.redis_store import RedisObserver
from reply_milter.adapters.telemetry.page_access import Certificate, Login
from reply_milter.core.token.canary import canary_handler
from reply_milter.core.token.key_rotation import last_expiry
from reply_milter.core.token.token import CONTEXT_LIMIT
from reply_milter.flows.canary import CanaryService, send
from reply_milter.ports.canary import CanaryFailure
from reply_milter.ports.condition import KeyCondition, SettingsCondition
from reply_milter.processes.milter_worker import Shared, run_control_loop
from reply_milter.processes.readiness import Readiness, unhealthy
from reply_milter.processes.store_watch import StoreWatch
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import store_url

log = logging.getLogger(__name__)

_CANARY_SECONDS = 5.0  # for one canary, not counting the store, which may take its time-out twice
_REDIS_SECONDS = 1.0


class Monitor:
    """``slot`` names its own metrics; ``page``: the socket of the metrics page; None without one."""

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        slot: str,
        process_table: ProcessTable,
        page: socket.socket | None,
        channel: ControlChannel,
    ) -> None:
        self._first = settings
        self._shared = shared
        self._process_table = process_table
        self._page = page
        self._channel = channel
        self._clock = WallClock()
        self._changed = threading.Event()
        registry = telemetry.process_registry(shared.metrics_folder, slot)
        self._counter = telemetry.CanaryCounter(registry) if settings.config.verify.place else None
        self._deliveries = telemetry.DeliverySeries(registry) if settings.config.delivery is None else None
        self._apply_settings(settings)
        self._watch = StoreWatch(lambda: self._settings.config) if settings.config.uses_store else None

    def run(self) -> None:
        """Run until the supervisor says to end."""
        if self._watch is not None:
            self._watch.start()
        if self._page is not None:
            self._serve(self._page)
        if self._counter is not None:
            threading.Thread(target=self._send_canaries, args=(self._counter,), name="canary", daemon=True).start()
        run_control_loop(self._channel, self._first, self._apply_settings)
        os._exit(0)

    def _apply_settings(self, settings: Settings) -> None:
        self._settings = settings
        if self._deliveries is not None:
            self._deliveries.parked.set(0)
            self._deliveries.parked_bytes.set(0)
            self._deliveries.in_flight.set(0)
            self._deliveries.expect_handlers([handler.name for handler in settings.config.handlers.by_id.values()])
        self._changed.set()

    def _serve(self, page: socket.socket) -> None:
        config = self._settings.config
        access, readiness = config.metrics, Readiness(config, self._process_table)
        certificate = Certificate(access.tls_cert, access.tls_key) if access.tls_cert else None
        if certificate is not None:
            certificate.context()  # fails now, not at the first connection
        sources = telemetry.PageSources(
            unhealthy=lambda: unhealthy(self._process_table),
            unready=readiness.problems,
            admits=Login(access.user, access.password_file).admits if access.user else lambda _authorization: True,
            certificate=certificate.context if certificate else None,
        )
        store = RedisObserver(store_url(config), _REDIS_SECONDS)
        collectors = [telemetry.ProcessSeries(self._process_table.all), telemetry.SettingsSeries(self._condition)]
        if config.uses_store:
            collectors.append(telemetry.StoreSeries(store.look))
        if self._watch is not None:
            collectors.append(telemetry.LossSeries(self._watch.condition))
        telemetry.serve_page(self._shared.metrics_folder, page, collectors, sources)

    def _condition(self) -> SettingsCondition:
        settings, now = self._settings, self._clock.now()
        longest = settings.config.handlers.longest_validity_days
        keys = (
            KeyCondition(key.id, key.state, last_expiry(key, now, longest, was_used=False).at)
            for key in settings.keyring.keys
        )
        sent = self._counter is not None and canary_handler(settings.config.handlers) is not None
        seconds = settings.config.canary.interval_seconds if sent else 0
        return SettingsCondition(tuple(keys), not settings.config.policy.observe, seconds)

    def _send_canaries(self, counter: telemetry.CanaryCounter) -> None:
        sent = -1e9  # monotonic seconds
        while True:
            seconds = self._settings.config.canary.interval_seconds
            wait = sent + seconds - time.monotonic() if seconds else None
            if wait is None or wait > 0:
                self._changed.wait(wait)
                self._changed.clear()
                continue
            sent = time.monotonic()
            try:
                self._send_canary(counter)
            except Exception as error:
                log.exception("cannot send a canary")
                counter.failed(CanaryFailure.INTERNAL, type(error).__name__)

    def _send_canary(self, counter: telemetry.CanaryCounter) -> None:
        settings = self._settings
        config, handler = settings.config, canary_handler(settings.config.handlers)
        if config.verify.place is None or handler is None:
            return
        place = config.verify.place.socket
        seconds = _CANARY_SECONDS + 2 * config.store.timeout_ms / 1000
        send(
            CanaryService(
                handler=handler,
                keyring=settings.keyring,
                form=config.form,
                clock=self._clock,
                telemetry=counter,
                connect=lambda: MilterClient(place.path, place.host, place.port, self._shared.canary_address, seconds),
                context=lambda: secrets.randbelow(CONTEXT_LIMIT),
            )
        )
