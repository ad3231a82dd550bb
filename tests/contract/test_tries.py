"""Authors that are tried out, and what is known of a token when it is claimed: the same on the fake and on Redis."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.core.token.token import Token
from reply_milter.core.token.verify import Facts
from reply_milter.ports import Claim, Claimed, Limit, Replay, Store, Tries
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.support.stores.store_bench import OTHER_TOKEN_ID, TOKEN, Bench, claim, outcome

MOST = 3


def tried(who: str = "", refuses: bool = True, **changes: Any) -> Claim:
    """A claim of a message of its own, by a wrong author of this name; of a right one without."""
    tag = os.urandom(7).hex()[:13]
    tries = Tries(MOST, refuses, who.encode())
    return claim(message_tag=tag, content=os.urandom(10), owner=os.urandom(6), tries=tries, **changes)


def refused(who: str = "") -> Claim:
    """Return a claim that is refused for its author, or after the check of its author, for any answer of the store."""
    return tried(who, takes=False)


def test_so_many_wrong_authors_and_it_has_leaked(store: Store) -> None:
    """Each wrong author counts once; the last one is reported; then no author is accepted, even the right one."""
    found = [store.claim(refused(author)) for author in ("ann", "ben", "ann", "cat", "dan", "ann")]
    assert [(one.counted, one.last, one.guessed) for one in found] == [
        (True, False, False),
        (True, False, False),
        (False, False, False),
        (True, True, False),
        (False, False, True),
        (False, False, True),
    ]
    assert {one.replay for one in found} == {None}
    assert store.claim(tried()) == Claimed(None, guessed=True)
    assert store.claim(claim()) == Claimed(Replay.FIRST), "an exact address on file is not asked for"


def test_a_right_author_is_never_counted_and_hears_nothing_before(store: Store) -> None:
    """However often; also where something behind the check refuses it."""
    assert {store.claim(tried()).replay for _ in range(MOST + 2)} == {Replay.FIRST}
    assert {store.claim(refused()) for _ in range(MOST + 2)} == {Claimed(None)}


def test_wrong_authors_that_are_taken_count_as_well(store: Store) -> None:
    """If the policy accepts wrong authors, they are reported and still accepted."""
    found = [store.claim(tried(author, refuses=False)) for author in ("ann", "ben", "cat", "dan")]
    assert [(one.replay, one.counted, one.guessed) for one in found] == [
        (Replay.FIRST, True, False),
        (Replay.FIRST, True, False),
        (Replay.FIRST, True, False),
        (Replay.FIRST, False, True),
    ]
    assert store.claim(tried("eve")).replay is None


def test_a_message_that_was_taken_before_is_known_after_the_leak(store: Store) -> None:
    """A retry and a duplicate are no guesses; the same message with other content may be one."""
    first = tried()
    store.claim(first)
    for author in ("ann", "ben", "cat"):
        store.claim(refused(author))
    assert store.claim(first._replace(owner=b"owner2")) == Claimed(Replay.RETRY)
    store.commit(first.id)
    assert store.claim(first) == Claimed(Replay.DUPLICATE)
    assert store.claim(first._replace(content=b"9876543210")) == Claimed(Replay.REPLAYED, guessed=True)


def test_tokens_are_counted_apart(store: Store) -> None:
    """The twenty of one are not another's."""
    for author in ("ann", "ben", "cat"):
        store.claim(refused(author))
    assert store.claim(tried(token_id=OTHER_TOKEN_ID)).replay is Replay.FIRST


def test_wrong_authors_are_no_messages(bench: Bench) -> None:
    """Limits count as they did, and what is released leaves the count."""
    limits: dict[str, Any] = {"replies": Limit(2, refuses=True), "senders": Limit(5, refuses=True), "author": b"ann.."}
    bench.revoke_token(TOKEN)
    bench.store.claim(refused("ann"))
    first = tried(**limits)
    found = [bench.store.claim(first), bench.store.claim(tried(**limits)), bench.store.claim(tried(**limits))]
    assert [one.replay for one in found] == [Replay.FIRST, Replay.FIRST, None]
    bench.store.release(first)
    assert bench.store.claim(tried(**limits)).replay is Replay.FIRST
    found = [bench.store.claim(refused(author)) for author in ("ann", "ben", "cat")]
    assert [one.counted for one in found] == [False, True, True]


def test_a_claim_tells_what_is_known_by_now(bench: Bench) -> None:
    """The claim also returns everything that ``facts`` returns."""
    about = Token(42, 1, 0, 7)
    assert bench.store.claim(tried(about=about)) == Claimed(Replay.FIRST, facts=Facts())
    bench.disable(42)
    bench.know(42, "jane@example.org")
    bench.revoke_user(42, 3000)
    bench.revoke_object(1, 7, 2000)
    bench.revoke_all(1000)
    bench.revoke_token(TOKEN)
    told = bench.store.claim(tried(about=about))
    assert told == Claimed(Replay.FIRST, facts=bench.store.facts(42, 1, 7, TOKEN))
    assert told.facts == Facts(True, True, 3000, 2000, 1000, ("jane@example.org",))
    assert bench.store.claim(refused("ann")._replace(about=about)).facts == told.facts


@pytest.mark.redis
def test_the_hash_is_kept_for_its_time_and_small(server: RedisUnderTest, opened: Callable[..., RedisStore]) -> None:
    """Though nothing but wrong authors ever came; in Redis's compact form, with twenty of them."""
    store = opened(server)
    tries = [Tries(20, True, number.to_bytes(3)) for number in range(25)]
    for one in tries:
        store.claim(claim(kept_seconds=1000, tries=one, takes=False))
    assert 990 < server.command("TTL", f"rm1:{TOKEN}") <= 1000
    assert server.command("HLEN", f"rm1:{TOKEN}") == 1
    assert server.command("HSTRLEN", f"rm1:{TOKEN}", "w") == 60
    assert server.command("OBJECT", "ENCODING", f"rm1:{TOKEN}") == "listpack"
    for number in range(20):  # claims beside it leave it so
        outcome(store, claim(message_tag=f"message{number:06}", content=number.to_bytes(10)))
    assert server.command("OBJECT", "ENCODING", f"rm1:{TOKEN}") == "listpack"


@pytest.mark.redis
def test_a_race_of_guesses_is_counted_to_the_last(server: RedisUnderTest, opened: Callable[..., RedisStore]) -> None:
    """64 at once, on a real Redis: twenty are answered, one of them is the last, and all others come too late."""
    store = opened(server)
    wrong = [claim(tries=Tries(20, True, number.to_bytes(3)), takes=False) for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.claim, wrong))
    assert (sum(one.counted for one in found), sum(one.last for one in found)) == (20, 1)
    assert sum(one.guessed for one in found) == 44


@pytest.mark.redis
def test_a_whole_reply_is_two_round_trips(server: RedisUnderTest, opened: Callable[..., RedisStore]) -> None:
    """Redis counts the round trips: facts at RCPT, and the claim at the end of the message."""
    store = opened(server)
    about = Token(42, 1, 0, 7)
    for number in range(2):  # the first one also brings connection and script
        before = _reads(server)
        store.facts(42, 1, 7, TOKEN)
        store.claim(tried(about=about))
        assert number == 0 or _reads(server) - before - 1 == 2, "and one to ask"


def _reads(server: RedisUnderTest) -> int:
    return int(server.command("INFO", "stats")["total_reads_processed"])
