"""The settling thread: what is committed, and how it is tried again."""

import threading
from collections.abc import Sequence

from fakes import MemoryStore
from reply_milter.adapters.settler import SettlingThread
from reply_milter.ports import StoreUnavailableError
from store_bench import claim

WAIT_SECONDS = 10.0


class RecordingStore(MemoryStore):
    """Remembers each round trip of commits; ``failures`` of them fail."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.trips: list[list[str]] = []
        self.failures = failures
        self.done = threading.Event()

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """See ``ports.Store``."""
        self.trips.append(list(identifiers))
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("timeout")
        super().commit_all(identifiers)
        self.done.set()


def reserved(store: MemoryStore, count: int) -> list[str]:
    """Reply ids that the store has reserved."""
    claims = [claim(token_id=f"token{number:08}") for number in range(count)]
    for one in claims:
        store.claim(one)
    return [one.id for one in claims]


def test_what_falls_due_together_takes_one_round_trip() -> None:
    """And all of it is committed by the end of ``flush``."""
    store = RecordingStore()
    thread = SettlingThread(store, delay_seconds=0.2)
    identifiers = reserved(store, 20)
    for identifier in identifiers:
        thread.settle(identifier)
    thread.flush(WAIT_SECONDS)
    assert [identifier for trip in store.trips for identifier in trip] == identifiers
    assert len(store.trips) < len(identifiers)
    assert all(kept.committed for messages in store.tokens.values() for kept in messages.values())


def test_a_burst_is_cut_into_round_trips_that_redis_can_bear() -> None:
    """At most 200 in one."""
    store = RecordingStore()
    thread = SettlingThread(store, delay_seconds=0.05)
    identifiers = reserved(store, 450)
    for identifier in identifiers:
        thread.settle(identifier)
    thread.flush(WAIT_SECONDS)
    assert [identifier for trip in store.trips for identifier in trip] == identifiers
    assert max(map(len, store.trips)) <= 200


def test_commits_that_failed_are_made_again() -> None:
    """A second later, once the store answers."""
    store = RecordingStore(failures=1)
    thread = SettlingThread(store, delay_seconds=0.0)
    (identifier,) = reserved(store, 1)
    thread.settle(identifier)
    assert store.done.wait(WAIT_SECONDS)
    assert store.trips == [[identifier], [identifier]]
