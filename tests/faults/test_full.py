"""Nothing more fits: Redis' memory, Redis' disk, the disk of state_dir. 451, never a silent yes; then it goes on."""

import time
from collections.abc import Callable

import pytest
from redis import Redis

from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import store_url
from tests.faults.alone import alone, own_redis
from tests.faults.arrivals import collect_effects, remembered
from tests.faults.clients import SmtpClient
from tests.faults.full_disk import HEEDLESS, SmallDisk, limit_files, small_disk
from tests.faults.letters import letters
from tests.faults.outcome import LONG, keep_records, outcome, verdicts
from tests.faults.retrying import Client, Load
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.processes.daemon_process import wait_until
from tests.support.stores.redis_under_test import RedisUnderTest

pytestmark = [pytest.mark.wire, pytest.mark.redis]

BEFORE = 5_000 if LONG else 300  # messages before it is full
FULL_SECONDS = 10.0 if LONG else 1.0
DISK = 16_000_000


class Flood:
    """Replies that pour in, until something was full for a while, and for a moment after."""

    def __init__(self, connect: Callable[[], Client], settings: Settings, fault: str, before: int = BEFORE) -> None:
        self.fault, self._before, self._over = fault, before, False
        self.load = Load(connect, letters(settings, fault, before, lambda: not self._over), 8)

    def meets(self, fill: Callable[[], object], make_room: Callable[[], object]) -> None:
        """``fill`` it, and after a while ``make_room``."""
        self.load.start()
        wait_until(lambda: len(self.load.records) >= self._before, 120, "a load")
        fill()
        full = time.monotonic()
        wait_until(lambda: self.load.waiting > 0, 60, "something is put off")
        time.sleep(FULL_SECONDS)  # what was on its way has its answer by now
        taken = self._taken()
        time.sleep(FULL_SECONDS)
        self.taken_while_full = self._taken() - taken
        make_room()
        room = time.monotonic()
        wait_until(lambda: self._taken() > taken + self.taken_while_full, 60, "a yes again")
        self.full_seconds, self.back_seconds = room - full, time.monotonic() - room
        self._over = True
        self.load.finish()

    def tell(self, known: int) -> None:
        """Judge it; the store knows so many of the messages."""
        figures = {
            "full s": round(self.full_seconds, 1),
            "taken while full": self.taken_while_full,
            "first yes after s": round(self.back_seconds, 2),
            "taken and not remembered": self._taken() - known,
        }
        found = outcome(self.fault, self.load, {**figures, **verdicts(self.load.records)})
        keep_records(self.fault, self.load)
        found.demand(self._taken() == known, f"{self._taken()} taken, and {known} remembered")
        found.demand(self.back_seconds <= 5, f"no yes for {self.back_seconds:.1f} s after there was room")
        found.tell()

    def _taken(self) -> int:
        return sum(record.taken for record in list(self.load.records))


def test_redis_without_memory() -> None:
    """maxmemory is reached, and nothing may be evicted."""
    with own_redis() as redis, alone(redis.url) as host:

        def fill() -> None:
            used = int(redis.command("INFO", "memory")["used_memory"])
            redis.command("CONFIG", "SET", "maxmemory", used + 200_000)

        flood = Flood(host.client, host.settings, "redis-memory-full")
        flood.meets(fill, lambda: redis.command("CONFIG", "SET", "maxmemory", 0))
        known = remembered(redis.side, host.settings, flood.load.records)
    flood.tell(known)


def test_redis_without_disk() -> None:
    """Its append-only file can't grow: Redis refuses writes until it can."""
    with own_redis() as redis:
        redis.stop()
        redis.wrapper = HEEDLESS
        redis.start()
        with alone(redis.url) as host:
            flood = Flood(host.client, host.settings, "redis-disk-full")
            flood.meets(lambda: limit_files(redis.pid, _log_size(redis)), lambda: limit_files(redis.pid, -1))
            known = remembered(redis.side, host.settings, flood.load.records)
    flood.tell(known)


def _log_size(redis: RedisUnderTest) -> int:
    """Octets of the append-only file that is written to."""
    return max(path.stat().st_size for path in (redis.folder / "appendonlydir").glob("*.incr.aof"))


@pytest.mark.system
def test_state_dir_without_room() -> None:
    """Store, metrics and the hook's record all lie there; workers that die meanwhile come back, and say 451."""
    host = DeliverySite()
    with small_disk(host.site.folder / "state", DISK) as disk:
        try:
            if disk is None:
                pytest.skip("no tmpfs can be mounted here")
            host.start()
            flood = _fill_the_state_dir(host, disk)
            with Redis.from_url(store_url(host.site.settings.config)) as store:
                known = remembered(store, host.site.settings, flood.load.records)
        finally:
            host.stop()
    flood.tell(known)


def _fill_the_state_dir(host: DeliverySite, disk: SmallDisk) -> Flood:
    site = host.site

    def fill() -> None:
        disk.fill()
        site.daemon.kill_workers()

    fault = "state-dir-full"
    flood = Flood(lambda: SmtpClient(site.mta.port), site.settings, fault, BEFORE // 5)
    flood.meets(fill, disk.make_room)
    collect_effects(host, flood.load.records)
    return flood
