"""The worker's trade of verifying replies: service, store, settling thread, and what is put on record behind them."""

import threading
import time
from contextlib import suppress

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.redis_store import OPERATIONS
from reply_milter.adapters.settler import SettlingThread
from reply_milter.adapters.wall_clock import WallClock
from reply_milter.app import open_registry, open_store, store_url
from reply_milter.config import Config
from reply_milter.flows.inbound import Connection
from reply_milter.flows.service import Service
from reply_milter.ports import StoreUnavailableError
from reply_milter.settings import Settings
from reply_milter.worker import Shared

_KEY_USE_SECONDS = 2.0


class Verifier:
    """Implements ``worker.Trade``. ``slot`` names its metrics."""

    def __init__(self, settings: Settings, shared: Shared, slot: str) -> None:
        self._shared = shared
        metrics = telemetry.Metrics(shared.metrics_folder, slot, libmilter.VERIFY.stages, OPERATIONS)
        self._telemetry = telemetry.WorkerTelemetry(metrics)
        self._settling: SettlingThread | None = None
        self._store_settings: tuple[object, ...] = ()
        self.settle(settings)
        self.door = libmilter.Door(
            lambda client: Connection(lambda: self._service, client), libmilter.VERIFY, self._telemetry
        )

    def settle(self, settings: Settings) -> None:
        """See ``worker.Trade``. Store and settling thread stay, unless what they were made of has changed."""
        config = settings.config
        if _store_settings(config) != self._store_settings:
            self._store = open_store(config, self._telemetry)
            self._registry = open_registry(config)
            if self._settling is None:
                self._settling = SettlingThread(self._store, config.settle_ms / 1000)
            else:
                self._settling.renew(self._store, config.settle_ms / 1000)
            self._store_settings = _store_settings(config)
        self._service = Service(
            rules=settings.rules(),
            guesses=self._shared.guesses,
            store=self._store,
            settler=self._settling if config.commit_on_accept else None,
            clock=WallClock(),
            telemetry=self._telemetry,
        )

    def start(self) -> None:
        """See ``worker.Trade``."""
        threading.Thread(target=self._record_key_use, name="key use", daemon=True).start()

    def finish(self, seconds: float) -> None:
        """See ``worker.Trade``. Commits what was answered."""
        if self._settling is not None:
            self._settling.flush(seconds)

    def _record_key_use(self) -> None:
        """Behind everybody's back: see that the store is up, and tell it when keys were last used."""
        recorded: dict[str, int] = {}
        while True:
            with suppress(StoreUnavailableError):  # counted, and shown as store_up
                self._store.ping()
            time.sleep(_KEY_USE_SECONDS)
            used = {key: when for key, when in dict(self._telemetry.keys_used).items() if recorded.get(key) != when}
            if not used:
                continue
            with suppress(StoreUnavailableError):  # it is told again with the next use
                self._registry.note_key_use(used)
                recorded.update(used)


def _store_settings(config: Config) -> tuple[object, ...]:
    return store_url(config), config.timeout_ms, config.realm, config.settle_ms
