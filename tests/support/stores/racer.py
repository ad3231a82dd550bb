"""One of several processes that race for the same messages."""

import time

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.ports import Claim, Replay
from tests.support.fakes import REALM
from tests.support.stores.store_bench import claim, outcome


def of(number: int, racer: int) -> Claim:
    """One racer's claim of one message; ten messages per token."""
    return claim(
        token_id=f"tok{number // 10:010}",
        message_tag=f"msg{number:010}",
        content=number.to_bytes(10),
        owner=racer.to_bytes(6),
    )


def race(url: str, racer: int, messages: int, start_at: float) -> tuple[list[int], int, float]:
    """Claim every message, all racers in the same order, as of ``start_at`` (Unix seconds).

    Returns the numbers of those that were the first, how many were neither that nor a retry, and the seconds it took.
    """
    store = RedisStore(url, 5.0, REALM)
    store.ping()
    _wait_for(start_at)
    began = time.monotonic()
    first, odd = [], 0
    for number in range(messages):
        found = outcome(store, of(number, racer))
        first += [number] if found is Replay.FIRST else []
        odd += found not in (Replay.FIRST, Replay.RETRY)
    store.close()
    return first, odd, time.monotonic() - began


def _wait_for(moment: float) -> None:
    while time.clock_gettime(time.CLOCK_REALTIME) < moment:
        pass
