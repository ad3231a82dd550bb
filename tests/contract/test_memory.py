"""What a remembered reply costs in Redis, as the difference in used_memory. The figure in docs/operations.md."""

import os

import pytest
import redis

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.core.encoding import base32
from reply_milter.ports import Claim
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.support.stores.store_bench import outcome

pytestmark = pytest.mark.redis

COUNT = 20_000
OCTETS = 260


def test_a_remembered_reply_takes_at_most_260_octets(server: RedisUnderTest) -> None:
    """Each of another address: the dearest case."""
    store = RedisStore(server.url, 5.0, "memory")
    with redis.Redis.from_url(server.url) as client:
        before = client.info("memory")["used_memory"]
        for number in range(COUNT):
            tag = base32.leftmost(os.urandom(32), 13)
            outcome(store, Claim(tag, tag[::-1], os.urandom(10), os.urandom(6), 4_000_000_000 + number))
        octets = (client.info("memory")["used_memory"] - before) / COUNT
    store.close()
    print(f"\n{octets:.0f} octets of Redis for each remembered reply, over {COUNT}")
    assert octets <= OCTETS
