"""Watches whether the store loses data: leaves marks in it, logs a loss, and then restores revocations."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import RedisEpochs, RedisInspection
from reply_milter.adapters.state_dir.loss_record import (
    LossRecord,
    LossRecordError,
    new_record,
    read_record,
    write_record,
)
from reply_milter.adapters.state_dir.revocation_journal import NAME, JournalError, RevocationJournal
from reply_milter.config import Config
from reply_milter.core.diagnosis import store as store_rules
from reply_milter.core.encoding.plural import counted
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
        self._record: LossRecord | None = None  # until it was read
        self._reported = 0.0
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
        return LossCondition(counts, self._record.lost_at if self._record else 0, self._restored)

    def _watch(self) -> None:
        examined = False
        while True:
            try:
                examined = examined or log_missing_rights(self._config())
                self.look()
            except LossRecordError as error:
                self._report(error)
            except Exception:
                log.exception("cannot watch the store")
            time.sleep(_LOOK_SECONDS)

    def _report(self, error: LossRecordError) -> None:
        """Log, now and then, why no mark is left: without the last ones, a loss would look like a first start."""
        now = time.monotonic()
        if not self._reported or now - self._reported >= _WRITE_SECONDS:
            log.error("cannot watch the store: %s; give the file to the daemon's user", error)
            self._reported = now

    def look(self) -> None:
        """Leave a mark, compare it with the last one, and remedy a loss.

        Raises:
            LossRecordError: the last marks can't be read. The store was left as it is.
        """
        self._record = record = self._record or self._read()
        try:
            seen = self._epochs.leave_mark(record.host)
        except StoreUnavailableError:
            return  # the workers count and log this
        found = losses(record.marks, seen, record.former)
        self._record = self._remedied(record.seen(seen), found, is_first=not record.marks)
        self._remember(self._record, bool(found))

    def _read(self) -> LossRecord:
        """Read the last marks. Where they make no sense, revocations may be lost, so they are restored."""
        try:
            return read_record(self._folder)
        except LossRecordError as error:
            if not error.damaged:
                raise
            log.error("%s: whether the store lost revocations is not known, so they are restored", error)
            return new_record().lost(self._clock.now())

    def _remedied(self, record: LossRecord, found: Iterable[Loss], is_first: bool) -> LossRecord:
        """Count what was ``found``, restore revocations after a loss, and return the record of that.

        At a first look, too: the file of marks may have been lost together with the store.
        """
        for loss in sorted(found):
            self._losses[loss] += 1
            log.error(
                "the store has lost data (%s): replies taken before may be replayed once; see runbooks/redis-loss.md",
                loss,
            )
            record = record.lost(self._clock.now())
        return self._restored_from_journal(record) if record.is_open or is_first else record

    def _restored_from_journal(self, record: LossRecord) -> LossRecord:
        """Restore this host's revocations; after a failure, the next look retries."""
        config, now = self._config(), self._clock.now()
        try:
            revocations, broken = RevocationJournal(self._folder / NAME).read(now)
            count = restore_revocations(open_registry(config), config.realm, revocations)
        except (JournalError, StoreUnavailableError) as error:
            log.error("cannot restore revocations, will retry: %s", error)
            return record if record.is_open else record.lost(now)
        if broken:
            log.error("skipped %s that cannot be read, of %s", counted(broken, "line"), self._folder / NAME)
        if count or record.is_open:
            log.warning("restored %s from this host's journal", counted(count, "revocation"))
        self._restored += count
        self._written = 0.0
        return record.restored(now)

    def _remember(self, record: LossRecord, at_once: bool) -> None:
        now = time.monotonic()
        if not at_once and self._written and now - self._written < _WRITE_SECONDS:
            return
        try:
            write_record(self._folder, record)
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
