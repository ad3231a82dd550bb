"""What wrapped addresses stand for, in any store: the same tests on the fake and on Redis."""

import time

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.ports import MintingStore, Store, StoreUnavailableError
from tests.contract.conftest import TIMEOUT_SECONDS
from tests.support.fakes import MemoryStore
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.support.stores.store_bench import OTHER_TOKEN_ID, TOKEN, Bench, claim

FACTS = (42, 1, 7, TOKEN)
SEALED = b"\x00\xff\r\n:*$-+ octets"
KEPT_UNTIL = int(time.time()) + 3600


def _minting(store: Store) -> MintingStore:
    assert isinstance(store, MemoryStore | RedisStore)
    return store


def test_an_original_is_told_where_it_is_asked_for(bench: Bench) -> None:
    """Beside everything else that is known of the token; of no other token, and not unasked."""
    _minting(bench.store).keep_originals({TOKEN: StoredOriginal(SEALED, "issue/1@app.test")}, KEPT_UNTIL)
    bench.disable(42, wrapped=True)
    kept = StoredOriginal(SEALED, "issue/1@app.test")
    assert bench.store.facts(*FACTS, wrapped=True) == Facts(user_disabled=True, original=kept)
    assert bench.store.facts(*FACTS) == Facts()
    assert bench.store.facts(43, 1, 7, OTHER_TOKEN_ID, wrapped=True) == Facts()


def test_the_later_one_stands(bench: Bench) -> None:
    """A notification that is sent again writes the same once more."""
    for message_id in ("a@app.test", "b\udcff@app.test"):
        _minting(bench.store).keep_originals({TOKEN: StoredOriginal(SEALED, message_id)}, KEPT_UNTIL)
    assert bench.store.facts(*FACTS, wrapped=True).original == StoredOriginal(SEALED, "b\udcff@app.test")


def test_several_are_kept_in_one_go(bench: Bench) -> None:
    """A notification may hold several addresses, and waits for all of them together."""
    kept = {TOKEN: StoredOriginal(SEALED, "a@app.test"), OTHER_TOKEN_ID: StoredOriginal(b"other", "a@app.test")}
    _minting(bench.store).keep_originals(kept, KEPT_UNTIL)
    for token_id, original in kept.items():
        assert bench.store.facts(42, 1, 7, token_id, wrapped=True).original == original


def test_claims_and_originals_leave_each_other_alone(bench: Bench) -> None:
    """The number of replies is counted without it."""
    _minting(bench.store).keep_originals({TOKEN: StoredOriginal(SEALED, "a@app.test")}, KEPT_UNTIL)
    assert bench.store.claim(claim()).replay == "first"
    assert bench.store.facts(*FACTS, wrapped=True).original == StoredOriginal(SEALED, "a@app.test")


@pytest.mark.redis
def test_redis_keeps_it_until_then(shared_server: RedisUnderTest, opened: object) -> None:
    """By its published name, and no longer; what is no such text is none."""
    store = opened(shared_server)  # type: ignore[operator]
    store.keep_originals({"keptkeptkeptk": StoredOriginal(SEALED, "a@app.test")}, KEPT_UNTIL)
    assert int(shared_server.command("EXPIRETIME", "rm1:keptkeptkeptk:w")) == KEPT_UNTIL
    store.keep_originals({"keptkeptkeptk": StoredOriginal(SEALED, "a@app.test")}, 1)
    assert store.facts(42, 1, 7, "keptkeptkeptk", wrapped=True) == Facts()
    shared_server.command("SET", "rm1:keptkeptkeptk:w", "nonsense")
    assert store.facts(42, 1, 7, "keptkeptkeptk", wrapped=True) == Facts()


@pytest.mark.redis
def test_a_store_that_is_away_says_so_in_time(server: RedisUnderTest, opened: object) -> None:
    """Within its time-out; the fake as well."""
    server.stop()
    start = time.monotonic()
    with pytest.raises(StoreUnavailableError):
        opened(server, 0.05).keep_originals({TOKEN: StoredOriginal(SEALED, "a@app.test")}, KEPT_UNTIL)  # type: ignore[operator]
    assert time.monotonic() - start < TIMEOUT_SECONDS
    with pytest.raises(StoreUnavailableError):
        MemoryStore(down=True).keep_originals({TOKEN: StoredOriginal(SEALED, "a@app.test")}, KEPT_UNTIL)
