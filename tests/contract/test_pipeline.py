"""Many requests on one connection of a real Redis: each has the answer that it has alone, and is asked once."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reply_milter.adapters.redis_store import RedisRegistry, RedisStore
from reply_milter.adapters.redis_store.link.breaker import LIMIT
from reply_milter.core.token.token import Token
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.flows.driving import put
from reply_milter.ports import (
    Asked,
    Claim,
    Claimed,
    FactsOf,
    Limit,
    Release,
    Replay,
    StoreRequest,
    StoreUnavailableError,
    Tries,
    UserChange,
)
from tests.contract.test_redis import SHORT_SECONDS, SLACK_SECONDS, Counters
from tests.support.fakes import REALM
from tests.support.processes.ports import free_port
from tests.support.stores.moving_address import moving_address
from tests.support.stores.pipelined import Pipelined
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest, eventually
from tests.support.stores.several_redis import SLOTS, Node
from tests.support.stores.store_bench import OTHER_TOKEN_ID, TOKEN, claim

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

ABOUT = Token(42, 1, 0, 7)
FACTS = FactsOf(42, 1, 7, TOKEN, False)
KEPT = int(time.time()) + 86400
MANY = 200
Opened = Callable[..., Pipelined]


@pytest.fixture
def opened(server: RedisUnderTest) -> Iterator[Opened]:
    """Make pipelines to the server, with an idle connection to take over; close them afterwards."""
    made: list[Pipelined] = []

    def make(seconds: float = 2.0, telemetry: Counters | None = None) -> Pipelined:
        made.append(Pipelined(RedisStore(server.url, seconds, REALM, telemetry)).connected())
        return made[-1]

    yield make
    for one in made:
        one.pipeline.close()
        one.store.close()
        assert one.watched == {}, "what is closed is not watched"


def claims(count: int = MANY) -> list[Claim]:
    """Claims of as many tokens."""
    return [claim(token_id=f"token{number:08}") for number in range(count)]


def failures(pipelined: Pipelined, count: int) -> list[str]:
    """Collect ``count`` answers, which are failures; return their kinds."""
    found = pipelined.collect(count)
    assert sorted(one.by for one in found) == list(range(count))
    return [one.failure.kind if one.failure is not None else "answered" for one in found]


def some_requests(chance: random.Random, count: int) -> list[StoreRequest]:
    """Requests that touch each other: few tokens, few messages, few authors."""

    def of(*values: Any) -> Any:
        return chance.choice(values)

    def one() -> StoreRequest:
        wanted = claim(
            token_id=of(TOKEN, OTHER_TOKEN_ID),
            message_tag=of("messagemessag", "othermessages", "thirdmessages"),
            content=of(b"0123456789", b"9876543210"),
            owner=of(b"owner1", b"owner2"),
            author=of(b"a" * 6, b"b" * 6),
            replies=of(None, Limit(1, True), Limit(2, False)),
            senders=of(None, Limit(1, True), Limit(1, False)),
            tries=of(None, Tries(2, True, b"xyz"), Tries(2, False, b"zyx"), Tries(2, True)),
            about=of(None, ABOUT, ABOUT._replace(user=43)),
            wrapped=of(False, True),
        )
        if wanted.tries is not None and chance.random() < 0.2:
            wanted = wanted._replace(takes=False)
        facts = FactsOf(of(42, 43), 1, of(7, 8), of(TOKEN, OTHER_TOKEN_ID), of(False, True))
        request: StoreRequest = of(wanted, wanted, wanted, facts, Release(wanted))
        return request

    return [one() for _ in range(count)]


def test_each_request_has_the_answer_that_it_has_alone(server: RedisUnderTest) -> None:
    """The same ones, one by one and in batches of any size, on stores that know the same."""
    chance = random.Random(20)
    for _ in range(20):
        server.command("FLUSHALL")
        stores = [RedisStore(server.url, 2.0, realm) for realm in ("one", "two")]
        for realm in ("one", "two"):
            registry = RedisRegistry(server.url, 2.0, realm)
            registry.set_users([UserChange(42, True, ("jane@example.org",)), UserChange(43, wrapped=True)], KEPT)
            registry.revoke_object(1, 7, 1000, KEPT)
        requests = some_requests(chance, 60)
        alone = [put(request, stores[0]) for request in requests]
        server.command("DEL", f"rm1:{TOKEN}", f"rm1:{OTHER_TOKEN_ID}")
        pipelined = Pipelined(stores[1]).connected()
        together: list[Any] = []
        while len(together) < len(requests):
            together += pipelined.answers(requests[len(together) :][: chance.randint(1, 30)])
        assert together == alone
        pipelined.pipeline.close()
        for store in stores:
            store.close()


def test_a_turn_is_one_send(opened: Opened, server: RedisUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests it has; and Redis gets each claim once."""
    pipelined = opened()
    pipelined.answers([claim()])
    connection: Any = pipelined.pipeline._connection  # type: ignore[attr-defined]
    sent: list[int] = []

    def push(octets: bytes, push: Callable[[bytes], int] = connection.push) -> int:
        sent.append(len(octets))
        return push(octets)

    monkeypatch.setattr(connection, "push", push)
    before = calls_of(server)
    assert pipelined.answers(claims()) == [Claimed(Replay.FIRST)] * MANY
    assert len(sent) == 1
    assert calls_of(server) - before == MANY


