"""Watches whether the store loses data: leaves marks in it, logs a loss, and then restores revocations."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import RedisEpochs, RedisInspection
from reply_milter.adapters.state_dir.loss_record import read_record, write_record
from reply_milter.adapters.state_dir.revocation_journal import NAME, JournalError, RevocationJournal
from reply_milter.config import Config
from reply_milter.core.diagnosis import store as store_rules
from reply_milter.core.epoch import Loss, losses
from reply_milter.flows.revocations import restore_revocations
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.condition import LossCondition
from reply_milter.wiring.stores import open_registry, store_url

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_WRITE_SECONDS = 30.0  # how often marks are written to disk while nothing happens
_TIMEOUT_SECONDS = 1.0


class StoreWatch:
    """``config`` returns the settings in force; its store and ``state_dir`` never change. One thread uses this."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._folder = Path(config().state_dir)
        self._epochs = RedisEpochs(store_url(config()), _TIMEOUT_SECONDS)
        self._record = read_record(self._folder)
        self._clock = WallClock()
        self._written = 0.0
        self._losses: Counter[Loss] = Counter()
        self._restored = 0

    def start(self) -> None:
        """Start the thread that watches."""
        threading.Thread(target=self._watch, name="store watch", daemon=True).start()

    def condition(self) -> LossCondition:
        """Return the losses, for the metrics."""
        counts = {loss: self._losses[loss] for loss in Loss}
        return LossCondition(counts, self._record.lost_at, self._restored)

    def _watch(self) -> None:
        examined = False
        while True:
            try:
                examined = examined or log_missing_rights(self._config())
                self.look()
            except Exception:
                log.exception("cannot watch the store")
            time.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Leave a mark, compare it with the last one, and remedy a loss."""
        try:
            seen = self._epochs.leave_mark(self._record.host)
        except StoreUnavailableError:
            return  # the workers count and log this
        found = losses(self._record.marks, seen, self._record.former)
        self._record = self._record.seen(seen)
        for loss in sorted(found):
            self._losses[loss] += 1
            log.error(
                "the store has lost data (%s): replies taken before may be replayed once; see runbooks/redis-loss.md",
                loss,
            )
        if found:
            self._record = self._record.lost(self._clock.now())
        if self._record.is_open:
            self._remedy()
        self._remember(bool(found))

    def _remedy(self) -> None:
        """Restore this host's revocations; after a failure, the next look retries."""
        config, now = self._config(), self._clock.now()
        try:
            revocations, broken = RevocationJournal(self._folder / NAME).read(now)
            count = restore_revocations(open_registry(config), config.realm, revocations)
        except (JournalError, StoreUnavailableError) as error:
            log.error("cannot restore revocations, will retry: %s", error)
            return
        if broken:
            log.error("%d lines of %s cannot be read and were skipped", broken, self._folder / NAME)
        log.warning("%d revocations were restored from this host's journal", count)
        self._restored += count
        self._record = self._record.restored(now)
        self._written = 0.0

    def _remember(self, at_once: bool) -> None:
        now = time.monotonic()
        if not at_once and self._written and now - self._written < _WRITE_SECONDS:
            return
        try:
            write_record(self._folder, self._record)
            self._written = now
        except OSError as error:
            log.warning("cannot write the store's marks to %s: %s", self._folder, error.strerror)


def log_missing_rights(config: Config) -> bool:
    """Log what the store's user may not do, with doctor's remedy; False if a part of the store does not answer."""
    several = RedisInspection(store_url(config)).look_at_all()
    if any(found.seconds is None for found in several):
        return False
    for problem in dict.fromkeys(problem for found in several for problem in store_rules.examine_rights(found)):
        log.error("%s: %s; run in redis-cli: %s", problem.what, problem.why, problem.remedy.line)
    return True
