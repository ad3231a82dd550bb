"""Redis loses all data, or that of its last second. Replayed messages have no second effect."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from tests.faults.alone import own_redis
from tests.faults.arrivals import collect_effects, reply_id
from tests.faults.clients import SmtpClient
from tests.faults.disturbance import Every
from tests.faults.letters import Letter, letters
from tests.faults.outcome import LONG, Outcome, milliseconds
from tests.faults.retrying import Load, Record
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.stores.redis_under_test import RedisUnderTest

pytestmark = [pytest.mark.system, pytest.mark.redis]

CAPTURED = 1000 if LONG else 60
CLIENTS = 4


@pytest.fixture
def redis() -> Iterator[RedisUnderTest]:
    """A Redis of the host's own, with an append-only file that is written once a second."""
    with own_redis() as server:
        yield server


@pytest.fixture
def host(redis: RedisUnderTest) -> Iterator[DeliverySite]:
    """A host with a delivery hook and that Redis; the application takes the same id twice, if the hook lets it."""
    running = DeliverySite()
    running.receiver.idempotent = False
    running.site.replace_in_settings('url = "embedded"', f'url = "{redis.url}"')
    try:
        yield running.start()
    finally:
        running.stop()


def _delivered(host: DeliverySite, name: str) -> Load:
    """Replies that had their effect."""
    load = Load(lambda: SmtpClient(host.site.mta.port), letters(host.site.settings, name, CAPTURED), CLIENTS)
    load.start().finish()
    collect_effects(host, load.records)
    assert all(record.verdicts == ["effect"] for record in load.records)
    return load


def _committed(redis: RedisUnderTest, ids: Sequence[str]) -> set[str]:
    """Which of them the store knows as delivered."""
    asked = redis.raw.pipeline(transaction=False)
    for one in ids:
        asked.hget(f"rm1:{one[:13]}", one[13:])
    return {one for one, kept in zip(ids, asked.execute(), strict=True) if (kept or b"")[:1] == b"C"}


class Once:
    """A client that takes any answer as the last."""

    def __init__(self, host: DeliverySite, given: Sequence[Letter]) -> None:
        self.load = Load(lambda: SmtpClient(host.site.mta.port), iter(given), CLIENTS).start().finish()

    def taken(self) -> list[Record]:
        """What the milter let in."""
        return [record for record in self.load.records if record.taken]


def _send_again(host: DeliverySite, fault: str, load: Load, lost: set[str]) -> None:
    """All of it; ``lost`` are the ids that the store has forgotten."""
    settings = host.site.settings
    again = Once(host, [record.letter for record in load.records])
    let_in = {reply_id(settings, record.letter) for record in again.taken()}
    collect_effects(host, load.records)
    tally = Counter(record.answers[-1].text[:9] for record in again.load.records)
    answers = [answer for record in again.load.records for answer in record.answers]
    found = Outcome(fault, len(load.records), tries=len(answers), seconds=round(load.seconds + again.load.seconds, 1))
    found.p50_ms, found.p99_ms = (milliseconds([one.last for one in answers], share) for share in (0.5, 0.99))
    found.figures = {"forgotten": len(lost), "let in again": len(let_in), "refused again": tally["550 5.7.1"]}
    found.lost = sum(not record.verdicts for record in load.records)
    found.doubled = sum(count > 1 for count in host.receiver.posts.values())
    found.demand(let_in <= lost, f"{len(let_in - lost)} let in that were not forgotten")
    found.demand(not found.lost and not found.doubled, f"{found.lost} lost, {found.doubled} doubled effects")
    found.demand(len(let_in) > 0, "nothing was forgotten: nothing was tried")
    found.tell()


def test_an_emptied_store(host: DeliverySite, redis: RedisUnderTest) -> None:
    """FLUSHALL: every captured reply passes the milter once more, and the hook's record stops each."""
    load = _delivered(host, "emptied")
    redis.command("FLUSHALL")
    ids = {reply_id(host.site.settings, record.letter) for record in load.records}
    _send_again(host, "store-emptied", load, ids)


def test_a_store_set_back_by_a_second(host: DeliverySite, redis: RedisUnderTest) -> None:
    """kill -9 right after the last delivery, and the append-only file cut to what it was a second before."""
    (log,) = (redis.folder / "appendonlydir").glob("*.incr.aof")
    sizes: list[tuple[float, int]] = []
    with Every(0.05, lambda: sizes.append((time.monotonic(), log.stat().st_size))):
        load = _delivered(host, "set-back")
    ids = [reply_id(host.site.settings, record.letter) for record in load.records]
    before = _committed(redis, ids)
    assert len(before) == len(ids)
    last_change = max(at for at, size in sizes if size < sizes[-1][1])
    redis.stop()
    second_before = max(size for at, size in sizes if at <= last_change - (1.0 if LONG else 0.2))
    with open(log, "r+b") as file:
        file.truncate(second_before)
    redis.start()
    _send_again(host, "store-set-back", load, before - _committed(redis, ids))