def calls_of(server: RedisUnderTest) -> int:
    """How many scripts the server has run."""
    said = server.command("INFO", "commandstats")
    return sum(int(said.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in ("evalsha", "eval"))


def test_turns_follow_each_other_before_their_answers(opened: Opened) -> None:
    """Answers go to who asked, also if a turn is sent while another waits."""
    pipelined = opened()
    for turn in range(5):
        of_turn = [one._replace(owner=b"%d" % turn) for one in claims(20)]
        assert pipelined.pipeline.ask([Asked((turn, number), one) for number, one in enumerate(of_turn)])
    found = pipelined.collect(100)
    assert [one.by for one in found] == [(turn, number) for turn in range(5) for number in range(20)]
    assert [one.answer.replay for one in found] == [Replay.FIRST] * 20 + [Replay.RETRY] * 80
    assert pipelined.pipeline.deadline is None


def test_originals_come_with_the_facts_of_a_wrapped_token(opened: Opened) -> None:
    """And only with them: the next request has its own answers."""
    pipelined = opened()
    kept = StoredOriginal(b"sealed", "a@app.test")
    pipelined.store.keep_originals({TOKEN: kept}, KEPT)
    wrapped = FACTS._replace(wrapped=True)
    assert pipelined.answers([wrapped, FACTS, wrapped]) == [Facts(original=kept), Facts(), Facts(original=kept)]


def test_without_a_connection_nothing_is_sent(server: RedisUnderTest) -> None:
    """Who may wait connects; then the connection is taken over, and stays."""
    pipelined = Pipelined(RedisStore(server.url, 2.0, REALM))
    assert not pipelined.ask(claim())
    assert pipelined.pipeline.answers() == []
    assert pipelined.watched == {}
    assert pipelined.answers([claim()]) == [Claimed(Replay.FIRST)]
    assert pipelined.ask(claim())
    assert list(pipelined.watched.values()) == [False]
    pipelined.collect(1)
    pipelined.pipeline.close()
    pipelined.store.close()


@pytest.mark.parametrize(
    "url", ["rediss://127.0.0.1:1/0", "redis+sentinel://127.0.0.1:1/main/0", "redis+cluster://127.0.0.1:1"]
)
def test_only_a_plain_server_has_a_pipeline(url: str) -> None:
    """Other stores find their way in operations."""
    store = RedisStore(url, 1.0, REALM)
    assert store.pipeline(Pipelined.__new__(Pipelined)) is None
    store.close()


def test_claims_of_a_redis_without_its_scripts_are_asked_by_who_may_wait(
    opened: Opened, server: RedisUnderTest
) -> None:
    """It has carried out none of them. The facts between them are answered; afterwards it has the scripts."""
    pipelined = opened()
    server.command("SCRIPT", "FLUSH")
    assert pipelined.ask(claim(), FACTS, Release(claim(token_id=OTHER_TOKEN_ID)))
    found = pipelined.collect(3)
    assert [(one.unasked, one.answer) for one in found] == [(True, None), (False, Facts()), (True, None)]
    assert pipelined.answers([claim(), FACTS]) == [Claimed(Replay.FIRST), Facts()]
    assert pipelined.answers([claim(owner=b"owner2")]) == [Claimed(Replay.RETRY)]


def test_what_is_late_fails_in_time_and_only_that(opened: Opened, server: RedisUnderTest) -> None:
    """Its answer is dropped when it comes; what was asked later has its own."""
    pipelined = opened(SHORT_SECONDS)
    pipelined.answers([FACTS])
    server.signal(signal.SIGSTOP)
    start = time.monotonic()
    assert pipelined.ask(claim())
    time.sleep(SHORT_SECONDS / 2)
    assert pipelined.pipeline.ask([Asked("later", FACTS)])
    (late,) = pipelined.collect(1)
    assert time.monotonic() - start < SHORT_SECONDS + SLACK_SECONDS
    assert late.by == 0
    assert late.failure is not None
    assert (late.failure.kind, str(late.failure)) == ("timeout", "claim: no answer before the deadline")
    assert not pipelined.ask(FACTS), "a server that does not answer is asked no more"
    server.signal(signal.SIGCONT)
    (found,) = pipelined.collect(1)
    assert (found.by, found.answer) == ("later", Facts())
    assert pipelined.answers([claim(owner=b"owner2")]) == [Claimed(Replay.RETRY)], "it was claimed once, and late"
    assert pipelined.ask(FACTS), "the server answers again"
    pipelined.collect(1)


def test_a_silent_server_is_left_in_time(opened: Opened, server: RedisUnderTest) -> None:
    """Once all is late, no answer is waited for; a new connection is found by who may wait."""
    pipelined = opened(SHORT_SECONDS)
    server.signal(signal.SIGSTOP)
    assert pipelined.ask(*claims())
    assert failures(pipelined, MANY) == ["timeout"] * MANY
    assert pipelined.watched == {}
    assert pipelined.pipeline.deadline is None
    server.signal(signal.SIGCONT)
    eventually(server.answers)
    assert pipelined.answers(claims()) == [Claimed(Replay.FIRST)] * MANY, "of the same owner"
    assert pipelined.ask(FACTS)
    pipelined.collect(1)


def test_a_server_that_ends_fails_what_waits(opened: Opened, server: RedisUnderTest) -> None:
    """Nothing of it is sent again: it may have been carried out."""
    counted = Counters()
    pipelined = opened(telemetry=counted)
    server.signal(signal.SIGSTOP)
    assert pipelined.ask(*claims())
    server.signal(signal.SIGKILL)
    assert failures(pipelined, MANY) == ["connection"] * MANY
    assert counted.errors == [("claim", "connection")] * MANY
    assert not pipelined.ask(claim())
    server.stop()
    server.start()
    assert pipelined.answers([claim()]) == [Claimed(Replay.FIRST)]
    assert pipelined.ask(claim())
    pipelined.collect(1)


def test_a_connection_that_ended_while_idle_is_replaced_without_a_failure(
    opened: Opened, server: RedisUnderTest
) -> None:
    """A restart between two turns costs nobody an answer, whether it was noticed or not."""
    for noticed in (True, False):
        pipelined = opened()
        assert pipelined.answers([FACTS]) == [Facts()]
        server.stop()
        server.start()
        if noticed:
            assert pipelined.pipeline.answers() == []
        assert pipelined.answers([FACTS]) == [Facts()]
        pipelined.pipeline.answers()
        assert pipelined.answers([FACTS]) == [Facts()]


def test_an_open_breaker_has_nothing_sent(opened: Opened, server: RedisUnderTest) -> None:
    """Nor is the connection of before used once the server is back."""
    pipelined = opened(SHORT_SECONDS)
    pipelined.answers([FACTS])
    server.signal(signal.SIGSTOP)
    for _ in range(LIMIT):
        with pytest.raises(StoreUnavailableError):
            put(FACTS, pipelined.store)
    assert not pipelined.ask(FACTS)
    assert pipelined.watched == {}
    server.signal(signal.SIGCONT)
    eventually(lambda: pipelined.ask(FACTS) or _asks(pipelined))
    pipelined.collect(1)


def _is_loading(store: RedisStore) -> bool:
    try:
        put(FACTS, store)
    except StoreUnavailableError as error:
        return error.kind == "loading"
    return False


def _answers(store: RedisStore) -> bool:
    try:
        put(FACTS, store)
    except StoreUnavailableError:
        return False
    return True


def _asks(pipelined: Pipelined) -> bool:
    """Ask as who may wait, until the server is back."""
    try:
        put(FACTS, pipelined.store)
    except StoreUnavailableError:
        return False
    return pipelined.ask(FACTS)


def test_what_redis_refuses_fails_alone(opened: Opened, server: RedisUnderTest) -> None:
    """A full Redis takes no claim, and tells facts all the same; the connection stays."""
    counted = Counters()
    pipelined = opened(telemetry=counted)
    pipelined.answers([claim()])
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
    assert pipelined.ask(claim(token_id=OTHER_TOKEN_ID), FACTS)
    refused, told = pipelined.collect(2)
    assert refused.failure is not None
    assert refused.failure.kind == "oom"
    assert told.answer == Facts()
    server.command("CONFIG", "SET", "maxmemory", "0")
    assert pipelined.answers([claim(token_id=OTHER_TOKEN_ID)]) == [Claimed(Replay.FIRST)]
    assert counted.errors == [("claim", "oom")]
    assert counted.operations[-4:] == ["release", "claim", "facts", "claim"]


def test_a_replica_takes_no_claim(opened: Opened, server: RedisUnderTest) -> None:
    """As for who may wait: the claim fails, and its kind says why."""
    pipelined = opened()
    pipelined.answers([claim()])
    server.command("REPLICAOF", "127.0.0.1", "1")
    assert pipelined.ask(claim(token_id=OTHER_TOKEN_ID))
    assert failures(pipelined, 1) == ["readonly"]
    server.command("REPLICAOF", "NO", "ONE")
    assert pipelined.answers([claim(token_id=OTHER_TOKEN_ID)]) == [Claimed(Replay.FIRST)]


def test_a_store_that_became_a_replica_behind_one_address_is_left(tmp_path: Path) -> None:
    """A balancer or a moved address: what is on its way has its answer, and then nothing is asked of the old server."""
    with moving_address(tmp_path) as address:
        pipelined = Pipelined(RedisStore(address.url, 2.0, REALM)).connected()
        try:
            pipelined.answers([FACTS])
            address.move()
            assert pipelined.ask(claim(), FACTS)
            refused, told = pipelined.collect(2)
            assert refused.failure is not None
            assert (refused.failure.kind, told.answer) == ("readonly", Facts())
            assert pipelined.answers([claim()]) == [Claimed(Replay.FIRST)]
            assert pipelined.ask(claim(owner=b"owner2")), "the new server has a connection by now"
            assert [one.answer for one in pipelined.collect(1)] == [Claimed(Replay.RETRY)]
            assert address.new.command("EXISTS", f"rm1:{TOKEN}") == 1
        finally:
            pipelined.pipeline.close()
            pipelined.store.close()


def test_a_node_of_a_cluster_at_a_plain_address_is_left(tmp_path: Path) -> None:
    """Nothing more is sent there; whoever may wait asks, and hears the same."""
    port, bus = free_port(), free_port()
    node = Node(tmp_path, port, "cluster-enabled yes", f"cluster-port {bus}")
    node.start()
    store = RedisStore(f"redis://127.0.0.1:{port}/0", 2.0, REALM)
    try:
        node.command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        eventually(lambda: _answers(store))
        node.command("CLUSTER", "DELSLOTSRANGE", 0, SLOTS - 1)
        pipelined = Pipelined(store)
        assert pipelined.ask(claim(), FACTS)
        assert failures(pipelined, 2) == ["clusterdown"] * 2
        assert not pipelined.ask(FACTS), "it is left"
        assert pipelined.watched == {}
        with pytest.raises(StoreUnavailableError, match="Hash slot not served") as alone:
            put(claim(), store)
        assert alone.value.kind == "clusterdown"
    finally:
        store.close()
        node.stop()


def test_a_server_that_loads_its_data_is_asked_again_when_it_has(tmp_path: Path) -> None:
    """LOADING is no answer, and no lost connection."""
    slow = ("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
    server = RedisUnderTest(tmp_path, *slow)
    server.start()
    pipelined = Pipelined(RedisStore(server.url, 2.0, REALM)).connected()
    try:
        pipelined.answers([claim(), FACTS])
        server.command("DEBUG", "POPULATE", "4000", "filler", "64")
        reloading = threading.Thread(target=server.command, args=("DEBUG", "RELOAD"))
        reloading.start()
        eventually(lambda: _is_loading(pipelined.store))
        assert pipelined.ask(claim(owner=b"owner2"), FACTS)
        assert failures(pipelined, 2) == ["loading"] * 2
        reloading.join()
        assert pipelined.answers([claim(owner=b"owner2"), FACTS]) == [Claimed(Replay.RETRY), Facts()]
    finally:
        pipelined.pipeline.close()
        pipelined.store.close()
        server.stop()


def test_a_server_that_reads_slowly_gets_the_rest_when_there_is_room(opened: Opened, server: RedisUnderTest) -> None:
    """Nothing is lost or sent twice between two sends, and later turns wait behind it."""
    pipelined = opened(20.0)
    pipelined.answers([claim()])
    server.signal(signal.SIGSTOP)
    turns = 20
    for turn in range(turns):
        requests = claims(1000)
        assert pipelined.pipeline.ask([Asked((turn, n), request) for n, request in enumerate(requests)])
    assert list(pipelined.watched.values()) == [True], "it waits for room"
    assert pipelined.pipeline.answers() == []
    server.signal(signal.SIGCONT)
    found = pipelined.collect(turns * 1000, 20.0)
    assert [one.by for one in found] == [(turn, n) for turn in range(turns) for n in range(1000)]
    assert {one.answer.replay for one in found} == {Replay.FIRST}
    assert list(pipelined.watched.values()) == [False]


def test_no_answer_is_taken_that_belongs_to_nothing(tmp_path: Path, server: RedisUnderTest, opened: Opened) -> None:
    """A connection out of step is closed."""
    pipelined = opened()
    pipelined.answers([FACTS])
    connection: Any = pipelined.pipeline._connection  # type: ignore[attr-defined]
    connection.push(b"PING\r\n")
    pipelined.wait(time.monotonic() + 1.0)
    assert pipelined.pipeline.answers() == []
    assert pipelined.watched == {}
    assert pipelined.answers([FACTS]) == [Facts()]
