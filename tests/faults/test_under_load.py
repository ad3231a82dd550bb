"""Faults while a real Postfix receives many replies: each arrives once, sealed, and none is refused wrongly."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.faults.alone import own_redis
from tests.faults.arrivals import collect
from tests.faults.clients import SmtpClient
from tests.faults.disturbance import Every
from tests.faults.letters import letters
from tests.faults.outcome import LONG, keep_records, outcome, verdicts
from tests.faults.retrying import Load
from tests.support.hosts.site_under_test import Site
from tests.support.stores.redis_under_test import RedisUnderTest

pytestmark = pytest.mark.system

MESSAGES = 15_000 if LONG else 400
CLIENTS = 6
RELOADS = 60 if LONG else 5
RESTARTS = 20 if LONG else 2
STORE_KILLS = 8 if LONG else 2


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A host as ``init`` sets it up: the embedded store, 200 ms of patience with it."""
    running = Site(timeout_ms=200)
    try:
        yield running.start()
    finally:
        running.stop()


def poured(site: Site, name: str, wanted: int, go_on: Callable[[], bool] | None = None) -> Load:
    """A load on its way: replies by six clients that retry."""
    return Load(lambda: SmtpClient(site.mta.port), letters(site.settings, name, wanted, go_on), CLIENTS).start()


def _kill_a_worker(site: Site) -> None:
    for pid in site.daemon.workers()[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_workers_killed_every_second(site: Site) -> None:
    """kill -9 of a worker per second: its messages are answered 451, and their retries accepted."""
    kills = Every(1.0 if LONG else 0.25, lambda: _kill_a_worker(site))
    with kills:
        load = poured(site, "workers", MESSAGES).finish()
    collect(site, load.records)
    found = outcome("workers-killed", load, {"kills": kills.times, **verdicts(load.records)})
    keep_records("workers-killed", load)
    found.demand(kills.times >= 2, "too few kills")
    found.tell()


def test_reloads_are_not_noticed(site: Site) -> None:
    """SIGHUP after SIGHUP, each with another rule in the file: not one 451."""
    changes = [{}, {"forged_per_minute = 60": "forged_per_minute = 90"}]

    def reload() -> None:
        site.configure(changes[reloads.times % 2])
        site.daemon.reload()

    reloads = Every(0.2, reload, RELOADS)
    with reloads:
        load = poured(site, "reloads", 0, lambda: reloads.goes_on).finish()
    collect(site, load.records)
    found = outcome("reloads", load, {"reloads": reloads.times, **verdicts(load.records)})
    keep_records("reloads", load)
    found.demand(found.deferred + found.dropped == 0, f"{found.deferred} x 4xx and {found.dropped} dropped")
    found.demand(reloads.times == RELOADS, f"only {reloads.times} reloads")
    found.tell()


def test_restarts_only_defer(site: Site) -> None:
    """SIGTERM and a new start: gone within two seconds, 451 meanwhile, and nothing else."""
    ends: list[float] = []

    def restart() -> None:
        ends.append(site.daemon.stop())
        site.daemon.log_path.rename(site.daemon.log_path.with_suffix(".before"))
        site.daemon.start()

    restarts = Every(0.5, restart, RESTARTS)
    with restarts:
        load = poured(site, "restarts", 0, lambda: restarts.goes_on).finish()
    collect(site, load.records)
    figures = {"restarts": restarts.times, "slowest end s": round(max(ends), 2), **verdicts(load.records)}
    found = outcome("restarts", load, figures)
    keep_records("restarts", load)
    most = 2.0 if LONG else 3.0  # other tests run beside the short form
    found.demand(max(ends) <= most, f"an end took {max(ends):.2f} s")
    found.demand(found.dropped == 0, f"{found.dropped} connections dropped")
    found.demand(restarts.times == RESTARTS, f"only {restarts.times} restarts")
    found.tell()


@pytest.fixture
def redis() -> Iterator[RedisUnderTest]:
    """A Redis of the host's own, with an append-only file."""
    with own_redis() as server:
        yield server


def test_a_store_killed_again_and_again(redis: RedisUnderTest) -> None:
    """kill -9 of Redis under load, restarted a second later: 451 meanwhile, and at most two seconds longer."""
    site = Site({r'url = "embedded"': f'url = "{redis.url}"'}, timeout_ms=200)
    gone: list[tuple[float, float]] = []

    def kill() -> None:
        redis.stop()
        down = time.monotonic()
        time.sleep(1.0)
        redis.start()
        gone.append((down, time.monotonic()))

    try:
        site.start()
        kills = Every(2.0 if LONG else 0.5, kill, STORE_KILLS)
        with kills:
            load = poured(site, "store", 0, lambda: kills.goes_on).finish()
        collect(site, load.records)
    finally:
        site.stop()
    away = sum(back - down for down, back in gone)
    figures = {"kills": kills.times, "store away s": round(away, 1), **verdicts(load.records)}
    found = outcome("store-killed", load, figures)
    keep_records("store-killed", load)
    found.demand(kills.times == STORE_KILLS, f"only {kills.times} kills")
    found.demand(found.deferred > 0, "nothing was deferred: the store was not missed")
    found.tell()
