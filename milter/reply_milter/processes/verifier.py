"""The worker's role of verifying replies: service, store, commit queue, and the record of when keys were used."""

import threading
import time
from contextlib import suppress
from dataclasses import replace

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.milter_loop import ConnectionCounts, MilterLoop
from reply_milter.adapters.native_sources import Sources
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import ERROR_KINDS, OPERATIONS
from reply_milter.adapters.redis_store.commit_queue import CommitQueue
from reply_milter.adapters.redis_store.store import RedisStore
from reply_milter.adapters.state_dir.deliveries import SqliteParkingRoom
from reply_milter.adapters.state_dir.wrapped_mark import WrappedMark
from reply_milter.config import Config
from reply_milter.config.verify import Engine
from reply_milter.core.native.verification import LinesFile, Query
from reply_milter.core.token.canary import canary_handler
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping.canary import wrapped_canary_handler
from reply_milter.flows.native_canary import native_canaries
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.flows.verifying.passing_store import PassingStore
from reply_milter.flows.verifying.possible_decisions import possible_decisions
from reply_milter.ports import ConnectionTelemetry, Store, StorePipeline, StoreUnavailableError, Watcher
from reply_milter.processes.milter_worker import Milter, Shared
from reply_milter.processes.plan import ProcessKind
from reply_milter.wiring.natives import wanted_sources
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_registry, open_store, store_url

_KEY_USE_SECONDS = 2.0


