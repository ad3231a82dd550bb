"""What only a real Redis can do to us: fill up, stop, restart, forget, load, be slow, be gone."""

import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.adapters.redis_store.link.breaker import OPEN_SECONDS
from reply_milter.ports import Replay, Store, StoreUnavailableError
from tests.support.fakes import REALM
from tests.support.stores.moving_address import moving_address
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest, eventually
from tests.support.stores.store_bench import OTHER_TOKEN_ID, TOKEN, claim, outcome

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

Open = Callable[..., RedisStore]
SHORT_SECONDS = 0.15
SLACK_SECONDS = 0.1
RETRY = claim(owner=b"owner2")
CALLS: dict[str, Callable[[Store], object]] = {
    "facts": lambda store: store.facts(42, 1, 7, TOKEN),
    "claim": lambda store: outcome(store, claim()),
    "release": lambda store: store.release(claim()),
    "commit": lambda store: store.commit(claim().id),
    "commits": lambda store: store.commit_all([claim().id, claim(token_id=OTHER_TOKEN_ID).id]),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@dataclass
class Counters:
    """Return the fields of INFO."""

    operations: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def store_operation(self, operation: str, seconds: float) -> None:
        """See ``StoreTelemetry``."""
        assert seconds >= 0
        self.operations.append(operation)

    def store_error(self, operation: str, kind: str) -> None:
        """See ``StoreTelemetry``."""
        self.errors.append((operation, kind))


def failure(store: Store, call: Callable[[Store], object]) -> tuple[str, float]:
    """How a call fails, and after how many seconds."""
    start = time.monotonic()
    with pytest.raises(StoreUnavailableError) as error:
        call(store)
    return error.value.kind, time.monotonic() - start


def test_hash_of_a_token_is_kept_for_its_time(server: RedisUnderTest, opened: Open) -> None:
    """To the second, from now on; retries and commits leave it."""
    store = opened(server)
    outcome(store, claim(kept_seconds=1000))
    outcome(store, claim(owner=b"owner2", kept_seconds=2000))
    store.commit(claim().id)
    assert 990 < server.command("TTL", f"rm1:{TOKEN}") <= 1000


def test_one_message_costs_one_hash(server: RedisUnderTest, opened: Open) -> None:
    """Replays, retries and reads write nothing."""
    store = opened(server)
    outcome(store, claim())
    for other in (RETRY, claim(owner=b"o", content=b"9876543210"), claim(owner=b"o", message_tag="othermessages")):
        outcome(store, other)
    store.facts(42, 1, 7, TOKEN)
    assert server.command("KEYS", "*") == [f"rm1:{TOKEN}"]
    assert server.command("HLEN", f"rm1:{TOKEN}") == 2


def test_released_message_leaves_nothing(server: RedisUnderTest, opened: Open) -> None:
    """Not even an empty hash."""
    store = opened(server)
    outcome(store, claim())
    store.release(claim())
    assert server.command("DBSIZE") == 0


def test_full_store_is_unavailable_and_works_again_with_room(server: RedisUnderTest, opened: Open) -> None:
    """noeviction: what is remembered stays, and nothing new is taken without being remembered."""
    store = opened(server)
    outcome(store, claim())
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
    assert failure(store, lambda full: outcome(full, claim(token_id=OTHER_TOKEN_ID)))[0] == "oom"
    assert store.facts(42, 1, 7, TOKEN).token_revoked is False
    server.command("CONFIG", "SET", "maxmemory", "0")
    assert outcome(store, claim(token_id=OTHER_TOKEN_ID)) is Replay.FIRST
    assert outcome(store, RETRY) is Replay.RETRY


@each_call
@pytest.mark.parametrize("connected", [True, False])
def test_stopped_store_is_given_up_in_time(
    server: RedisUnderTest, opened: Open, call: Callable[[Store], object], connected: bool
) -> None:
    """One deadline for all of a call, on an idle connection and on a new one."""
    store = opened(server, SHORT_SECONDS)
    if connected:
        store.ping()
    server.signal(signal.SIGSTOP)
    kind, seconds = failure(store, call)
    assert kind == "timeout"
    assert seconds < SHORT_SECONDS + SLACK_SECONDS


def test_late_claim_is_a_reservation(server: RedisUnderTest, opened: Open) -> None:
    """Redis carries it out after we gave up: the client's next try is welcome, never a replay."""
    store = opened(server, SHORT_SECONDS)
    store.ping()
    server.signal(signal.SIGSTOP)
    assert failure(store, lambda stopped: outcome(stopped, claim()))[0] == "timeout"
    server.signal(signal.SIGCONT)
    eventually(server.answers)
    assert outcome(store, RETRY) in (Replay.RETRY, Replay.FIRST)
    assert outcome(store, claim(owner=b"owner3")) is Replay.RETRY


def test_late_answers_are_never_taken_for_later_ones(server: RedisUnderTest, opened: Open) -> None:
    """A connection with an answer under way is not used again."""
    store = opened(server, SHORT_SECONDS)
    outcome(store, claim())
    store.commit(claim().id)
    server.signal(signal.SIGSTOP)
    for _ in range(2):  # a third would open the breaker
        failure(store, lambda stopped: outcome(stopped, RETRY))
    server.signal(signal.SIGCONT)
    eventually(server.answers)
    assert outcome(store, claim(token_id=OTHER_TOKEN_ID)) is Replay.FIRST
    assert store.facts(42, 1, 7, TOKEN).token_revoked is False
    assert store.commit("x" * 26) is False


@each_call
def test_slow_store_is_given_up_in_time(server: RedisUnderTest, opened: Open, call: Callable[[Store], object]) -> None:
    """It is busy with something else for longer than we wait; afterwards all is well."""
    store = opened(server, SHORT_SECONDS)
    outcome(store, claim())
    sleeper = threading.Thread(target=server.command, args=("DEBUG", "SLEEP", "0.6"))
    sleeper.start()
    eventually(lambda: _is_silent(server))
    kind, seconds = failure(store, call)
    sleeper.join()
    assert kind == "timeout"
    assert seconds < SHORT_SECONDS + SLACK_SECONDS
    assert outcome(store, RETRY) in (Replay.RETRY, Replay.FIRST, Replay.DUPLICATE)


def _is_silent(server: RedisUnderTest) -> bool:
    probe = RedisStore(server.url, 0.03, REALM)
    try:
        probe.ping()
    except StoreUnavailableError:
        return True
    finally:
        probe.close()
    return False


def test_answers_that_drip_are_given_up_in_time(tmp_path: Path) -> None:
    """Each comes before a timeout of its own would end: the deadline is for all of them."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "drip.sock"))
    listening.listen()
    dripping = threading.Thread(target=_drip, args=(listening,))
    dripping.start()
    store = RedisStore(f"unix://{tmp_path}/drip.sock", SHORT_SECONDS, REALM)
    kind, seconds = failure(store, CALLS["facts"])
    dripping.join()
    listening.close()
    assert kind == "timeout"
    assert seconds < SHORT_SECONDS + SLACK_SECONDS


def _drip(listening: socket.socket) -> None:
    """Answer the commands of ``facts`` one by one, each just before a timeout of its own would end."""
    client, _ = listening.accept()
    pause = threading.Event()
    with client:
        client.recv(65536)
        for answer in (b"*3\r\n$-1\r\n$-1\r\n$-1\r\n", b"$-1\r\n", b"$-1\r\n", b":0\r\n"):
            pause.wait(SHORT_SECONDS * 0.95)
            try:
                client.sendall(answer)
            except BrokenPipeError:
                return


@each_call
def test_absent_store_is_unavailable_at_once(
    server: RedisUnderTest, opened: Open, call: Callable[[Store], object]
) -> None:
    """No server listens: the operation fails without waiting."""
    store = opened(server)
    server.stop()
    kind, seconds = failure(store, call)
    assert kind == "connection"
    assert seconds < SLACK_SECONDS


def test_restarted_store_works_at_once(tmp_path: Path, opened: Open) -> None:
    """Connections of before are found dead before they are used; what was remembered is there."""
    server = RedisUnderTest(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.start()
    try:
        store = opened(server)
        outcome(store, claim())
        server.stop()
        server.start()
        assert outcome(store, RETRY) is Replay.RETRY
        assert store.commit(claim().id) is True
    finally:
        server.stop()


def test_many_idle_connections_survive_a_restart(tmp_path: Path, opened: Open) -> None:
    """None of those that several threads left behind gives an error."""
    server = RedisUnderTest(tmp_path)
    server.start()
    try:
        store = opened(server)
        threads = [threading.Thread(target=store.ping) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.stop()
        server.start()
        for number in range(20):
            assert outcome(store, claim(token_id=f"token{number:08}")) is Replay.FIRST
    finally:
        server.stop()


def test_forgotten_scripts_are_sent_again(server: RedisUnderTest, opened: Open) -> None:
    """NOSCRIPT means that nothing was done, so this is no second time."""
    store = opened(server)
    outcome(store, claim())
    server.command("SCRIPT", "FLUSH")
    assert outcome(store, RETRY) is Replay.RETRY
    server.command("SCRIPT", "FLUSH")
    assert store.commit(claim().id) is True
    server.command("SCRIPT", "FLUSH")
    store.commit_all([claim().id, "x" * 26])
    server.command("SCRIPT", "FLUSH")
    store.release(claim())
    assert outcome(store, RETRY) is Replay.DUPLICATE


@each_call
def test_loading_store_is_unavailable(
    server: RedisUnderTest, opened: Open, tmp_path: Path, call: Callable[[Store], object]
) -> None:
    """It answers, but has not read its data yet: an empty one would take replays."""
    server.command("DEBUG", "POPULATE", "20000", "filler", "16")
    server.command("SAVE")
    server.stop()
    loading = RedisUnderTest(tmp_path, "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    loading.start(wait=False)
    try:
        assert failure(opened(loading), call)[0] == "loading"
    finally:
        loading.stop()


@pytest.mark.parametrize("key,value", [("addresses", "not JSON"), ("before", "tomorrow")])
def test_damaged_record_is_no_answer(server: RedisUnderTest, opened: Open, key: str, value: str) -> None:
    """What can't be read is not taken for nothing."""
    server.command("HSET", f"rm1:{REALM}:u:42", key, value)
    assert failure(opened(server), CALLS["facts"])[0] == "other"


def test_foreign_key_of_another_type_is_no_answer(server: RedisUnderTest, opened: Open) -> None:
    """Another program's data under our key; the next call on another token works."""
    server.command("SET", f"rm1:{TOKEN}", "a text")
    store = opened(server)
    assert failure(store, CALLS["claim"])[0] == "response"
    assert failure(store, CALLS["facts"])[0] == "response"
    assert outcome(store, claim(token_id=OTHER_TOKEN_ID)) is Replay.FIRST


def test_read_only_replica_takes_nothing(server: RedisUnderTest, opened: Open) -> None:
    """After a failover the old master may come back as a replica."""
    server.command("REPLICAOF", "127.0.0.1", "1")
    assert failure(opened(server), CALLS["claim"])[0] == "readonly"


def test_wrong_password_is_reported_as_such(server: RedisUnderTest, opened: Open) -> None:
    """Not as a store that is unavailable."""
    server.command("CONFIG", "SET", "requirepass", "secret")
    assert failure(opened(server), CALLS["claim"])[0] == "auth"


def test_operations_and_errors_are_counted(server: RedisUnderTest) -> None:
    """By name, errors by kind."""
    counters = Counters()
    store = RedisStore(server.url, 0.5, REALM, counters)
    for call in CALLS.values():
        call(store)
    server.stop()
    failure(store, CALLS["facts"])
    store.close()
    assert counters.operations == ["facts", "claim", "release", "commit", "commit"]
    assert counters.errors == [("facts", "connection")]


def test_threads_share_a_store(server: RedisUnderTest, opened: Open) -> None:
    """One message claimed by many at once is the first for one of them, and everyone gets an answer of his own."""
    store, found = opened(server), []

    def race(owner: int) -> None:
        found.append(outcome(store, claim(owner=owner.to_bytes(6))))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found.count(Replay.FIRST), found.count(Replay.RETRY)) == (1, 31)


