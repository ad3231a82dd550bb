"""The record of deliveries on real files: durable, shared by processes; a hold ends with its process."""

import json
import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from reply_milter.adapters.state_dir.deliveries import (
    RecordDamagedError,
    RecordError,
    SqliteLedger,
    SqliteParking,
    SqliteParkingRoom,
    SqliteQuestions,
    open_database,
)
from reply_milter.core.delivery.parked import AskedQuestion, Occupied, ParkedReply, Room
from reply_milter.core.seal.sealed_reply import SealedReply
from reply_milter.ports.delivery import LedgerEntry, Progress
from tests.support.hosts.hooked import ID, ROOM
from tests.support.processes.daemon_process import wait_until

# As the version before questions made it.
EARLIER = """
CREATE TABLE delivery (
    id TEXT PRIMARY KEY, progress TEXT NOT NULL, first_tried INTEGER NOT NULL, kept_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX delivery_kept_until ON delivery (kept_until);
CREATE TABLE parked (
    id TEXT PRIMARY KEY, sealed TEXT NOT NULL, author TEXT NOT NULL, subject TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, arrived INTEGER NOT NULL, until INTEGER NOT NULL, asked INTEGER NOT NULL,
    released INTEGER NOT NULL, message BLOB NOT NULL
);
"""


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    """A ledger in a folder of its own."""
    return SqliteLedger(open_database(str(tmp_path)))


def test_progress_is_kept_with_the_first_try(ledger: SqliteLedger) -> None:
    """However often it is put."""
    assert ledger.entry(ID) == LedgerEntry(Progress.NEW, 0)
    ledger.put(ID, Progress.TRIED, 100, 1000)
    ledger.put(ID, Progress.TRIED, 200, 1000)
    ledger.put(ID, Progress.DONE, 300, 1000)
    assert ledger.entry(ID) == LedgerEntry(Progress.DONE, 100)


def test_what_is_over_is_forgotten(ledger: SqliteLedger) -> None:
    """Until then it stays."""
    ledger.put(ID, Progress.DONE, 1, 1000)
    ledger.forget(1000)
    assert ledger.entry(ID).progress is Progress.DONE
    ledger.forget(1001)
    assert ledger.entry(ID) == LedgerEntry()


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


def test_writers_that_come_meanwhile_share_a_transaction(tmp_path: Path) -> None:
    """Each is on disk when it returns; a sync takes longer than all else."""
    database = open_database(str(tmp_path))
    database.stay_open()
    ledger, statements = SqliteLedger(database), list[str]()
    with database.transaction() as sql:
        sql.set_trace_callback(statements.append)
    with ThreadPoolExecutor(16) as pool:
        with database._turn:
            futures = [pool.submit(ledger.put, f"{n}", Progress.DONE, n, 9) for n in range(16)]
            wait_until(lambda: len(database._writes) == 16, 10, "all wait")
            statements.clear()
        for one in futures:
            one.result(10)
    assert statements.count("COMMIT") == 1
    assert [ledger.entry(f"{n}") for n in range(16)] == [LedgerEntry(Progress.DONE, n) for n in range(16)]


