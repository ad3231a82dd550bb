"""Three masters: keys of one reply on all of them, slots that move, masters that die, and never a false replay."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisRegistry, RedisStore
from reply_milter.adapters.redis_store.names import Names, token_key
from reply_milter.ports import Replay, StoreUnavailableError
from tests.support.fakes import REALM
from tests.support.stores.redis_under_test import PROGRAM, eventually
from tests.support.stores.several_redis import ClusterUnderTest, Node
from tests.support.stores.store_bench import TOKEN, claim, found_way, outcome

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

TIMEOUT_SECONDS = 0.5
SLACK_SECONDS = 0.5  # for a loaded machine; redis-py's own retries would take seconds
KEPT = int(time.time()) + 86400
PATIENT_SECONDS = 20.0  # a store that only a hang makes fail, and no load on this machine
MESSAGES, MOVES = 300, 20


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterUnderTest]:
    """One for the tests that leave its slots and masters as they were."""
    running = ClusterUnderTest(Path(tmp_path_factory.mktemp("cluster")))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def store(cluster: ClusterUnderTest) -> Iterator[RedisStore]:
    """With nothing in it."""
    for node in cluster.nodes:
        node.command("FLUSHALL")
    found = found_way(cluster.url, TIMEOUT_SECONDS)
    yield found
    found.close()


def on_each_master(cluster: ClusterUnderTest) -> dict[str, Node]:
    """A token for each, and who has it."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < len(cluster.nodes):
        token = f"token{number:08}"
        found.setdefault(cluster.owner(token_key(token)).port, token)
        number += 1
    return {token: node for node in cluster.nodes for port, token in found.items() if port == node.port}


def test_keys_of_a_reply_lie_on_several_masters(cluster: ClusterUnderTest, store: RedisStore) -> None:
    """And are read all the same, in one operation."""
    registry = RedisRegistry(cluster.url, 2.0, REALM)
    registry.revoke_user(42, 1000, KEPT)
    registry.revoke_object(1, 7, 2000, KEPT)
    registry.revoke_before(3000, KEPT)
    registry.revoke_token(TOKEN, KEPT)
    names = Names(REALM)
    keys = (names.user(42), names.object(1, 7), names.before, token_key(TOKEN))
    assert len({cluster.owner(key).port for key in keys}) > 1, "else this test shows nothing"
    facts = store.facts(42, 1, 7, TOKEN)
    assert (facts.user_revoked_before, facts.object_revoked_before, facts.all_revoked_before) == (1000, 2000, 3000)
    assert facts.token_revoked


def test_every_master_takes_claims_and_forgets_scripts(cluster: ClusterUnderTest, store: RedisStore) -> None:
    """NOSCRIPT comes from each by itself."""
    tokens = on_each_master(cluster)
    for node in cluster.nodes:
        node.command("SCRIPT", "FLUSH")
    for token in tokens:
        assert outcome(store, claim(token_id=token)) is Replay.FIRST
        assert outcome(store, claim(token_id=token, owner=b"owner2")) is Replay.RETRY
    for node in cluster.nodes:
        node.command("SCRIPT", "FLUSH")
    store.commit_all([claim(token_id=token).id for token in tokens])
    for token in tokens:
        assert outcome(store, claim(token_id=token, owner=b"owner3")) is Replay.DUPLICATE


def test_a_slot_that_moves_takes_its_claims_along(cluster: ClusterUnderTest, store: RedisStore) -> None:
    """MOVED for what has moved, ASK for what is about to: both are followed, and neither is a replay."""
    source = cluster.owner(token_key(TOKEN))
    target, slot = cluster.other(source), cluster.slot(token_key(TOKEN))
    assert outcome(store, claim()) is Replay.FIRST
    half: list[Replay | None] = []
    cluster.move(slot, source, target, lambda: half.append(outcome(store, claim(owner=b"owner2"))))
    assert half == [Replay.RETRY]
    assert outcome(store, claim(owner=b"owner3")) is Replay.RETRY
    fresh = RedisStore(cluster.url, 2.0, REALM)
    assert outcome(fresh, claim(owner=b"owner4")) is Replay.RETRY
    cluster.move(slot, target, source)