def test_a_dead_store_costs_microseconds_and_is_used_when_it_is_back(server: RedisUnderTest, opened: Open) -> None:
    """The breaker: three time-outs, then no wait; half a second after it answers again, at most, all is as before."""
    store = opened(server, SHORT_SECONDS)
    store.ping()
    server.signal(signal.SIGSTOP)
    assert [failure(store, CALLS["facts"])[0] for _ in range(3)] == ["timeout"] * 3
    spent = sorted(failure(store, CALLS["facts"]) for _ in range(50))
    assert {kind for kind, _ in spent} == {"breaker"}
    assert spent[25][1] < 0.002, "the median"
    server.signal(signal.SIGCONT)
    start = time.monotonic()
    eventually(lambda: _works(store))
    assert time.monotonic() - start < OPEN_SECONDS + SHORT_SECONDS + SLACK_SECONDS


def _works(store: RedisStore) -> bool:
    try:
        store.ping()
    except StoreUnavailableError:
        return False
    return True


def test_a_stall_that_many_meet_does_not_open_the_breaker(server: RedisUnderTest, opened: Open) -> None:
    """Sixteen threads give up at once; who asks when it is over is answered."""
    store = opened(server, SHORT_SECONDS)
    store.ping()
    server.signal(signal.SIGSTOP)
    threads = [threading.Thread(target=failure, args=(store, CALLS["facts"])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.signal(signal.SIGCONT)
    eventually(server.answers)
    store.ping()


def test_a_master_without_its_replicas_takes_nothing(server: RedisUnderTest, opened: Open) -> None:
    """By its own setting: a kind of its own, and no claim; reading goes on."""
    store = opened(server)
    server.command("CONFIG", "SET", "min-replicas-to-write", "1")
    assert failure(store, CALLS["claim"])[0] == "noreplicas"
    store.facts(42, 1, 7, TOKEN)
    server.command("CONFIG", "SET", "min-replicas-to-write", "0")
    assert outcome(store, claim()) is Replay.FIRST


def test_a_store_that_became_a_replica_behind_one_address(tmp_path: Path) -> None:
    """A balancer or a moved address: of all connections to the old server, one operation is deferred."""
    with moving_address(tmp_path) as address:
        store = RedisStore(address.url, 0.5, REALM)
        threads = [threading.Thread(target=store.ping) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        address.move()
        assert failure(store, CALLS["claim"])[0] == "readonly"
        assert outcome(store, claim()) is Replay.FIRST
        assert address.new.command("EXISTS", f"rm1:{TOKEN}") == 1