@pytest.mark.parametrize("failure", [sqlite3.OperationalError("disk I/O error"), KeyboardInterrupt()])
def test_a_transaction_that_fails_fails_for_all_who_share_it(
    tmp_path: Path, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody believes that something is on record that is not; the next write works."""
    database = open_database(str(tmp_path))
    ledger = SqliteLedger(database)

    @contextmanager
    def failing() -> Iterator[sqlite3.Connection]:
        raise failure
        yield

    with ThreadPoolExecutor(8) as pool:
        with database._turn:
            futures = [pool.submit(ledger.put, f"{n}", Progress.DONE, n, 9) for n in range(8)]
            wait_until(lambda: len(database._writes) == 8, 10, "all wait")
            monkeypatch.setattr(database, "_transaction", failing)
        found = [one.exception(10) for one in futures]
    assert all(isinstance(one, RecordError | KeyboardInterrupt) for one in found)
    assert sum(isinstance(one, RecordError) for one in found) >= 7
    monkeypatch.undo()
    assert {ledger.entry(f"{n}").progress for n in range(8)} == {Progress.NEW}
    ledger.put("0", Progress.DONE, 0, 9)
    assert ledger.entry("0").progress is Progress.DONE


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


def test_a_damaged_record_is_reported_with_what_to_do(tmp_path: Path) -> None:
    """The error does not blame permissions."""
    open_database(str(tmp_path))
    (tmp_path / "delivery/deliveries.sqlite").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(RecordDamagedError, match="file is not a database: stop the daemon and move"):
        open_database(str(tmp_path))


def reply(identifier: str = ID, user: int = 42) -> ParkedReply:
    """A parked one."""
    sealed = SealedReply(identifier, user, "issue", 1, 1, 9, parked=True)
    return ParkedReply(sealed, "eve@example.net", "Re: news", "eve@example.net", "reply+x@reply.test", 100, 200)


def test_a_record_of_an_earlier_version_loses_nothing(tmp_path: Path) -> None:
    """What was parked is there, counts, and is asked about once more; what was delivered is on record."""
    (tmp_path / "delivery").mkdir()
    connection = sqlite3.connect(tmp_path / "delivery/deliveries.sqlite")
    connection.executescript(EARLIER)
    connection.execute("INSERT INTO delivery VALUES (?, 'done', 5, 1000)", (ID,))
    for one, asked, released in ((reply("a" * 26), 150, 0), (reply("b" * 26, 43), 0, 0), (reply("c" * 26), 150, 1)):
        row = (one.id, json.dumps(asdict(one.sealed)), one.author, one.subject, one.sender, one.recipient)
        connection.execute(
            "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?, 100, 200, ?, ?, ?)", (*row, asked, released, b"x" * 1000)
        )
    connection.commit()
    connection.close()
    for _ in range(2):  # the second time there is nothing to do
        database = open_database(str(tmp_path))
        parking = SqliteParking(database)
        assert parking.all() == [reply("a" * 26), reply("b" * 26, 43), replace(reply("c" * 26), released=True)]
        assert parking.message("a" * 26) == b"x" * 1000
        assert parking.occupied() == Occupied(3, 3000)
        assert SqliteLedger(database).entry(ID) == LedgerEntry(Progress.DONE, 5)
    assert not parking.keep(reply("d" * 26), b"x" * 1001, Room(9, 3000, 9, 9000)), "2,000 of that user are there"
    assert parking.keep(reply("d" * 26), b"x" * 1000, Room(9, 3000, 9, 9000))


def test_an_upgrade_that_is_cut_off_is_made_again(tmp_path: Path) -> None:
    """Nothing of it stays: here the last step but one fails."""
    (tmp_path / "delivery").mkdir()
    connection = sqlite3.connect(tmp_path / "delivery/deliveries.sqlite")
    connection.executescript(EARLIER + "CREATE TABLE silence (x);")
    with pytest.raises(RecordError, match="silence already exists"):
        open_database(str(tmp_path))
    assert [row[1] for row in connection.execute("PRAGMA table_info(parked)")][-1] == "message"
    connection.executescript("DROP TABLE silence")
    connection.close()
    assert SqliteParking(open_database(str(tmp_path))).all() == []


def test_a_record_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """The error tells the operator what to do."""
    database = open_database(str(tmp_path))
    connection = sqlite3.connect(database.path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(RecordError, match="later version"):
        open_database(str(tmp_path))


def test_a_question_lists_what_nobody_was_asked_about(tmp_path: Path) -> None:
    """Not what is released or listed already; it is closed, or ends with all that it lists."""
    database = open_database(str(tmp_path))
    parking, questions = SqliteParking(database), SqliteQuestions(database)
    for letter in "abc":
        parking.keep(reply(letter * 26), b"x", ROOM)
    parking.mark_released("c" * 26)
    first, second = (AskedQuestion.named(f"<{number}@x>", 42, 10, 300) for number in range(2))
    questions.put(first, ["a" * 26, "c" * 26])
    questions.put(second, ["a" * 26, "b" * 26])
    assert [(one.question, one.until) for one in parking.all()] == [(first.id, 300), (second.id, 300), (0, 200)]
    questions.mark_sent(first.id, 20)
    assert questions.of(42) == sorted([replace(first, sent=20), second], key=lambda one: one.id)
    assert [one.asked for one in parking.all()] == [20, 0, 0]
    parking.remove("a" * 26)
    questions.forget(0)
    assert (questions.find(first.id), questions.find(second.id)) == (None, second)
    questions.close(second.id)
    assert questions.of(42) == []


def test_silence_ends(tmp_path: Path) -> None:
    """When it was said to."""
    questions = SqliteQuestions(open_database(str(tmp_path)))
    questions.silence("abc", 100)
    questions.silence("abc", 200)
    assert (questions.silenced(199), questions.silenced(200)) == ({"abc"}, set())
    questions.forget(200)
    assert questions.silenced(0) == set()


def test_the_last_place_is_taken_once(tmp_path: Path) -> None:
    """By threads that park at once."""
    parking = SqliteParking(open_database(str(tmp_path)))
    room = Room(5, 1000, 100, 10_000)
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(lambda number: parking.keep(reply(f"{number:026}"), b"x", room), range(40)))
    assert sum(kept) == 5
    assert parking.occupied() == Occupied(5, 5)


def test_a_reply_has_its_place_until_it_is_parked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that come at once get no more places than there are; one that never arrives loses its own in time."""
    parking = SqliteParking(open_database(str(tmp_path)))
    room = SqliteParkingRoom(str(tmp_path), Room(3, 1000, 5, 10_000))
    with ThreadPoolExecutor(8) as threads:
        let_in = list(threads.map(lambda number: room.is_there(42, 10, f"{number:026}"), range(30)))
    assert sum(let_in) == 3
    first = let_in.index(True)
    assert room.is_there(42, 10, f"{first:026}"), "a client that comes again has its place already"
    assert parking.keep(reply(f"{first:026}"), b"x", ROOM)
    assert not room.is_there(42, 10, "d" * 26), "it is parked now, and two others are on their way"
    assert room.is_there(43, 10, "e" * 26) and room.is_there(43, 10, "f" * 26) and not room.is_there(43, 10, "g" * 26)
    parking.remove(f"{first:026}")
    room.leave("e" * 26)
    assert room.is_there(43, 10, "g" * 26)
    assert room.is_there(42, 10, "d" * 26)
    now = time.monotonic()
    monkeypatch.setattr("reply_milter.adapters.state_dir.deliveries.room.time.monotonic", lambda: now + 61)
    assert [room.is_there(42, 10, f"{number:026}") for number in range(30, 34)] == [True] * 3 + [False]


def test_a_place_is_given_back_while_another_waits_for_the_record(tmp_path: Path) -> None:
    """Nobody waits to give one back: a thread with many clients does that."""
    room = SqliteParkingRoom(str(tmp_path), Room(1, 100, 1, 100))
    open_database(str(tmp_path))
    assert room.is_there(42, 10, "x")
    with ThreadPoolExecutor() as threads:
        with room._lock:  # as who looks holds it
            looking = threads.submit(room.is_there, 42, 10, "y")
            began = time.monotonic()
            room.leave("x")
            assert time.monotonic() - began < 0.1
            assert not looking.done()
        assert looking.result(), "it finds the place"


def test_the_milter_sees_whether_there_is_room(tmp_path: Path) -> None:
    """While the hook writes; without a record, or with one that can't be read, the hook is to say."""
    room = SqliteParkingRoom(str(tmp_path), Room(2, 100, 3, 150))
    assert room.is_there(42, 10, "x")
    assert not (tmp_path / "delivery").exists()
    parking = SqliteParking(open_database(str(tmp_path)))
    assert room.is_there(42, 100, "x") and not room.is_there(42, 101, "x")
    parking.keep(reply("a" * 26), b"x" * 60, ROOM)
    assert room.is_there(42, 40, "x") and not room.is_there(42, 41, "x")
    assert room.is_there(43, 90, "x") and not room.is_there(43, 91, "x")
    parking.keep(reply("b" * 26), b"x", ROOM)
    assert not room.is_there(42, 1, "x") and room.is_there(43, 1, "x")
    parking.keep(reply("c" * 26, 44), b"x", ROOM)
    assert not room.is_there(43, 1, "x")
    with open_database(str(tmp_path)).transaction() as sql:
        sql.execute("DELETE FROM parked")
        assert not room.is_there(43, 1, "x"), "nobody waits for a writer"
    assert room.is_there(43, 1, "x")
    (tmp_path / "delivery/deliveries.sqlite").write_bytes(b"damaged" * 1000)
    assert room.is_there(42, 10, "x")
