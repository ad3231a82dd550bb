"""The worker's role of minting reply addresses for notifications. Only wrapped ones need a store, and hardly wait."""

import secrets

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import ERROR_KINDS, MINTING_OPERATIONS
from reply_milter.adapters.state_dir.wrapped_mark import WrappedMark
from reply_milter.config import Config
from reply_milter.flows.service import MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.processes.milter_worker import Shared
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_store, store_url

_UNIQUE_OCTETS = 5
_STORE_SECONDS = 0.05  # how long a notification waits for the store at most


class Signer:
    """Implements ``milter_worker.MilterRole``. ``slot`` names its metrics."""

    def __init__(self, settings: Settings, shared: Shared, slot: str) -> None:
        self._metrics = telemetry.Metrics(shared.metrics_folder, slot, libmilter.SIGN.stages, MINTING_OPERATIONS)
        self._metrics.expect_errors(MINTING_OPERATIONS, ERROR_KINDS)
        self._telemetry = telemetry.WorkerTelemetry(self._metrics)
        self._store_settings: tuple[object, ...] = ()
        self._mark = WrappedMark(settings.config.state_dir)
        self.apply_settings(settings)
        self.callbacks = libmilter.MilterCallbacks(
            lambda client: Submission(lambda: self._service, client), libmilter.SIGN, lambda _client: self._telemetry
        )

    def apply_settings(self, settings: Settings) -> None:
        """See ``milter_worker.MilterRole``."""
        self._metrics.expect_handlers(handler.name for handler in settings.config.handlers.by_id.values())
        self._open_store(settings.config)
        self._service = MintingService(
            rules=settings.minting_rules(),
            clock=WallClock(),
            telemetry=self._telemetry,
            unique=lambda: secrets.token_hex(_UNIQUE_OCTETS),
            store=self._store,
            mark=self._mark,
        )

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
