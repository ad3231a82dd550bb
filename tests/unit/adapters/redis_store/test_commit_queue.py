"""The settling thread: what is committed, and how it is tried again."""

import threading
import time
from collections.abc import Sequence

import pytest

from reply_milter.adapters.redis_store.commit_queue import Bounds, CommitQueue
from reply_milter.ports import StoreUnavailableError
from tests.support.fakes import MemoryStore
from tests.support.processes.daemon_process import wait_until
from tests.support.stores.store_bench import claim

WAIT_SECONDS = 10.0


def never() -> None:
    """No commit is dropped here."""
    raise AssertionError("a commit was dropped")


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
    thread = CommitQueue(store, 0.2, never)
    identifiers = reserved(store, 20)
    for identifier in identifiers:
        thread.enqueue(identifier)
    thread.flush(WAIT_SECONDS)
    assert [identifier for trip in store.trips for identifier in trip] == identifiers
    assert len(store.trips) < len(identifiers)
    assert all(kept.committed for messages in store.tokens.values() for kept in messages.values())


def test_a_burst_is_cut_into_round_trips_that_redis_can_bear() -> None:
    """At most 200 in one."""
    store = RecordingStore()
    thread = CommitQueue(store, 0.05, never)
    identifiers = reserved(store, 450)
    for identifier in identifiers:
        thread.enqueue(identifier)
    thread.flush(WAIT_SECONDS)
    assert [identifier for trip in store.trips for identifier in trip] == identifiers
    assert max(map(len, store.trips)) <= 200


@pytest.mark.parametrize("failures", [1, 12])
def test_commits_that_failed_are_made_again(failures: int) -> None:
    """For as long as it takes, in their order."""
    store = RecordingStore(failures)
    thread = CommitQueue(store, 0.0, never, Bounds(first_seconds=0.002, longest_seconds=0.02))
    identifiers = reserved(store, 3)
    for identifier in identifiers:
        thread.enqueue(identifier)
    assert store.done.wait(WAIT_SECONDS)
    thread.flush(WAIT_SECONDS)
    assert len(store.trips) > failures and store.trips[0] == store.trips[failures]
    assert all(kept.committed for messages in store.tokens.values() for kept in messages.values())


def test_a_store_that_gives_no_answer_is_asked_less_and_less() -> None:
    """The pause doubles up to half a minute, and is short again after an answer."""
    pauses: list[float] = []
    store = RecordingStore(failures=8)

    class Noted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            return False

    thread = CommitQueue(store, 0.0, never)
    thread._ending = Noted()
    for expected in (8, 9):
        thread.enqueue(reserved(store, 1)[0])
        assert store.done.wait(WAIT_SECONDS)
        store.done.clear()
        assert len(pauses) == expected
        store.failures = 1
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 1.0]


def test_at_an_orderly_end_what_is_left_is_tried_once_more(caplog: pytest.LogCaptureFixture) -> None:
    """At once, not after the pause: the store may be up again. If it is not, that is reported, without a wait."""
    for failures, committed in ((1, True), (1000, False)):
        store = RecordingStore(failures)
        thread = CommitQueue(store, 0.0, never, Bounds(first_seconds=1000.0, longest_seconds=1000.0))
        (identifier,) = reserved(store, 1)
        thread.enqueue(identifier)
        wait_until(lambda store=store: bool(store.trips), WAIT_SECONDS, "the first try")  # type: ignore[misc]
        before = time.monotonic()
        thread.flush(WAIT_SECONDS)
        assert time.monotonic() - before < WAIT_SECONDS / 2
        assert store.trips == [[identifier]] * 2
        assert store.done.is_set() is committed
    assert [record.message for record in caplog.records] == [
        "replies that could not be committed stay reserved: count=1"
    ]


def test_an_end_without_an_answer_in_time_tells_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """All that is still in the queue."""
    thread = CommitQueue(RecordingStore(), 1000.0, never)
    for number in range(3):
        thread.enqueue(f"{number:026}")
    thread.flush(0.05)
    assert [record.message for record in caplog.records] == [
        "replies that could not be committed stay reserved: count=3"
    ]


def test_no_more_commits_wait_than_there_is_room_for(caplog: pytest.LogCaptureFixture) -> None:
    """The others are reported, each by its id, and counted; those that wait are committed."""
    dropped: list[None] = []
    store = RecordingStore()
    thread = CommitQueue(store, 0.5, lambda: dropped.append(None), Bounds(waiting=2))
    identifiers = reserved(store, 5)
    for identifier in identifiers:
        thread.enqueue(identifier)
    thread.flush(WAIT_SECONDS)
    assert store.trips == [identifiers[:2]]
    assert len(dropped) == 3
    assert [record.message.rpartition("id=")[2] for record in caplog.records] == identifiers[2:]
