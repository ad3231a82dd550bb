"""The record of deliveries on real files: durable, shared by processes, and ended holds end with whoever had them."""

import multiprocessing
import os
import signal
import sqlite3
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from hooked import ID
from reply_milter.adapters.delivery_record import RecordDamagedError, RecordError, SqliteLedger, open_database
from reply_milter.ports.delivery import Entry, Progress


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    """A ledger in a folder of its own."""
    return SqliteLedger(open_database(str(tmp_path)))


def test_progress_is_kept_with_the_first_try(ledger: SqliteLedger) -> None:
    """However often it is put."""
    assert ledger.entry(ID) == Entry(Progress.NEW, 0)
    ledger.put(ID, Progress.TRIED, 100, 1000)
    ledger.put(ID, Progress.TRIED, 200, 1000)
    ledger.put(ID, Progress.DONE, 300, 1000)
    assert ledger.entry(ID) == Entry(Progress.DONE, 100)


def test_what_is_over_is_forgotten(ledger: SqliteLedger) -> None:
    """Until then it stays."""
    ledger.put(ID, Progress.DONE, 1, 1000)
    ledger.forget(1000)
    assert ledger.entry(ID).progress is Progress.DONE
    ledger.forget(1001)
    assert ledger.entry(ID) == Entry()


def test_holds_exclude_threads_and_nothing_else(ledger: SqliteLedger) -> None:
    """Another reply is free; the same one is free again afterwards."""
    found: list[bool] = []

    def look() -> None:
        for name in (ID, "b" * 26):
            with ledger.hold(name) as ours:
                found.append(ours)

    with ledger.hold(ID) as ours:
        assert ours
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found == [False, True]
    with ledger.hold(ID) as ours:
        assert ours


def _hold(folder: str, told: Connection) -> None:
    with SqliteLedger(open_database(folder)).hold(ID) as ours:
        told.send(ours)
        signal.pause()


def test_a_hold_ends_with_its_process(tmp_path: Path) -> None:
    """Also when it is killed: the next one may deliver."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(str(tmp_path), there))
    process.start()
    ledger = SqliteLedger(open_database(str(tmp_path)))
    assert here.recv()
    with ledger.hold(ID) as ours:
        assert not ours
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    process.close()
    with ledger.hold(ID) as ours:
        assert ours


def test_many_writers_lose_nothing(ledger: SqliteLedger) -> None:
    """Threads that write at once wait for each other."""

    def write(start: int) -> None:
        for number in range(start, 200, 4):
            ledger.put(f"{number:026d}", Progress.DONE, number, 10_000)

    threads = [threading.Thread(target=write, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ledger.entry(f"{number:026d}").progress is Progress.DONE for number in range(200))


def test_a_record_that_cannot_be_kept_says_where(tmp_path: Path) -> None:
    """At start, and while it runs."""
    with pytest.raises(RecordError, match="No such file"):
        open_database(str(tmp_path / "nowhere"))
    database = open_database(str(tmp_path))
    connection = sqlite3.connect(database.path, isolation_level=None)
    connection.execute("DROP TABLE delivery")
    connection.close()
    with pytest.raises(RecordError, match="no such table"):
        SqliteLedger(database).entry(ID)


def test_a_damaged_record_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Nobody's permissions are to blame."""
    open_database(str(tmp_path))
    (tmp_path / "delivery/deliveries.sqlite").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(RecordDamagedError, match="file is not a database: stop the daemon, and move"):
        open_database(str(tmp_path))
