"""One process that answers the MTA, on a listening socket that it shares with its siblings."""

import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.redis_store import OPERATIONS
from reply_milter.adapters.settler import SettlingThread
from reply_milter.app import Settings, WallClock, load, open_registry, open_store, store_url
from reply_milter.config import Config, ConfigError
from reply_milter.core.throttle import GuessTable
from reply_milter.flows.service import Service
from reply_milter.ports import StoreUnavailableError

log = logging.getLogger(__name__)

RELOAD, END = b"R", b"E"
_STAGES = ("rcpt", "eom")
_KEY_USE_SECONDS = 2.0
_DRAIN_SECONDS = 0.9  # for messages that are on their way when the daemon is told to end


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of a daemon share: the guess table's memory and the metrics folder."""

    config_path: str
    guesses: GuessTable
    metrics_folder: str


class Worker:
    """One process that answers the MTA. Takes orders by pipe, never by signal: libmilter listens to those."""

    def __init__(self, settings: Settings, shared: Shared, slot: int, orders: int) -> None:
        self._shared = shared
        self._orders = orders
        metrics = telemetry.Metrics(shared.metrics_folder, f"worker{slot}", _STAGES, OPERATIONS)
        self._telemetry = telemetry.WorkerTelemetry(metrics)
        self._settling: SettlingThread | None = None
        self._service = self._build(settings, None)
        self._door = libmilter.Door(lambda: self._service, self._telemetry)

    def run(self) -> None:
        """Answer until told to end.

        libmilter runs beside the main thread: it blocks HUP, TERM and INT for a moment where it starts, and a signal
        that the main thread blocks is kept for it, though ignored. It would stop, and take the socket of all along.
        """
        self._door.register()
        threading.Thread(target=self._answer, name="libmilter", daemon=True).start()
        threading.Thread(target=self._record_key_use, name="key use", daemon=True).start()
        self._obey()

    def _answer(self) -> None:
        try:
            libmilter.serve()
        finally:
            log.error("libmilter ended by itself")
            os._exit(1)

    def _build(self, settings: Settings, last: Config | None) -> Service:
        """The service for ``settings``. Store and settling thread stay, unless what they were made of has changed."""
        config = settings.config
        if last is not None:  # where the store is takes a restart
            config = replace(config, store_url=last.store_url, state_dir=last.state_dir)
        if last is None or _store_settings(config) != _store_settings(last):
            self._store = open_store(config, self._telemetry)
            self._registry = open_registry(config)
            if self._settling is None:
                self._settling = SettlingThread(self._store, config.settle_ms / 1000)
            else:
                self._settling.renew(self._store, config.settle_ms / 1000)
        self._config = config
        return Service(
            rules=settings.rules(),
            guesses=self._shared.guesses,
            store=self._store,
            settler=self._settling if config.commit_on_accept else None,
            clock=WallClock(),
            telemetry=self._telemetry,
        )

    def _obey(self) -> None:
        while True:
            order = os.read(self._orders, 1)
            if order != RELOAD:  # told to end, or the supervisor is gone
                self._end()
            try:
                self._service = self._build(load(self._shared.config_path), self._config)
                telemetry.log_to_stderr(self._config.log_json, self._config.log_level)
                log.info("reloaded")
            except ConfigError as error:
                log.error("not reloaded, the old settings stay: %s", "; ".join(error.problems))
            except Exception:
                log.exception("not reloaded, the old settings stay")

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

    def _end(self) -> None:
        """Let messages that are on their way come to their end, then commit what was answered."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not self._door.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._settling is not None:
            self._settling.flush(max(0.05, deadline - time.monotonic()))
        os._exit(0)


def _store_settings(config: Config) -> tuple[object, ...]:
    return store_url(config), config.timeout_ms, config.realm, config.settle_ms
