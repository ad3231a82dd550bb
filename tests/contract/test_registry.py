"""What operators put on record, on a real Redis: nothing takes a revocation back, and nothing on file gets lost."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from reply_milter.adapters.redis_store import RedisRegistry, RedisStore
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.core.token.verify import Facts
from reply_milter.flows.revocations import restore_revocations
from reply_milter.ports import StoreUnavailableError, UserChange, UserRecord
from tests.support.fakes import REALM
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest
from tests.support.stores.store_bench import OTHER_TOKEN_ID, TOKEN

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

KEPT = int(time.time()) + 100 * 86400
USER = f"rm1:{REALM}:u:42"
PSEUDO_USER = f"rm1:{REALM}:w:42"
NO_END = -1


@pytest.fixture
def registry(shared_server: RedisUnderTest) -> RedisRegistry:
    """The registry of an empty store."""
    shared_server.command("FLUSHALL")
    return RedisRegistry(shared_server.url, 2.0, REALM)


Revoke = Callable[[RedisRegistry, int], int]
REVOKE: dict[str, Revoke] = {
    "user": lambda registry, before: registry.revoke_user(42, before, KEPT),
    "object": lambda registry, before: registry.revoke_object(1, 7, before, KEPT),
    "before": lambda registry, before: registry.revoke_before(before, KEPT),
}
each_revocation = pytest.mark.parametrize("revoke", REVOKE.values(), ids=REVOKE)


def facts(server: RedisUnderTest) -> Facts:
    """What the daemon sees."""
    return RedisStore(server.url, 2.0, REALM).facts(42, 1, 7, TOKEN)


@each_revocation
def test_an_earlier_time_takes_nothing_back(
    registry: RedisRegistry, shared_server: RedisUnderTest, revoke: Revoke
) -> None:
    """The time in force is returned, and stays; only a later time replaces it."""
    assert [revoke(registry, before) for before in (2000, 1000, 0, 2000, 3000)] == [2000, 2000, 2000, 2000, 3000]
    assert facts(shared_server).revoked(2999) != []
    assert facts(shared_server).revoked(3000) == []


@each_revocation
def test_revocations_at_once_leave_the_latest(
    registry: RedisRegistry, shared_server: RedisUnderTest, revoke: Revoke
) -> None:
    """From several hosts."""
    threads = [threading.Thread(target=revoke, args=(registry, before)) for before in (5000, *range(1000, 4000, 100))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert facts(shared_server).revoked(4999) != []


@each_revocation
def test_a_revocation_is_forgotten_when_no_address_is_left(
    registry: RedisRegistry, shared_server: RedisUnderTest, revoke: Revoke
) -> None:
    """To the second."""
    revoke(registry, 2000)
    (key,) = shared_server.command("KEYS", "*")
    assert shared_server.command("EXPIRETIME", key) == KEPT


@each_revocation
def test_damage_is_made_good(registry: RedisRegistry, shared_server: RedisUnderTest, revoke: Revoke) -> None:
    """What is no time is taken as none."""
    revoke(registry, 2000)
    shared_server.command("HSET", USER, "before", "tomorrow")
    for key in (f"rm1:{REALM}:o:1:7", f"rm1:{REALM}:before"):
        shared_server.command("SET", key, "tomorrow")
    assert revoke(registry, 1000) == 1000


def test_what_is_on_file_has_no_end(registry: RedisRegistry, shared_server: RedisUnderTest) -> None:
    """Before and after a revocation; without it, the revocation alone is kept for its time."""
    known = UserChange(42, True, ("jane@example.org",))
    registry.revoke_user(42, 2000, KEPT)
    registry.set_users([known], KEPT)
    assert shared_server.command("EXPIRETIME", USER) == NO_END
    registry.revoke_user(42, 3000, KEPT)
    assert shared_server.command("EXPIRETIME", USER) == NO_END
    assert facts(shared_server) == Facts(True, user_revoked_before=3000, addresses=("jane@example.org",))
    assert [registry.remove_user(42, KEPT), registry.remove_user(42, KEPT)] == [True, False]
    assert facts(shared_server) == Facts(user_revoked_before=3000)
    assert shared_server.command("EXPIRETIME", USER) == KEPT


@pytest.mark.parametrize(
    "deed",
    [
        *REVOKE.values(),
        lambda registry, before: registry.set_users([UserChange(42, True, ("jane@example.org",))], KEPT),
        lambda registry, before: registry.remove_user(42, KEPT),
    ],
    ids=[*REVOKE, "set", "remove"],
)
def test_nothing_comes_in_between(registry: RedisRegistry, shared_server: RedisUnderTest, deed: Revoke) -> None:
    """Each change is one request: what another operator does comes before or after all of it."""
    deed(registry, 1000)
    client = redis.Redis(unix_socket_path=str(shared_server.socket))
    with client.monitor() as watching:  # type: ignore[no-untyped-call]
        deed(registry, 2000)
        shared_server.command("ECHO", "end")
        seen = list(_until_the_end(watching))
    assert [command["command"].split()[0] for command in seen if command["client_type"] != "lua"] == ["EVALSHA"]


def _until_the_end(watching: Any) -> Iterator[dict[str, str]]:
    while not (command := watching.next_command())["command"].startswith("ECHO end"):
        yield command


@pytest.mark.parametrize(
    "change,left",
    [
        (UserChange(42, disabled=True), Facts(True, addresses=("a@b.example",))),
        (UserChange(42, disabled=False), Facts(False, addresses=("a@b.example",))),
        (UserChange(42, addresses=("c@d.example",)), Facts(True, addresses=("c@d.example",))),
        (UserChange(42, addresses=()), Facts(True)),
        (UserChange(42), Facts(True, addresses=("a@b.example",))),
    ],
)
def test_what_is_not_said_stays(
    registry: RedisRegistry, shared_server: RedisUnderTest, change: UserChange, left: Facts
) -> None:
    """None leaves the list unchanged; an empty list removes it."""
    registry.set_users([UserChange(42, True, ("a@b.example",))], KEPT)
    registry.set_users([change], KEPT)
    assert facts(shared_server) == left


def test_nothing_on_file_is_no_record(registry: RedisRegistry, shared_server: RedisUnderTest) -> None:
    """The store keeps no record of an enabled user without addresses."""
    registry.set_users([UserChange(42, False, ()), UserChange(43, None, ())], KEPT)
    assert shared_server.command("DBSIZE") == 0


def test_a_pseudo_user_has_a_record_of_its_own(registry: RedisRegistry, shared_server: RedisUnderTest) -> None:
    """Whatever is put on file, revoked or removed of one, the other with the same number keeps what it has."""
    registry.set_users([UserChange(42, True, ("a@b.example",), wrapped=True)], KEPT)
    assert registry.user(42) is None
    assert registry.revoke_user(42, 2000, KEPT, wrapped=True) == 2000
    assert registry.user(42, wrapped=True) == UserRecord(True, 2000, ("a@b.example",))
    assert facts(shared_server) == Facts()
    assert registry.revoke_user(42, 1000, KEPT) == 1000
    assert [registry.remove_user(42, KEPT), registry.remove_user(42, KEPT, wrapped=True)] == [False, True]
    assert [registry.user(42), registry.user(42, wrapped=True)] == [
        UserRecord(False, 1000, ()),
        UserRecord(False, 2000, ()),
    ]
    assert shared_server.command("EXPIRETIME", PSEUDO_USER) == KEPT


def test_forgotten_scripts_are_sent_again(registry: RedisRegistry, shared_server: RedisUnderTest) -> None:
    """After a restart of the server, and for many users in one go."""
    shared_server.command("SCRIPT", "FLUSH")
    registry.set_users([UserChange(user, True) for user in range(10)], KEPT)
    shared_server.command("SCRIPT", "FLUSH")
    assert registry.revoke_user(3, 2000, KEPT) == 2000
    assert registry.user(3) is not None


def doubt(registry: RedisRegistry, deed: Callable[[RedisRegistry], object]) -> bool:
    """Whether it may have been done, although it failed."""
    with pytest.raises(StoreUnavailableError) as error:
        deed(registry)
    return error.value.in_doubt


def test_what_may_be_done_yet_is_in_doubt(server: RedisUnderTest) -> None:
    """A stopped server carries out later what it has got; one that refuses, or is not there, does nothing."""
    registry = RedisRegistry(server.url, 0.2, REALM)
    registry.revoke_user(42, 1000, KEPT)
    server.signal(signal.SIGSTOP)
    assert all(
        doubt(registry, revoke_later) for revoke_later in (_revoke_later, lambda put: put.revoke_token(TOKEN, KEPT))
    )
    assert not doubt(registry, lambda reading: reading.user(42))
    server.signal(signal.SIGCONT)
    registry = RedisRegistry(server.url, 5.0, REALM)  # the other one's breaker is open
    assert registry.user(42) is not None
    assert facts(server) == Facts(token_revoked=True, user_revoked_before=9000), "and it was done"
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
    assert not doubt(registry, lambda full: full.revoke_user(43, 9000, KEPT))
    assert doubt(registry, lambda full: full.revoke_token(OTHER_TOKEN_ID, KEPT)), "one of two commands"
    server.stop()
    assert not doubt(registry, _revoke_later)


def _revoke_later(registry: RedisRegistry) -> None:
    registry.revoke_user(42, 9000, KEPT)


UNDO: dict[str, Revocation] = {
    "user": Revocation(REALM, What.USER, KEPT, user=42, before=2000),
    "wrapped": Revocation(REALM, What.WRAPPED, KEPT, user=42, before=2000),
    "object": Revocation(REALM, What.OBJECT, KEPT, handler=1, context=7, before=2000),
    "before": Revocation(REALM, What.BEFORE, KEPT, before=2000),
    "token": Revocation(REALM, What.TOKEN, KEPT, token_id=TOKEN),
}


@pytest.mark.parametrize("one", UNDO.values(), ids=UNDO)
def test_a_revocation_is_taken_back_whole(
    registry: RedisRegistry, shared_server: RedisUnderTest, one: Revocation
) -> None:
    """Nothing of it is left; and nothing to take back is no error."""
    assert registry.undo(one, 0) is False
    restore_revocations(registry, REALM, [one])
    assert shared_server.command("DBSIZE") == 1
    assert registry.undo(one, 0) is True
    assert shared_server.command("DBSIZE") == 0


@pytest.mark.parametrize("name", ["user", "object", "before"])
def test_what_stays_keeps_its_time(registry: RedisRegistry, shared_server: RedisUnderTest, name: str) -> None:
    """An earlier time replaces the later one, and is forgotten when that would have been."""
    restore_revocations(registry, REALM, [UNDO[name]])
    assert registry.undo(UNDO[name], 1000) is True
    assert facts(shared_server).revoked(999) != []
    assert facts(shared_server).revoked(1000) == []
    (key,) = shared_server.command("KEYS", "*")
    assert shared_server.command("EXPIRETIME", key) == KEPT


@pytest.mark.parametrize("name", ["user", "object", "before"])
def test_a_newer_revocation_is_never_taken_back(
    registry: RedisRegistry, shared_server: RedisUnderTest, name: str
) -> None:
    """Another operator revoked more meanwhile."""
    restore_revocations(registry, REALM, [replace(UNDO[name], before=3000)])
    assert registry.undo(UNDO[name], 0) is False
    assert facts(shared_server).revoked(2999) != []