@pytest.fixture
def unhurried(tmp_path: Path) -> Iterator[ClusterUnderTest]:
    """A Cluster whose nodes never give each other up, however late they are."""
    running = ClusterUnderTest(tmp_path, f"cluster-node-timeout {int(PATIENT_SECONDS * 1000)}")
    try:
        running.start()
        yield running
    finally:
        running.stop()


class Mover:
    """Moves the slot of TOKEN to another master and back, again and again, until ``ended`` is set."""

    def __init__(self, cluster: ClusterUnderTest) -> None:
        self.ended = threading.Event()
        self.moves = 0
        self._cluster = cluster

    def run(self) -> None:
        """Leave the slot where it was in the beginning."""
        here = self._cluster.owner(token_key(TOKEN))
        there, slot = self._cluster.other(here), self._cluster.slot(token_key(TOKEN))
        while not self.ended.is_set() or self.moves % 2:
            self._cluster.move(slot, here, there)
            self.moves += 1
            here, there = there, here


def insistent(store: RedisStore, number: int, owner: bytes) -> tuple[Replay | None, set[str]]:
    """A claim that is made again until the store answers it; its outcome, and the kinds of errors before."""
    found: list[Replay | None] = []
    kinds: set[str] = set()

    def answered() -> bool:
        try:
            tag, content = f"message{number:06}", f"{number:010}".encode()
            found.append(outcome(store, claim(message_tag=tag, content=content, owner=owner)))
        except StoreUnavailableError as error:
            kinds.add(error.kind)
        return bool(found)

    eventually(answered, PATIENT_SECONDS)
    return found[0], kinds


def test_claims_while_slots_move_to_and_fro(unhurried: ClusterUnderTest) -> None:
    """Each message is first once, whatever its slot is doing; nothing is refused as a replay, and little is put off.

    Only a second redirection puts it off, which says that nothing was carried out.
    """
    store = RedisStore(unhurried.url, PATIENT_SECONDS, REALM)
    store.watch()
    mover, number = Mover(unhurried), 0
    put_off: list[set[str]] = []
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(mover.run)
        try:
            while number < MESSAGES or (mover.moves < MOVES and not moving.done()):
                number += 1
                for owner, expected in ((b"owner1", Replay.FIRST), (b"owner2", Replay.RETRY)):
                    found, kinds = insistent(store, number, owner)
                    assert found is expected
                    put_off += [kinds] if kinds else []
        finally:
            mover.ended.set()
    moving.result()
    assert mover.moves >= MOVES, "else this test shows nothing"
    assert all(kinds == {"moved"} for kinds in put_off), put_off
    assert len(put_off) <= mover.moves


def test_a_dead_master_costs_its_own_keys_and_little_time(cluster: ClusterUnderTest, store: RedisStore) -> None:
    """The others go on; what is meant for it is refused at once, soon without asking; it is used when it is back."""
    tokens = on_each_master(cluster)
    for token in tokens:
        outcome(store, claim(token_id=token))
    (dead, node), *others = tokens.items()
    with node.stopped():
        kinds = [_failure(store, dead) for _ in range(4)]
        assert [kind for kind, _ in kinds] == ["timeout"] * 3 + ["breaker"]
        assert kinds[-1][1] < 0.05
        for token, _ in others:
            assert outcome(store, claim(token_id=token, owner=b"owner2")) is Replay.RETRY
        with pytest.raises(StoreUnavailableError):
            store.commit_all([claim(token_id=token).id for token in tokens])
        for token, _ in others:
            assert outcome(store, claim(token_id=token, owner=b"owner3")) is Replay.DUPLICATE, "the others' were done"
    eventually(lambda: _answers(store, dead), 3)
    assert outcome(store, claim(token_id=dead, owner=b"owner4")) is Replay.RETRY