class Verifier:
    """Implements ``milter_worker.MilterRole``. ``slot`` names its metrics."""

    def __init__(self, settings: Settings, shared: Shared, slot: str) -> None:
        self._shared = shared
        self._metrics = telemetry.Metrics(shared.metrics_folder, slot, libmilter.VERIFY.stages, OPERATIONS)
        self._metrics.expect_errors(OPERATIONS, ERROR_KINDS)
        has_one_thread = settings.config.verify.engine is Engine.LOOP
        self._telemetry = telemetry.WorkerTelemetry(self._metrics, holds_log=has_one_thread)
        self._silent = telemetry.SilentTelemetry()
        self._store_telemetry = telemetry.StoreOperations(self._metrics)
        self._commits: CommitQueue | None = None
        self._store_settings: tuple[object, ...] = ()
        self._mark = WrappedMark(settings.config.state_dir)
        self._natives: Sources | None = None
        self._wanted_natives: dict[int, LinesFile | Query] = {}
        self.apply_settings(settings)
        self.milter: Milter = self._engine(settings.config, slot)

    def apply_settings(self, settings: Settings) -> None:
        """See ``milter_worker.MilterRole``. Keeps store and commit queue, unless their own settings have changed."""
        config = settings.config
        if _store_settings(config) != self._store_settings:
            self._store = open_store(config, self._store_telemetry)
            self._store.watch()
            self._registry = open_registry(config)
            if self._commits is None:
                delay = config.replay.settle_ms / 1000
                self._commits = CommitQueue(self._store, delay, self._telemetry.commit_dropped)
            else:
                self._commits.renew(self._store, config.replay.settle_ms / 1000)
            self._store_settings = _store_settings(config)
        self._renew_natives(config)
        rules = settings.rules()
        self._metrics.expect_handlers(config.handlers)
        self._telemetry.expect(possible_decisions(rules))
        self._key_ids = {key.id for key in settings.keyring.keys}
        self._telemetry.expect_keys(self._key_ids)
        self._service = Service(
            rules=rules,
            guesses=self._shared.guesses,
            store=self._store,
            commits=self._commits,
            clock=WallClock(),
            telemetry=self._telemetry,
            parking_room=_parking_room(config),
            mark=self._mark,
            natives=self._natives,
        )
        self._canary_service = self._for_canaries(self._service)

    def _engine(self, config: Config, slot: str) -> Milter:
        """Return what speaks the milter protocol. The number of the worker is the end of its ``slot``."""

        def telemetry_of(client: str) -> ConnectionTelemetry:
            return self._silent if client == self._shared.canary_address else self._telemetry

        def accepts_early() -> bool:
            return self._service.rules.verify.accept_early

        if config.verify.engine is Engine.PYMILTER:
            return libmilter.MilterCallbacks(self._converse, libmilter.VERIFY, telemetry_of, accepts_early)
        number = int(slot.removeprefix(ProcessKind.VERIFY.value))
        counts = ConnectionCounts(self._shared.connections, number)
        return MilterLoop(self._converse, telemetry_of, accepts_early, counts, _pipeline, self._telemetry.write_log)

    def _renew_natives(self, config: Config) -> None:
        """Watch the sources of the handlers that verify native addresses; the same ones go on."""
        wanted = wanted_sources(config.handlers)
        self._names = {number: config.handlers.by_id[number].name for number in wanted}
        if wanted != self._wanted_natives:
            if self._natives is not None:
                self._natives.close()
            self._natives = Sources(wanted, self._source_looked_at) if wanted else None
            if self._natives is not None:
                self._natives.start()
            self._wanted_natives = wanted

    def _source_looked_at(self, handler_id: int, is_up: bool, changed: float) -> None:
        self._metrics.wrapped.source_looked_at(self._names[handler_id], is_up, changed)

    def _for_canaries(self, service: Service) -> Service | None:
        """Return a copy of the service for canary connections: handlers that no configuration has, no telemetry.

        Of configured handlers only those that have a native canary, in enforce mode. The store is asked, and keeps
        nothing; no milter vouches for a canary's answer.
        """
        handler, wrapped = canary_handler(service.rules.handlers), wrapped_canary_handler(service.rules.handlers)
        if handler is None:
            return None
        natives = [replace(one, policy=Policy()) for one in native_canaries(service.rules.handlers)]
        handlers = Handlers.of([handler, *natives] if wrapped is None else [handler, wrapped, *natives])
        verify = replace(service.rules.verify, peers=(), forged_per_minute=0, authserv_id="")
        rules = replace(service.rules, handlers=handlers, policy=handler.policy, verify=verify)
        store = PassingStore(service.store)
        return replace(service, rules=rules, store=store, commits=None, telemetry=self._silent, mark=None)

    def _converse(self, client: str) -> Connection:
        if client == self._shared.canary_address:
            return Connection(lambda: self._canary_service or self._service, client)
        return Connection(lambda: self._service, client)

    def start(self) -> None:
        """See ``milter_worker.MilterRole``."""
        threading.Thread(target=self._record_key_use, name="key use", daemon=True).start()

    def finish(self, seconds: float) -> None:
        """See ``milter_worker.MilterRole``. Commits the claims of answered messages."""
        if self._commits is not None:
            self._commits.flush(seconds)

    def _record_key_use(self) -> None:
        """In the background: check that the store is up, and record in it when keys were last used."""
        with suppress(StoreUnavailableError):
            used = self._registry.key_use()
            self._telemetry.recall_keys({key: when for key, when in used.items() if key in self._key_ids})
        recorded: dict[str, int] = {}
        while True:
            with suppress(StoreUnavailableError):  # counted, and shown as store_up
                self._store.ping()
            time.sleep(_KEY_USE_SECONDS)
            used = {key: when for key, when in dict(self._telemetry.keys_used).items() if recorded.get(key) != when}
            if not used:
                continue
            with suppress(StoreUnavailableError):  # recorded with the next use
                self._registry.note_key_use(used)
                recorded.update(used)


def _pipeline(store: Store, watcher: Watcher) -> StorePipeline | None:
    """The canary's store has none: it is asked for one message a minute."""
    return store.pipeline(watcher) if isinstance(store, RedisStore) else None


def _parking_room(config: Config) -> SqliteParkingRoom | None:
    delivery = config.delivery
    return SqliteParkingRoom(config.state_dir, delivery.confirmation.room) if delivery is not None else None


def _store_settings(config: Config) -> tuple[object, ...]:
    return store_url(config), config.store.timeout_ms, config.realm, config.replay.settle_ms
