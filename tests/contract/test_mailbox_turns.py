"""Turns of hosts at a mailbox: the fake that unit tests use, and a real Redis."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import MailboxPlace, RedisMailboxTurns
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.ports.fetching import MailboxTurns
from tests.support.hosts.fetching import MemoryTurns
from tests.support.stores.redis_under_test import RedisUnderTest

ID, OTHER = "a" * 26, "b" * 26
SHORT = 0.6  # seconds that a turn of these tests lasts without being renewed


@dataclass
class Hosts:
    """Makes what a host asks; all of one test share a store."""

    named: Callable[[str], MailboxTurns]


def on_redis(server: RedisUnderTest, host: str, identity: str = "a box") -> RedisMailboxTurns:
    """A host that asks this server."""
    return RedisMailboxTurns(server.url, 0.5, MailboxPlace("realm", identity, host), seconds=SHORT)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def hosts(request: pytest.FixtureRequest) -> Hosts:
    """Each test runs on both."""
    if request.param == "memory":
        shared: dict[str, str] = {}
        return Hosts(lambda host: MemoryTurns(host, shared))
    server: RedisUnderTest = request.getfixturevalue("shared_server")
    server.command("FLUSHALL")
    return Hosts(lambda host: on_redis(server, host))


def test_one_host_at_a_time(hosts: Hosts) -> None:
    """The next one has its turn as soon as the first one's ends."""
    one, two = hosts.named("one"), hosts.named("two")
    with one.turn() as ours:
        assert ours
        with two.turn() as theirs:
            assert not theirs
            assert two.became_of([ID]) is None
        assert one.became_of([ID]) == {}
    with two.turn() as theirs:
        assert theirs
        assert one.became_of([ID]) is None


def test_a_host_that_is_restarted_goes_on(hosts: Hosts) -> None:
    """It has the same name, and need not wait for its own turn to end."""
    hosts.named("one").turn().__enter__()
    with hosts.named("one").turn() as ours:
        assert ours


def test_a_turn_that_fails_ends(hosts: Hosts) -> None:
    """The connection to the mailbox is lost, for example."""
    with pytest.raises(ZeroDivisionError), hosts.named("one").turn():
        raise ZeroDivisionError
    with hosts.named("two").turn() as theirs:
        assert theirs


def test_notes_are_there_until_they_are_forgotten(hosts: Hosts) -> None:
    """For each host; of those replies alone that were noted."""
    one, two = hosts.named("one"), hosts.named("two")
    with one.turn():
        one.note(ID, FetchVerdict.DELIVERED)
        one.note(OTHER, FetchVerdict.DEAD_LETTER)
    with two.turn():
        assert two.became_of([OTHER, "c" * 26, ID]) == {ID: FetchVerdict.DELIVERED, OTHER: FetchVerdict.DEAD_LETTER}
        assert two.became_of([]) == {}
        two.forget([ID])
        two.forget([])
        assert two.became_of([ID, OTHER]) == {OTHER: FetchVerdict.DEAD_LETTER}


@pytest.mark.redis
def test_a_turn_outlives_its_seconds_and_ends_with_its_host(shared_server: RedisUnderTest) -> None:
    """A thread renews it as long as the process lives; nobody renews the turn of a dead one."""
    shared_server.command("FLUSHALL")
    one, two = on_redis(shared_server, "one"), on_redis(shared_server, "two")
    with one.turn():
        time.sleep(2 * SHORT)
        with two.turn() as theirs:
            assert not theirs
    with two.turn() as theirs:
        assert theirs
    assert one.became_of([]) == {}  # as of a host that dies at once
    with two.turn() as theirs:
        assert not theirs
    time.sleep(1.2 * SHORT)
    with two.turn() as theirs:
        assert theirs


@pytest.mark.redis
def test_other_mailboxes_have_turns_of_their_own(shared_server: RedisUnderTest) -> None:
    """So have other realms; and no key tells an address."""
    shared_server.command("FLUSHALL")
    with on_redis(shared_server, "one", "inbound@example.com").turn() as ours:
        with on_redis(shared_server, "two", "other@example.com").turn() as theirs:
            assert ours and theirs
        (mine, other) = sorted(str(key) for key in shared_server.side.keys("*"))
        assert mine.startswith("rm1:realm:mailbox:") and mine != other
        assert "@" not in mine
        assert 0 < shared_server.side.ttl(mine) <= 7 * 86400


def test_without_an_answer_a_host_goes_on_alone(tmp_path: Path) -> None:
    """What it has on record does not wait for the store."""
    turns = RedisMailboxTurns(f"unix://{tmp_path}/nobody.sock", 0.1, MailboxPlace("realm", "a box", "one"))
    with turns.turn() as ours:
        assert ours
        turns.note(ID, FetchVerdict.DELIVERED)
        turns.forget([ID])
        assert turns.became_of([ID]) == {}