def _failure(store: RedisStore, token: str) -> tuple[str, float]:
    start = time.monotonic()
    with pytest.raises(StoreUnavailableError) as error:
        outcome(store, claim(token_id=token, owner=b"owner9"))
    return error.value.kind, time.monotonic() - start


def _answers(store: RedisStore, token: str) -> bool:
    try:
        outcome(store, claim(token_id=token, owner=b"owner8"))
    except StoreUnavailableError:
        return False
    return True


def test_slots_that_nobody_has_are_no_answer(cluster: ClusterUnderTest, store: RedisStore) -> None:
    """Its slots fail with CLUSTERDOWN, counted as a kind of its own; they work again when another master has them."""
    assert outcome(store, claim()) is Replay.FIRST
    slot, owner = cluster.slot(token_key(TOKEN)), cluster.owner(token_key(TOKEN))
    for node in cluster.nodes:
        node.command("CLUSTER", "DELSLOTS", slot)
    try:
        eventually(lambda: _failure_kind(store) == "clusterdown")
    finally:
        owner.command("CLUSTER", "ADDSLOTS", slot)
    eventually(lambda: _answers(store, TOKEN))


def test_a_replica_takes_the_place_of_a_dead_master(tmp_path: Path) -> None:
    """451 meanwhile; then claims of before are known, and new ones are taken, by a thread's look or without one."""
    cluster = ClusterUnderTest(tmp_path, replicas=1)
    watched, plain = (RedisStore(cluster.url, TIMEOUT_SECONDS, REALM) for _ in range(2))
    watched.watch()
    try:
        cluster.start()
        (token, dead) = next(
            (token, node) for token, node in on_each_master(cluster).items() if node is cluster.nodes[0]
        )
        for store in (watched, plain):
            eventually(lambda store=store: _answers(store, token))  # type: ignore[misc]
        eventually(lambda: cluster.replicas[0].command("DBSIZE") == dead.command("DBSIZE") > 0)
        dead.stop()
        for store in (watched, plain):
            eventually(lambda store=store: _answers(store, token))  # type: ignore[misc]
            assert outcome(store, claim(token_id=token, owner=b"owner2")) is Replay.RETRY
    finally:
        cluster.stop()


def _failure_kind(store: RedisStore) -> str:
    try:
        outcome(store, claim(owner=b"owner7"))
    except StoreUnavailableError as error:
        return error.kind
    return ""


def test_a_cluster_that_is_away_at_first(tmp_path: Path) -> None:
    """No answer in time, and none that waits for longer; it is found as soon as it is there, by a thread or without."""
    cluster = ClusterUnderTest(tmp_path)
    watched, plain = (RedisStore(cluster.url, TIMEOUT_SECONDS, REALM) for _ in range(2))
    watched.watch()
    for store in (watched, plain):
        kind, seconds = _failure(store, TOKEN)
        assert kind == "discovery"
        assert seconds < TIMEOUT_SECONDS + SLACK_SECONDS
    cluster.start()
    try:
        for store in (watched, plain):
            eventually(lambda store=store: _answers(store, TOKEN))  # type: ignore[misc]
    finally:
        cluster.stop()


@pytest.mark.parametrize("form", ["redis+cluster://{}", "redis+sentinel://{}/replies"])
def test_nobody_is_known_and_all_hang(form: str) -> None:
    """Connections are taken, and nothing is ever answered: the first waits its time, who comes later waits no more."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        places = ",".join(f"127.0.0.1:{listening.getsockname()[1]}" for listening in (one, other))
        store = RedisStore(form.format(places), 0.2, REALM)
        store.watch()
        kind, seconds = _failure(store, TOKEN)
        assert kind == "discovery"
        assert seconds < 0.2 + SLACK_SECONDS
        eventually(lambda: _failure(store, TOKEN)[1] < 0.05)
        spent = [_failure(store, TOKEN) for _ in range(20)]
        assert {kind for kind, _ in spent} == {"discovery"}
        assert sorted(seconds for _, seconds in spent)[10] < 0.02
