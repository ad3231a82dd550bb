"""The loop on real sockets, turn by turn: slow and silent MTAs, a store that waits, several workers."""

import gc
import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reply_milter.adapters.milter_loop import COUNT_OCTETS, ConnectionCounts, MilterLoop, loop
from reply_milter.adapters.telemetry.silent import SilentTelemetry
from reply_milter.core.milter_protocol.packets import packet
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept
from reply_milter.flows.driving import put
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import (
    Answered,
    Asked,
    Claim,
    Claimed,
    Consult,
    Conversation,
    Pending,
    Release,
    Store,
    StoreUnavailableError,
    Watcher,
)
from tests.support.fakes import AUTHOR, MemoryStore, minted, rules, service

OFFER = packet(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
CLIENT = packet(b"C", b"client.example\x004\0\x19192.0.2.1\0")
MAIL = packet(b"M", b"<jane@example.org>\0")
OTHER = packet(b"D", b"R{rcpt_mailer}\0smtp\0") + packet(b"R", b"<bob@example.com>\0")
END = packet(b"E")
GENUINE = minted()


def _reply(author: str = AUTHOR) -> bytes:
    macros = packet(b"D", b"R{rcpt_mailer}\0smtp\0{rcpt_addr}\0" + GENUINE.address.encode() + b"\0")
    fields = {"From": author, "Message-ID": "<1@example.org>", "In-Reply-To": f"<{GENUINE.message_id}>"}
    header = b"".join(packet(b"L", f"{name}\0{value}\0".encode()) for name, value in fields.items())
    return MAIL + macros + packet(b"R", f"<{GENUINE.address}>\0".encode()) + header + packet(b"B", b"Yes.") + END


@dataclass
class _Pipeline:
    """Implements ``ports.StorePipeline`` on a store in memory; ``answers`` come when a test says so."""

    store: Store
    sends: list[list[Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    is_ready: bool = True
    deadline: float | None = None

    def ask(self, asked: list[Asked]) -> bool:
        if self.is_ready:
            self.sends.append([one.request for one in asked])
            self.asked += asked
            self.deadline = 0.0
        return self.is_ready

    def answers(self) -> list[Answered]:
        asked, self.asked, self.deadline = self.asked, [], None
        return [self._answered(one) for one in asked]

    def _answered(self, one: Asked) -> Answered:
        try:
            return Answered(one.by, put(one.request, self.store))
        except StoreUnavailableError as error:
            return Answered(one.by, failure=error)

    def close(self) -> None: ...


class _Passing:
    """Passes all steps on to ``one``: no class may be made of a compiled one."""

    def __init__(self, one: Conversation) -> None:
        self.one = one

    def __getattr__(self, step: str) -> Any:
        return getattr(self.one, step)


class _Host:
    """One worker's loop, on its own listening socket or a shared one."""

    def __init__(self, listening: socket.socket, store: Any, pipeline: Any, counts: ConnectionCounts) -> None:
        self.path, self.store, self.pipeline = listening.getsockname(), store, pipeline
        self.given = service(store)
        self.before_answers: list[Callable[[], None]] = []
        told = (lambda _client: SilentTelemetry(), lambda: False, counts)
        self.converse: Callable[[str], Any] = lambda client: Connection(lambda: self.given, client)
        self.loop = MilterLoop(lambda client: self.converse(client), *told, self._pipeline, self._write_log)
        self.loop.prepare(listening)

    def _write_log(self) -> None:
        for look in self.before_answers:
            look()

    def _pipeline(self, _store: Store, _watcher: Watcher) -> Any:
        return self.pipeline

    def connect(self, *octets: bytes) -> socket.socket:
        mta = socket.socket(socket.AF_UNIX)
        mta.connect(self.path)
        mta.setblocking(False)
        mta.sendall(b"".join((OFFER, CLIENT, *octets)))
        return mta

    def close(self) -> None:
        """Hang up on all."""
        for one in list(self.loop._connections.values()):
            one.close()

    def turns(self, count: int = 6) -> None:
        """So many turns, none of which waits."""
        for _ in range(count):
            self.loop._sweep_at = 0.0  # the loop's own clock is due at once
            self.loop.turn()


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.socket(socket.AF_UNIX) as found:
        found.bind(str(tmp_path / "verify.sock"))
        found.listen(64)
        yield found


@pytest.fixture
def memory() -> memoryview:
    """What workers share."""
    return memoryview(bytearray(COUNT_OCTETS))


@pytest.fixture
def host(listening: socket.socket, memory: memoryview) -> Iterator[_Host]:
    """One worker."""
    store = MemoryStore()
    running = _Host(listening, store, _Pipeline(store), ConnectionCounts(memory, 0))
    yield running
    running.close()


def _letters(octets: bytes) -> bytes:
    found = b""
    while octets:
        (length,) = struct.unpack("!I", octets[:4])
        found, octets = found + octets[4:5], octets[4 + length :]
    return found


def _until(happened: Callable[[], bool], *hosts: _Host) -> None:
    for _ in range(5000):
        for host in hosts:
            host.turns(1)
        if happened():
            return
        time.sleep(0.001)
    raise AssertionError("it did not happen")


def _received(mta: socket.socket) -> bytes:
    found = b""
    with suppress(BlockingIOError):
        while piece := mta.recv(1 << 20):
            found += piece
    return found


def test_a_reply_and_another_message(host: _Host) -> None:
    """RCPT asks for facts, the end claims: two questions, in two sends, for one reply."""
    with host.connect(_reply(), MAIL, OTHER, END, packet(b"Q")) as mta:
        host.turns()
        assert _letters(_received(mta)) == b"Occ" + b"ic" + b"cc"
        assert host.loop.idle
    assert isinstance(host.pipeline, _Pipeline)
    assert [len(one) for one in host.pipeline.sends] == [1, 1]


def test_questions_of_a_turn_go_together(host: _Host) -> None:
    """However many connections ask."""
    mtas = [host.connect() for _ in range(5)]
    host.turns(12)
    for mta in mtas:
        mta.sendall(_reply())
    host.turns()
    assert [len(one) for one in host.pipeline.sends] == [5, 5]
    assert sum(isinstance(one, Claim) for one in host.pipeline.sends[1]) == 5
    for mta in mtas:
        mta.close()
    host.turns()


def test_the_log_is_written_before_any_answer_of_the_turn(host: _Host) -> None:
    """And the store is asked before: whoever is killed in between has logged what was answered."""
    heard: list[bytes] = []
    with host.connect(MAIL) as one, host.connect(MAIL) as other:
        host.turns()
        for mta in (one, other):
            assert _letters(_received(mta)) == b"O"
            mta.sendall(OTHER + END)
        host.before_answers.append(lambda: heard.extend(_received(mta) for mta in (one, other)))
        host.turns(1)
        assert heard == [b"", b""]
        assert [_letters(_received(mta)) for mta in (one, other)] == [b"cc", b"cc"]


def test_a_worker_with_an_answer_on_its_way_is_not_idle(host: _Host) -> None:
    """The supervisor's end waits for it."""
    idle: list[bool] = []
    with host.connect(MAIL, OTHER) as mta:
        host.turns()
        host.before_answers.append(lambda: idle.append(host.loop.idle))
        mta.sendall(END)
        host.turns(1)
        assert (idle, host.loop.idle) == ([False], True)


def test_a_header_that_nobody_reads_is_not_taken_apart(host: _Host) -> None:
    """Only whether each field is one; the next message of the connection is a reply, and read."""
    fields: list[str] = []

    class _Reading(_Passing):
        def header(self, name: str, value: str) -> None:
            fields.append(name)
            self.one.header(name, value)

    begin = host.converse
    host.converse = lambda client: _Reading(begin(client))
    header = b"".join(packet(b"L", b"%b\0x\0" % name) for name in (b"A", b"B", b"\xff", b"C"))
    with host.connect(MAIL, OTHER, header, END, _reply()) as mta:
        host.turns()
        assert _letters(_received(mta)) == b"Occccic"
        assert fields == ["A", "From", "Message-ID", "In-Reply-To"]
    with host.connect(MAIL, OTHER, header, packet(b"L", b"no value")) as mta:
        host.turns()
        assert _letters(_received(mta)) == b"Oc"
        assert mta.recv(1) == b""


@pytest.mark.parametrize("author", [AUTHOR, "stranger@example.org"], ids=["accepted", "parked"])
def test_a_claim_is_sent_once_and_released_if_the_mta_is_gone(host: _Host, author: str) -> None:
    """The hang-up comes while the store is asked. Else the client's retry would be refused as a duplicate."""
    host.given = service(host.store, rules({Reason.SENDER_MISMATCH: Action.PARK}))
    mta = host.connect(_reply(author))
    while not any(isinstance(one, Claim) for send in host.pipeline.sends for one in send):
        host.turns(1)
    mta.close()
    host.turns()
    requests = [one for send in host.pipeline.sends for one in send]
    assert [type(one) for one in requests[1:]] == [Claim, Release]
    assert host.loop.idle and not host.loop._connections


def test_without_a_pipeline_threads_ask(host: _Host) -> None:
    """Meanwhile others are served; the answer goes to whoever asked."""
    goes_on = threading.Event()
    host.pipeline.is_ready = False

    class _SlowStore(MemoryStore):
        def facts(self, *arguments: Any) -> Any:
            assert goes_on.wait(10)
            return super().facts(*arguments)

    host.given = service(_SlowStore())
    with host.connect(_reply()) as slow, host.connect(MAIL, OTHER, END) as quick:
        host.turns()
        assert _letters(_received(quick)) == b"Occ"
        assert _letters(_received(slow)) == b"O"
        goes_on.set()
        _until(lambda: host.loop.idle, host)
        assert _letters(_received(slow)) == b"ccic"


def test_whoever_else_is_consulted_is_asked_by_a_thread(host: _Host) -> None:
    """No pipeline hears of it, and the loop serves others meanwhile."""
    goes_on = threading.Event()

    class _Consulting(_Passing):
        def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str = "") -> Any:
            return Accept() if "bob" in argument else Pending(self._consulting(), host.store)

        def _consulting(self) -> Generator[Any, Any, Accept]:
            yield Consult(partial(goes_on.wait, 10))
            return Accept()

    begin = host.converse
    host.converse = lambda client: _Consulting(begin(client))
    with host.connect(_reply()) as slow, host.connect(MAIL, OTHER, END) as quick:
        host.turns()
        assert (_letters(_received(quick)), _letters(_received(slow))) == (b"Occ", b"O")
        goes_on.set()
        _until(lambda: host.loop.idle, host)
        assert _letters(_received(slow))[:1] == b"c"
    assert host.pipeline.sends == []


def test_without_a_thread_the_reply_alone_is_deferred(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has no more. Others go on, and so does the loop; the next question tries again."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    host.pipeline.is_ready = False
    with host.connect(_reply()) as mta, host.connect(MAIL, OTHER, END) as other:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", fail)
            host.turns()
        assert _letters(_received(mta))[:2] == b"Oy"
        assert _letters(_received(other)) == b"Occ"
    with host.connect(_reply()) as later:
        heard = b""

        def is_answered() -> bool:
            nonlocal heard
            heard += _received(later)
            return _letters(heard) == b"Occic"

        _until(is_answered, host)


def test_slow_applications_delay_no_store(host: _Host) -> None:
    """Who waits for one has threads of its own, also where the store is asked by threads."""
    goes_on = threading.Event()
    host.pipeline.is_ready = False

    class _Consulting(_Passing):
        def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str = "") -> Any:
            if "bob" not in argument:
                return self.one.rcpt(argument, resolved, over_smtp, queue_id)
            return Pending(self._consulting(), host.store)

        def _consulting(self) -> Generator[Any, Any, Accept]:
            yield Consult(partial(goes_on.wait, 10))
            return Accept()

    begin = host.converse
    host.converse = lambda client: _Consulting(begin(client))
    slow = [host.connect(MAIL, OTHER, END) for _ in range(16)]
    _until(lambda: sum(one.session.steps.question is not None for one in host.loop._connections.values()) == 16, host)
    heard = b""

    def is_answered() -> bool:
        nonlocal heard
        heard += _received(mta)
        return _letters(heard) == b"Occic"

    with host.connect(_reply()) as mta:
        _until(is_answered, host)
    goes_on.set()
    _until(lambda: host.loop.idle, host)
    for one in slow:
        assert _letters(_received(one)) == b"Occ"
        one.close()


def test_a_store_that_is_down_defers(host: _Host) -> None:
    """Its failure goes into the step that asked."""
    host.store.down = True
    with host.connect(_reply()) as mta:
        host.turns()
        assert _letters(_received(mta))[:2] == b"Oy"


def test_an_mta_that_does_not_read(host: _Host) -> None:
    """It holds up nobody else, is read no further, and gets all of its answers in the end."""
    count = 20_000
    with host.connect(MAIL) as stuck, host.connect(MAIL, OTHER, END) as other:
        unsent = packet(b"H", b"x\0") * count
        for _ in range(2000):
            if unsent:
                with suppress(BlockingIOError):
                    unsent = unsent[stuck.send(unsent) :]
            host.turns(1)
        kept = [len(one._unsent) for one in host.loop._connections.values()]
        assert max(kept) < 1 << 20
        assert _letters(_received(other)) == b"Occ"
        heard = b""
        while len(heard) < 5 * count + 17:
            if unsent:
                with suppress(BlockingIOError):
                    unsent = unsent[stuck.send(unsent) :]
            host.turns(1)
            heard += _received(stuck)
        assert _letters(heard) == b"O" + b"c" * count


def test_an_mta_that_waits_for_no_answer_takes_turns_with_the_others(host: _Host) -> None:
    """Of thousands of commands that it sends at once, each turn carries out a hundred."""
    recipients = 1000
    with host.connect(MAIL) as greedy, host.connect(MAIL) as other:
        host.turns()
        assert (_letters(_received(greedy)), _letters(_received(other))) == (b"O", b"O")
        greedy.sendall(OTHER * recipients + END)
        other.sendall(OTHER + END)
        host.turns(2)
        assert _letters(_received(other)) == b"cc"
        heard = _received(greedy)
        assert 0 < len(_letters(heard)) <= 100

        def is_answered() -> bool:
            nonlocal heard
            heard += _received(greedy)
            return _letters(heard) == b"c" * (recipients + 1)

        _until(is_answered, host)
        assert host.loop.idle


def test_an_idle_mta_is_hung_up_on(host: _Host) -> None:
    """After two hours, also within a message, or a packet."""
    with host.connect(MAIL, b"\0\0") as mta, host.connect() as busy:
        host.turns()
        next(iter(host.loop._connections.values())).last -= loop._IDLE_SECONDS + 1
        host.turns()
        assert len(host.loop._connections) == 1
        assert _letters(_received(mta)) == b"O"
        assert mta.recv(1) == b""
        assert _letters(_received(busy)) == b"O"


def test_an_accident_ends_one_connection(host: _Host, caplog: pytest.LogCaptureFixture) -> None:
    """Its MTA defers, and another one's message goes on."""
    with host.connect(MAIL) as other:
        host.turns()
        begin = host.converse

        def accident(client: str) -> Connection:
            raise ZeroDivisionError(client)

        host.converse = accident
        with host.connect(MAIL) as hit, caplog.at_level(logging.ERROR):
            host.turns()
            assert _received(hit) == b""
        host.converse = begin
        other.sendall(OTHER + END)
        host.turns()
        assert _letters(_received(other)) == b"Occ"
    assert "ZeroDivisionError" in caplog.text


def test_workers_share_connections_evenly(listening: socket.socket, memory: memoryview) -> None:
    """Whoever has more than another leaves a new one to it."""
    store = MemoryStore()
    hosts = [_Host(listening, store, _Pipeline(store), ConnectionCounts(memory, number)) for number in range(3)]
    mtas = []
    for _ in range(12):
        mtas.append(hosts[0].connect())
        _until(lambda: sum(len(host.loop._connections) for host in hosts) == len(mtas), *hosts)
    assert [len(host.loop._connections) for host in hosts] == [4, 4, 4]
    for mta in mtas:
        mta.close()
    for host in hosts:
        host.turns()
        assert not host.loop._connections


def test_a_worker_that_is_busy_does_not_keep_connections_waiting(listening: socket.socket, memory: memoryview) -> None:
    """The one with more takes a new one after a moment, if no other does."""
    store = MemoryStore()
    first = _Host(listening, store, _Pipeline(store), ConnectionCounts(memory, 0))
    ConnectionCounts(memory, 1)
    with first.connect() as one, first.connect() as two:
        _until(lambda: len(first.loop._connections) == 2, first)
        first.turns()
        assert (_letters(_received(one)), _letters(_received(two))) == (b"O", b"O")
        first.close()


def test_a_connection_of_which_only_a_dead_worker_was_told(listening: socket.socket, memory: memoryview) -> None:
    """The system wakes one worker for a connection; if that one is killed, another looks by itself within a second."""
    first = select.epoll()
    first.register(listening.fileno(), select.EPOLLIN | select.EPOLLEXCLUSIVE)
    told = threading.Thread(target=first.poll)
    told.start()
    time.sleep(0.2)  # it waits
    store = MemoryStore()
    second = _Host(listening, store, _Pipeline(store), ConnectionCounts(memory, 1))
    second.turns()
    with second.connect() as mta:
        told.join()
        began = time.monotonic()
        while not second.loop._connections:
            second.loop.turn()
        assert time.monotonic() - began < 1.5
        assert _letters(_received(mta)) == b"O"
    second.close()


def test_what_a_new_connection_has_sent_is_answered_in_the_turn_that_takes_it(host: _Host) -> None:
    """An MTA writes at once: that needs no turn of its own."""
    with host.connect(MAIL, OTHER) as mta:
        host.turns(1)
        assert _letters(_received(mta)) == b"Oc"


@pytest.mark.parametrize(
    ("counts", "few", "many"),
    [
        ([0, 0], [False, False], [False, False]),
        ([1, 0], [False, False], [False, False]),
        ([2, 0], [False, True], [True, False]),
        ([20, 17, 3], [False, False, True], [True, True, False]),
        ([103, 100], [False, False], [False, False]),
        ([114, 100], [False, True], [True, False]),
    ],
)
def test_who_leaves_connections_to_whom(
    counts: list[int], few: list[bool], many: list[bool], memory: memoryview
) -> None:
    """A worker has few, or many, if another has an eighth more, or fewer, and two at least."""
    workers = [ConnectionCounts(memory, number) for number in range(len(counts))]
    for worker, count in zip(workers, counts, strict=True):
        worker.set(count)
    assert [worker.has_few() for worker in workers] == few
    assert [worker.has_many_more() for worker in workers] == many


def test_more_descriptors_than_there_are(
    host: _Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop waits for a moment, serves those that it has, and spends no time meanwhile."""

    class _Full:
        def accept(self) -> None:
            raise OSError(24, "Too many open files")

        def fileno(self) -> int:
            return real.fileno()

    real = host.loop._accepting._listening
    with host.connect(MAIL) as other:
        host.turns()
        monkeypatch.setattr(host.loop._accepting, "_listening", _Full())
        with host.connect(MAIL) as waiting:
            host.turns()
            assert caplog.text.count("Too many open files") == 1
            other.sendall(OTHER + END)
            host.turns()
            assert _letters(_received(other)) == b"Occ"
            monkeypatch.setattr(host.loop._accepting, "_listening", real)
            host.loop._accepting.due = 0.0
            host.turns()
            assert _letters(_received(waiting)) == b"O"


def test_connections_and_messages_leave_nothing_behind(host: _Host) -> None:
    """Of replies, ordinary mail, aborted messages and MTAs that hang up: memory stays what it was."""
    unfinished = MAIL + OTHER

    def some() -> int:
        for octets in (_reply(), MAIL + OTHER + END, unfinished, unfinished + packet(b"A"), b"\0\0", _reply()[:-9]):
            with host.connect(octets) as mta:
                host.turns()
                _received(mta)
        host.turns()
        host.pipeline.sends.clear()
        host.store.calls.clear()
        host.given = service(host.store)  # its telemetry keeps what it is told
        gc.collect()
        return len(gc.get_objects())

    for _ in range(3):
        before = some()
    kept = [some() - before for _ in range(8)]
    assert max(kept) <= 3, kept
    assert not host.loop._connections and host.loop.idle


def test_a_closed_connection_is_freed_at_once(host: _Host) -> None:
    """Nothing of it waits for the garbage collector, so the next one gets the same memory."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            with host.connect(MAIL, OTHER, END) as mta:
                host.turns(2)
                assert _letters(_received(mta)) == b"Occ"
            host.turns(2)
        assert not host.loop._connections
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_stores_answer_of_claims_is_read() -> None:
    """The fake above answers what the flows ask for."""
    assert isinstance(put(Claim("t" * 13, "m" * 13, b"c", b"o", 5), MemoryStore()), Claimed)
