"""The worker's role of minting reply addresses for notifications. Needs no store: notifications never wait for one."""

import secrets

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.os.clock import WallClock
from reply_milter.flows.service import MintingService
from reply_milter.flows.signing.outbound import Submission
from reply_milter.processes.milter_worker import Shared
from reply_milter.wiring.settings import Settings

_UNIQUE_OCTETS = 5


class Signer:
    """Implements ``milter_worker.MilterRole``. ``slot`` names its metrics."""

    def __init__(self, settings: Settings, shared: Shared, slot: str) -> None:
        self._metrics = telemetry.Metrics(shared.metrics_folder, slot, libmilter.SIGN.stages, ())
        self._telemetry = telemetry.WorkerTelemetry(self._metrics)
        self.apply_settings(settings)
        self.callbacks = libmilter.MilterCallbacks(
            lambda client: Submission(lambda: self._service, client), libmilter.SIGN, lambda _client: self._telemetry
        )

    def apply_settings(self, settings: Settings) -> None:
        """See ``milter_worker.MilterRole``."""
        self._metrics.expect_handlers(handler.name for handler in settings.config.handlers.by_id.values())
        self._service = MintingService(
            rules=settings.minting_rules(),
            clock=WallClock(),
            telemetry=self._telemetry,
            unique=lambda: secrets.token_hex(_UNIQUE_OCTETS),
        )

    def start(self) -> None:
        """See ``milter_worker.MilterRole``. There are no background threads."""

    def finish(self, seconds: float) -> None:
        """See ``milter_worker.MilterRole``. An answered message leaves nothing to do."""
