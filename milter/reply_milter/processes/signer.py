"""The worker's role of minting reply addresses for notifications. Only wrapped ones need a store, and hardly wait."""

import secrets
from dataclasses import replace
from ipaddress import ip_network

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import ERROR_KINDS, MINTING_OPERATIONS
from reply_milter.adapters.state_dir.wrapped_mark import WrappedMark
from reply_milter.config import Config
from reply_milter.core.notification.application import Application
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping.canary import wrapped_canary_handler
from reply_milter.flows.service import MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.processes.milter_worker import Shared
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_store, store_url

_UNIQUE_OCTETS = 5
_STORE_SECONDS = 0.05  # how long a notification waits for the store at most


class _NoMark:
    """Implements ``ports.WrappedMark`` for the canary, which leaves nothing behind."""

    def note(self, handler_id: int) -> None:
        """See ``ports.WrappedMark``."""

    def has_left(self, handler_id: int) -> bool:
        """See ``ports.WrappedMark``."""
        return False


class Signer:
    """Implements ``milter_worker.MilterRole``. ``slot`` names its metrics."""

    def __init__(self, settings: Settings, shared: Shared, slot: str) -> None:
        self._metrics = telemetry.Metrics(shared.metrics_folder, slot, libmilter.SIGN.stages, MINTING_OPERATIONS)
        self._metrics.expect_errors(MINTING_OPERATIONS, ERROR_KINDS)
        self._telemetry = telemetry.WorkerTelemetry(self._metrics)
        self._silent = telemetry.SilentTelemetry()
        self._canary_address = shared.canary_address
        self._store_settings: tuple[object, ...] = ()
        self._mark = WrappedMark(settings.config.state_dir)
        self.apply_settings(settings)
        self.milter = libmilter.MilterCallbacks(
            self._converse,
            libmilter.SIGN,
            lambda client: self._silent if client == shared.canary_address else self._telemetry,
        )

    def apply_settings(self, settings: Settings) -> None:
        """See ``milter_worker.MilterRole``."""
        self._metrics.expect_handlers(settings.config.handlers)
        self._open_store(settings.config)
        self._service = MintingService(
            rules=settings.minting_rules(),
            clock=WallClock(),
            telemetry=self._telemetry,
            unique=lambda: secrets.token_hex(_UNIQUE_OCTETS),
            store=self._store,
            mark=self._mark,
        )
        self._canary_service = self._for_canaries(self._service, settings.config.handlers)

    def _for_canaries(self, service: MintingService, configured: Handlers) -> MintingService | None:
        """Return a copy of the service for canary connections: an application that no configuration has.

        ``configured``: all handlers, also those that nobody may ask for, so that no process counts others as free.
        """
        handler = wrapped_canary_handler(configured)
        if handler is None:
            return None
        networks = (ip_network(self._canary_address),)
        application = Application(handler.name, frozenset({handler.name}), networks=networks)
        sign = replace(service.rules.sign, trusted=(), applications=(application,))
        rules = replace(service.rules, handlers=Handlers.of([handler]), sign=sign)
        return replace(service, rules=rules, telemetry=self._silent, mark=_NoMark())

    def _converse(self, client: str) -> Submission:
        if client == self._canary_address:
            return Submission(lambda: self._canary_service or self._service, client)
        return Submission(lambda: self._service, client)

    def _open_store(self, config: Config) -> None:
        """Keep the store, unless its own settings have changed. It connects with the first wrapped notification."""
        wanted = (store_url(config), config.store.timeout_ms, config.realm)
        if wanted != self._store_settings:
            self._store = open_store(config, telemetry.StoreOperations(self._metrics), _STORE_SECONDS)
            self._store_settings = wanted
        if any(handler.wrap is not None for handler in config.handlers.by_id.values()):
            self._store.watch()

    def start(self) -> None:
        """See ``milter_worker.MilterRole``. There are no background threads."""

    def finish(self, seconds: float) -> None:
        """See ``milter_worker.MilterRole``. An answered message leaves nothing to do."""
