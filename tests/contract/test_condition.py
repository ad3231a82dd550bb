"""The condition of a real Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisObserver
from reply_milter.ports.condition import StoreCondition
from tests.support.stores.redis_under_test import RedisUnderTest

pytestmark = pytest.mark.redis


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisUnderTest]:
    """Append-only, as it should be."""
    running = RedisUnderTest(Path(tmp_path_factory.mktemp("r")), "--appendonly", "yes")
    running.start()
    yield running
    running.stop()


def look(server: RedisUnderTest) -> StoreCondition:
    """At the one that there is."""
    (found,) = RedisObserver(server.url, 2.0).look().values()
    assert found is not None
    return found


def test_a_redis_as_it_should_be(server: RedisUnderTest) -> None:
    """Append-only, nothing evicted, and its keys counted."""
    for number in range(5):
        server.command("SET", f"k{number}", "x")
    found = look(server)
    assert (found.role, found.policy, found.aof_enabled, found.aof_ok) == ("master", "noeviction", True, True)
    assert (found.keys, found.evicted_keys, found.max_bytes) == (5, 0, 0)
    assert found.version[0].isdecimal()
    assert found.used_bytes > 100_000
    assert found.clients >= 1
    assert found.commands >= 5


def test_a_redis_that_forgets(server: RedisUnderTest) -> None:
    """Without a file, and with a limit that makes it evict keys."""
    server.command("CONFIG", "SET", "appendonly", "no")
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    used = look(server).used_bytes
    server.command("CONFIG", "SET", "maxmemory", used + 100_000)
    for number in range(2000):
        server.command("SET", f"k{number}", "x" * 200)
    found = look(server)
    assert (found.aof_enabled, found.policy, found.max_bytes) == (False, "allkeys-random", used + 100_000)
    assert found.evicted_keys > 0


def test_a_redis_that_may_not_be_asked(server: RedisUnderTest) -> None:
    """Its ACL allows no INFO: that is no answer, and nothing worse."""
    server.command("ACL", "SETUSER", "rm", "on", ">pw", "~*", "+@all", "-info")
    found = RedisObserver(server.url.replace("unix://", "unix://rm:pw@"), 2.0).look()
    assert found == {server.url: None}, "and no password in its name"


def test_a_redis_that_is_away(server: RedisUnderTest) -> None:
    """It is known where it is; more is not."""
    observer = RedisObserver(server.url, 0.5)
    observer.look()
    server.stop()
    assert observer.look() == {server.url: None}
