"""A store that stops for half a minute, or is distant: answers in time, and no false replay afterwards."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.alone import Alone, alone, own_redis
from tests.faults.clients import arrived, ask_for, hand_over, in_words, opened
from tests.faults.distance import Distance
from tests.faults.letters import Letter, letters
from tests.faults.outcome import LONG, keep_records, milliseconds, outcome, verdicts
from tests.faults.retrying import Answer, Load, Record
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.wire.milter_alone import own_folder
from tests.wire.milter_client import CONTINUE, Mta

pytestmark = [pytest.mark.wire, pytest.mark.redis]

STOPPED_SECONDS = 30.0 if LONG else 2.0
AT_THE_DOT = 2000 if LONG else 50  # messages that are past RCPT when the store stops
RETRIED = 10_000 if LONG else 250  # all that come while it is stopped, these among them
FAR = 1000 if LONG else 60  # messages for each latency
ANSWER_SECONDS = 2.5
SLACK_MS = 20 if LONG else 150  # a figure is to be measured by itself; a short form runs beside anything


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisUnderTest]:
    """A Redis that a test stops."""
    with own_redis() as server:
        yield server


def _past_rcpt(host: Alone, letter: Letter) -> tuple[Letter, Mta]:
    mta = opened(host.milter.socket, 15)
    said = ask_for(mta, letter)
    assert said.code == CONTINUE, in_words(said)
    hand_over(mta, letter)
    return letter, mta


def _at_the_dot(host: Alone, letter: Letter, mta: Mta) -> Record:
    """The final dot, and what came of it."""
    began = time.monotonic()
    said = mta.end_of_message(f"4B{letter.seq:08X}")
    seconds = time.monotonic() - began
    mta.socket.close()
    arrival = arrived(said, letter, host.settings.seal_keys) if said.code == CONTINUE else ""
    return Record(letter, [Answer(in_words(said), seconds, seconds, arrival)], [arrival] if arrival else [])


def test_a_stopped_store_delays_nobody_and_leaves_no_false_replay(redis: RedisUnderTest) -> None:
    """SIGSTOP under load: claims that Redis carries out when it goes on are no replays of their own retries."""
    with alone(redis.url) as host, ThreadPoolExecutor(96) as clients:
        host.poured("warm", 50).finish()  # Redis knows the scripts
        waiting = [_past_rcpt(host, one) for one in letters(host.settings, "dot", AT_THE_DOT)]
        stopped = time.monotonic()
        with redis.stopped():
            met = list(clients.map(lambda one: _at_the_dot(host, *one), waiting))
            fresh = letters(host.settings, "rcpt", RETRIED - AT_THE_DOT)
            load = Load(host.client, fresh, 96 if LONG else 32, patience=120, wait=STOPPED_SECONDS).start()
            time.sleep(max(0.0, STOPPED_SECONDS - (time.monotonic() - stopped)))
            heard = sum(bool(record.answers) for record in load.records)
        load.finish()
        again = Load(host.client, iter([record.letter for record in met if not record.verdicts]), 16).start().finish()
    _merge(load, met, again)
    late = sum("retry" in record.verdicts for record in met)
    figures = {"stopped s": STOPPED_SECONDS, "heard while stopped": heard + len(met), "claims carried out late": late}
    found = outcome("store-stopped", load, {**figures, **verdicts(load.records)})
    keep_records("store-stopped", load)
    found.demand(found.slowest_ms <= ANSWER_SECONDS * 1000, f"an answer took {found.slowest_ms} ms")
    found.demand(late > 0, "no claim was carried out late: nothing was tried")
    found.demand(sum(len(record.answers) > 1 for record in load.records) >= RETRIED * 0.95, "too few were retried")
    found.tell()


def _merge(load: Load, met: list[Record], again: Load) -> None:
    """Those at the dot among the others, and all with what came when they were sent again."""
    retried = {record.letter.name: record for record in again.records}
    load.records += met
    for record in load.records:
        if record.letter.name in retried:
            record.answers += retried[record.letter.name].answers
            record.verdicts += retried[record.letter.name].verdicts


@pytest.fixture(scope="module")
def distance(redis: RedisUnderTest) -> Iterator[Distance]:
    """A proxy before that Redis."""
    with own_folder() as folder:
        proxy = Distance(folder, redis)
        yield proxy
        proxy.stop()


@pytest.fixture(scope="module")
def far(distance: Distance) -> Iterator[Alone]:
    """A milter whose Redis is as far as the proxy says."""
    with alone(distance.url) as host:
        yield host


@pytest.mark.parametrize(
    ("latency", "deadline"), [(50, 200), (200, 200), (1000, 200), (200, 1500), *([(1000, 1500)] if LONG else [])]
)
def test_a_far_store_costs_its_distance_or_is_given_up_in_time(
    far: Alone, distance: Distance, latency: int, deadline: int
) -> None:
    """Below the deadline: one round trip at RCPT, one at the dot, and 20 ms. Else 451 at the deadline, and 20 ms."""
    if f"timeout_ms = {deadline} " not in far.milter.config.read_text():
        far.change("timeout_ms = 200 ", f"timeout_ms = {deadline} ")
    Load(far.client, letters(far.settings, f"near-{latency}-{deadline}", 50), 8).start().finish()  # connected, and warm
    distance.milliseconds = latency
    wanted = min(FAR, 200 if latency == 1000 else FAR)
    fits = latency < deadline
    fault = f"store-{latency}-ms-deadline-{deadline}-ms"
    load = Load(far.client, letters(far.settings, fault, wanted), 8, patience=60 if fits else 0).start().finish()
    distance.milliseconds = 0
    tried = [answer for record in load.records for answer in record.answers]
    deferred = sum(answer.text.startswith("4") for answer in tried)
    if not fits:  # once more, when the store is near again
        _merge(
            load, [], Load(far.client, iter([one.letter for one in load.records if not one.taken]), 8).start().finish()
        )
    found = outcome(fault, load, verdicts(load.records))
    keep_records(fault, load)
    found.p50_ms, found.p99_ms = (milliseconds([one.last for one in tried], share) for share in (0.5, 0.99))
    bound = (latency if fits else deadline) + SLACK_MS
    found.figures["p99 bound ms"] = bound
    # Of a few messages p99 is the slowest, which may have waited behind others more than once.
    measured, name = (found.p99_ms, "p99") if LONG else (found.p50_ms, "p50")
    found.demand(measured <= bound, f"{name} is {measured} ms, and not {bound}")
    # At the deadline itself an answer may come just in time.
    found.figures["deferred while it was far"] = deferred
    found.demand(not deferred if fits else deferred >= 0.9 * len(tried), f"{deferred} of {len(tried)} deferred")
    found.tell()
