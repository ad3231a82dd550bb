"""How many messages and authors one token takes: the same on the fake and on a real Redis."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.ports import Claim, Claimed, Limit, Replay, Store
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.support.stores.store_bench import TOKEN, Bench, claim, outcome

ANN, BEN, CAT = b"ann..", b"ben..", b"cat.."
TWO, TWO_TOLD = Limit(2, refuses=True), Limit(2, refuses=False)


def message(number: int, **changes: Any) -> Claim:
    """The claim of another message."""
    return claim(message_tag=f"message{number:06}", content=number.to_bytes(10), owner=os.urandom(6), **changes)


def test_so_many_messages_and_no_more(store: Store) -> None:
    """One more is not taken, and leaves nothing behind."""
    found = [store.claim(message(number, replies=TWO)) for number in range(3)]
    assert found == [Claimed(Replay.FIRST), Claimed(Replay.FIRST), Claimed(None, spent=True)]
    assert store.commit(message(2).id) is False
    assert store.claim(message(2)) == Claimed(Replay.FIRST), "without the limit it is new"


def test_a_retry_and_a_duplicate_never_meet_the_limit(store: Store) -> None:
    """They are no message more."""
    for number in range(2):
        store.claim(message(number, replies=TWO))
    assert store.claim(message(1, replies=TWO)) == Claimed(Replay.RETRY)
    store.commit(message(1).id)
    assert store.claim(message(1, replies=TWO)) == Claimed(Replay.DUPLICATE)


def test_a_released_message_makes_room(store: Store) -> None:
    """It came to nothing."""
    first, second, third = (message(number, replies=TWO) for number in range(3))
    store.claim(first)
    store.claim(second)
    store.release(second)
    assert store.claim(third) == Claimed(Replay.FIRST)


def test_a_limit_that_only_tells(store: Store) -> None:
    """Observe mode accepts and reports it."""
    found = [store.claim(message(number, replies=TWO_TOLD)) for number in range(4)]
    assert [(each.replay, each.spent) for each in found] == [(Replay.FIRST, number >= 2) for number in range(4)]


def test_a_revocation_is_no_message(bench: Bench) -> None:
    """The list is in the same hash."""
    bench.revoke_token(TOKEN)
    found = [bench.store.claim(message(number, replies=TWO)).replay for number in range(3)]
    assert found == [Replay.FIRST, Replay.FIRST, None]


def test_so_many_authors_and_no_more(store: Store) -> None:
    """Those who wrote before go on as they like."""
    authors = [ANN, BEN, ANN, CAT, BEN]
    found = [store.claim(message(number, author=author, senders=TWO)) for number, author in enumerate(authors)]
    assert [each.replay for each in found] == [Replay.FIRST] * 3 + [None, Replay.FIRST]
    assert [each.leaked for each in found] == [False, False, False, True, False]


def test_authors_that_are_only_reported_stay_a_bounded_list(store: Store) -> None:
    """The first two are known; each later author is reported, every time."""
    authors = [ANN, BEN, CAT, CAT, ANN]
    found = [store.claim(message(number, author=author, senders=TWO_TOLD)) for number, author in enumerate(authors)]
    assert [each.leaked for each in found] == [False, False, True, True, False]
    assert {each.replay for each in found} == {Replay.FIRST}


def test_authors_and_messages_are_counted_apart(store: Store) -> None:
    """The list of authors is no message."""
    limits = {"replies": TWO, "senders": Limit(5, refuses=True)}
    authors = [ANN, BEN, CAT]
    found = [store.claim(message(number, author=author, **limits)) for number, author in enumerate(authors)]
    assert [each.spent for each in found] == [False, False, True]


def test_a_replay_tells_of_the_limits_too(store: Store) -> None:
    """The caller decides by the order of reasons."""
    for number in range(2):
        store.claim(message(number, replies=TWO))
    other = claim(message_tag="othermessages", content=(1).to_bytes(10), replies=TWO)
    assert store.claim(other) == Claimed(Replay.REPLAYED, spent=True)


@pytest.mark.parametrize("limit", [1, 7])
def test_a_race_takes_no_more_than_the_limit(
    server: RedisUnderTest, opened: Callable[..., RedisStore], limit: int
) -> None:
    """32 different messages at once, on a real Redis: one Lua call each, so the count never slips."""
    store = opened(server)
    claims = [message(number, replies=Limit(limit, refuses=True)) for number in range(32)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda each: outcome(store, each), claims))
    assert (found.count(Replay.FIRST), found.count(None)) == (limit, 32 - limit)
