"""Several processes race for the same messages: each message is the first of exactly one."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.ports import Replay
from tests.support.stores.racer import of, race
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest
from tests.support.stores.store_bench import outcome

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

RACERS = 6
MESSAGES = 20_000


def test_every_message_has_exactly_one_first(server: RedisUnderTest, opened: Callable[..., RedisStore]) -> None:
    """20,000 messages, six processes, one Redis; all others are retries, and one commit makes them duplicates."""
    start_at = time.clock_gettime(time.CLOCK_REALTIME) + 1.0
    with ProcessPoolExecutor(RACERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        runs = [pool.submit(race, server.url, racer, MESSAGES, start_at) for racer in range(RACERS)]
        results = [run.result() for run in runs]
    firsts = Counter(number for first, _, _ in results for number in first)
    assert firsts == Counter(range(MESSAGES))
    assert [odd for _, odd, _ in results] == [0] * RACERS
    seconds = max(seconds for _, _, seconds in results)
    shares = [len(first) for first, _, _ in results]
    print(
        f"\n{RACERS * MESSAGES} claims in {seconds:.1f} s: {RACERS * MESSAGES / seconds:,.0f} a second; firsts {shares}"
    )
    store = opened(server)
    assert store.commit(of(7, 0).id) is True
    assert outcome(store, of(7, 1)) is Replay.DUPLICATE
