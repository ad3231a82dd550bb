"""Sentinels: a failover in the midst of claims, Sentinels that are cut off or lie, servers that hang."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.ports import Replay, StoreUnavailableError
from tests.support.fakes import REALM
from tests.support.processes.ports import free_port
from tests.support.stores.redis_under_test import PROGRAM, eventually
from tests.support.stores.several_redis import NAME, Node, SentinelsUnderTest
from tests.support.stores.store_bench import claim, found_way, outcome

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

TIMEOUT_SECONDS = 0.3
SLACK_SECONDS = 0.5  # for a loaded machine; redis-py's own retries would take seconds


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[SentinelsUnderTest]:
    """A master, a replica and three Sentinels, to do harm to."""
    running = SentinelsUnderTest(tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def told(store: RedisStore, number: int, owner: bytes) -> str:
    """What a claim of a message for a token of its own finds, or how it fails. Never takes longer than it may."""
    start = time.monotonic()
    try:
        return str(outcome(store, claim(token_id=f"token{number:08}", owner=owner)))
    except StoreUnavailableError as error:
        return f"! {error.kind}"
    finally:
        assert time.monotonic() - start < TIMEOUT_SECONDS + SLACK_SECONDS


def test_a_failover_in_the_midst_of_claims(trio: SentinelsUnderTest) -> None:
    """Clients come again until they hear yes: each does, none is told of a replay, and the old master changes nothing.

    What was acknowledged and then lost (replication is asynchronous) is first again, which is documented; it is told.
    """
    store, ended, numbers = found_way(trio.url, TIMEOUT_SECONDS), threading.Event(), count()
    answers: list[tuple[int, str]] = []
    failures: set[str] = set()

    def client() -> None:
        while not ended.is_set():
            number = next(numbers)
            for attempt in count():
                found = told(store, number, f"o{number}.{attempt}".encode())
                if not found.startswith("!"):
                    answers.append((number, found))
                    break
                failures.add(found)
                time.sleep(0.02)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: trio.second.command("DBSIZE") > 200)  # the replica keeps pace, also on a busy machine
    trio.first.stop()
    trio.agree_on(trio.second)
    before = len(answers)
    eventually(lambda: len(answers) > before + 200)
    trio.first.start()  # it comes back, and believes to be a master: Sentinels take ten seconds to set it right
    before = len(answers)
    eventually(lambda: len(answers) > before + 200)
    assert trio.first.command("DBSIZE") == 0, "nobody writes there"
    ended.set()
    for thread in threads:
        thread.join()
    assert {found for _, found in answers} <= {"first", "retry"}
    assert failures, "the failover was seen"
    lost = sum(outcome(store, claim(token_id=f"token{n:08}", owner=b"again")) is Replay.FIRST for n, _ in answers)
    assert lost < 100, f"{lost} of {len(answers)} claims were lost in the failover"


def test_a_master_that_became_a_replica_behind_our_back(trio: SentinelsUnderTest) -> None:
    """READONLY: the operation finds and uses the new master within the same deadline; the client notices nothing."""
    store = found_way(trio.url, TIMEOUT_SECONDS)
    assert told(store, 1, b"o1") == "first"
    eventually(lambda: trio.second.command("EXISTS", "rm1:token00000001") == 1)
    trio.fail_over_to(trio.second)
    trio.first.command("REPLICAOF", "127.0.0.1", trio.second.port)  # the Sentinels would take ten seconds to it
    assert told(store, 2, b"o2") == "first"
    assert told(store, 1, b"o3") == "retry"


class Liar:
    """A Sentinel that names a master of old, with the epoch of then."""

    def __init__(self, port: int, epoch: int) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._port, self._epoch = port, epoch
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        words = ["config-epoch", str(self._epoch)]
        address = ["127.0.0.1", str(self._port)]
        text = "".join(
            f"*{len(one)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in one) for one in (address, words)
        )
        with client:
            while client.recv(4096):
                client.sendall(text.encode())

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()


def test_a_sentinel_that_lies_about_an_old_master(trio: SentinelsUnderTest, tmp_path: Path) -> None:
    """It answers first, and is not believed: another one knows of a later failover. Alone, it leads to no replica."""
    trio.fail_over_to(trio.second)
    trio.first.command("REPLICAOF", "127.0.0.1", trio.second.port)  # the Sentinels would take ten seconds to it
    liar = Liar(trio.first.port, 0)
    true = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in trio.sentinels[:2])
    store = RedisStore(f"redis+sentinel://127.0.0.1:{liar.port},{true}/{NAME}", TIMEOUT_SECONDS, REALM)
    assert told(store, 1, b"o1") == "first"
    assert trio.second.command("EXISTS", "rm1:token00000001") == 1
    alone = RedisStore(f"redis+sentinel://127.0.0.1:{liar.port}/{NAME}", TIMEOUT_SECONDS, REALM)
    assert told(alone, 2, b"o2") == "! readonly"
    with pytest.raises(StoreUnavailableError) as error:
        alone.facts(42, 1, 7, "tokentokentok")
    assert error.value.kind == "readonly", "revocations are not read from a replica"
    liar.close()


def test_a_sentinel_that_hangs_costs_no_message(trio: SentinelsUnderTest) -> None:
    """A half-open connection to one Sentinel, and all of them down: the master is known."""
    store = found_way(trio.url, TIMEOUT_SECONDS)
    assert told(store, 1, b"o1") == "first"
    trio.sentinels[0].signal(signal.SIGSTOP)
    assert told(store, 2, b"o2") == "first"
    trio.first.stop()
    trio.agree_on(trio.second)
    eventually(lambda: told(store, 3, b"o3") == "first")
    trio.sentinels[0].signal(signal.SIGCONT)
    for sentinel in trio.sentinels:
        sentinel.stop()
    for number in range(4, 40):
        assert told(store, number, b"o4") == "first"


def test_a_master_that_hangs_is_left(trio: SentinelsUnderTest) -> None:
    """Stopped, its connections stay open: time-outs, then the new master; and it stays so."""
    store = found_way(trio.url, TIMEOUT_SECONDS)
    assert told(store, 1, b"o1") == "first"
    trio.first.signal(signal.SIGSTOP)
    assert [told(store, 2, b"o2") for _ in range(2)] == ["! timeout"] * 2
    eventually(lambda: told(store, 2, b"o3") == "first", 20)
    assert trio.second.command("EXISTS", "rm1:token00000002") == 1
    trio.first.signal(signal.SIGCONT)
    assert told(store, 2, b"o4") == "retry"


def test_nobody_knows_the_name(tmp_path: Path) -> None:
    """No master has this name: reported so, in time."""
    (port, other) = [free_port() for _ in range(2)]
    sentinel = Node(tmp_path, port, f"sentinel monitor {NAME} 127.0.0.1 {other} 1", sentinel=True)
    sentinel.start()
    try:
        store = RedisStore(f"redis+sentinel://127.0.0.1:{port}/nobody", TIMEOUT_SECONDS, REALM)
        with pytest.raises(StoreUnavailableError, match="nobody") as error:
            store.ping()
        assert error.value.kind == "discovery"
    finally:
        sentinel.stop()
