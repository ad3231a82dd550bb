"""The metrics process: shows all metrics, answers health checks, watches the store, and sends the canaries."""

import logging
import os
import socket

from reply_milter.adapters import telemetry
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.adapters.os.process_table import ProcessTable
from reply_milter.adapters.redis_store import RedisObserver
from reply_milter.adapters.telemetry.page_access import Certificate, Login
from reply_milter.core.token.key_rotation import last_expiry
from reply_milter.ports.condition import KeyCondition, SettingsCondition
from reply_milter.processes.canaries import Canaries
from reply_milter.processes.milter_worker import Shared, run_control_loop
from reply_milter.processes.readiness import Readiness, unhealthy
from reply_milter.processes.store_watch import StoreWatch
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import store_url

log = logging.getLogger(__name__)

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
        registry = telemetry.process_registry(shared.metrics_folder, slot)
        self._deliveries = telemetry.DeliverySeries(registry) if settings.config.delivery is None else None
        self._settings = settings
        verifies, signs = settings.config.verify.place is not None, settings.config.sign.place is not None
        self._canaries = Canaries(
            lambda: self._settings,
            shared,
            telemetry.CanaryCounter.plain(registry) if verifies else None,
            telemetry.CanaryCounter.wrapped(registry) if verifies and signs else None,
            telemetry.CanaryCounter.native(registry) if verifies else None,
        )
        self._apply_settings(settings)
        self._watch = StoreWatch(lambda: self._settings.config) if settings.config.uses_store else None

    def run(self) -> None:
        """Run until the supervisor says to end."""
        if self._watch is not None:
            self._watch.start()
        if self._page is not None:
            self._serve(self._page)
        self._canaries.start()
        run_control_loop(self._channel, self._first, self._apply_settings)
        os._exit(0)

    def _apply_settings(self, settings: Settings) -> None:
        self._settings = settings
        if self._deliveries is not None:
            self._deliveries.parked.set(0)
            self._deliveries.parked_bytes.set(0)
            self._deliveries.in_flight.set(0)
            self._deliveries.expect_handlers(settings.config.handlers)
        self._canaries.settings_changed()

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
        return SettingsCondition(tuple(keys), not settings.config.policy.observe, *self._canaries.intervals())
