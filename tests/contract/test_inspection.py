"""The queries of ``doctor`` on a real Redis: rights by ACL, and the fields of INFO. It writes nothing."""

import re
from pathlib import Path

import pytest

from reply_milter.adapters import redis_store
from reply_milter.adapters.redis_store import COMMANDS, RedisInspection
from reply_milter.core.diagnosis import store
from tests.support.stores.redis_under_test import RedisUnderTest

pytestmark = pytest.mark.redis

_SOURCES = Path(redis_store.__file__).parent
_OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


def _as_user(server: RedisUnderTest, *rules: str) -> RedisInspection:
    server.command("ACL", "SETUSER", "rm", "reset", "on", ">secret", *rules)
    return RedisInspection(server.url.replace("unix://", "unix://rm:secret@"))


def _allowed(*, but: str = "") -> list[str]:
    return ["~rm1:*", "-@all", *(f"+{name.lower()}" for name in COMMANDS if name != but)]


def test_every_command_that_we_send_is_tried() -> None:
    """Those in Lua too: an ACL holds for them."""
    words: set[str] = set()
    for name in ("store.py", "registry.py", "link/script.py"):
        words |= set(re.findall(r'"([A-Z]{3,})"', (_SOURCES / name).read_text()))
    for script in _SOURCES.glob("*.lua"):
        words |= set(re.findall(r"redis\.call\('([A-Z]+)'", script.read_text()))
    assert words - {"EXAT"} == set(COMMANDS)


def test_a_plain_server_allows_everything_and_tells_of_itself(server: RedisUnderTest) -> None:
    """Debian's defaults: no append-only file; and nothing was changed by asking."""
    before = server.command("INFO", "persistence")["rdb_changes_since_last_save"]
    found = RedisInspection(server.url).look()
    assert (found.refused, found.keys_refused, found.problem, found.user) == ((), False, "", "default")
    assert [finding.check for finding in store.examine(found, 200, embedded=False)] == ["store.aof"]
    assert found.unix is not None
    assert server.command("DBSIZE") == 0
    assert server.command("INFO", "persistence")["rdb_changes_since_last_save"] == before


def test_what_info_tells_is_what_counts(server: RedisUnderTest) -> None:
    """Every setting that bites, on a real server."""
    server.command("CONFIG", "SET", "appendonly", "yes")
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    used = int(server.command("INFO", "memory")["used_memory"])
    server.command("CONFIG", "SET", "maxmemory", str(used + 100_000))
    found = RedisInspection(server.url).look()
    assert {finding.check for finding in store.examine(found, 200, embedded=False)} == {
        "store.eviction",
        "store.memory",
    }
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    server.command("CONFIG", "SET", "maxmemory", "0")
    assert list(store.examine(RedisInspection(server.url).look(), 200, embedded=False)) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_not_allowed_is_found(server: RedisUnderTest, command: str) -> None:
    """Each by itself, and the line that is offered mends it."""
    (finding, *_) = store.examine(_as_user(server, *_allowed(but=command)).look(), 200, embedded=False)
    assert finding.check == "store.commands"
    assert command in finding.what
    server.command(*finding.remedy.line.split())
    inspection = RedisInspection(server.url.replace("unix://", "unix://rm:secret@"))
    assert inspection.look().refused == ()


def test_keys_of_others_are_not_ours(server: RedisUnderTest) -> None:
    """All commands, on other keys."""
    found = _as_user(server, "~other:*", "+@all").look()
    assert found.keys_refused
    assert "store.keys" in [finding.check for finding in store.examine(found, 200, embedded=False)]


def test_the_user_of_the_operations_page_may_do_what_it_must(server: RedisUnderTest) -> None:
    """The ACL line of the page, unchanged, includes INFO and TIME."""
    line = next(line for line in _OPERATIONS.read_text().splitlines() if "ACL SETUSER reply-milter" in line)
    server.command("CONFIG", "SET", "appendonly", "yes")
    server.command(*line.strip().removeprefix("redis-cli ").replace("PASSWORD", "secret").replace("'", "").split())
    found = RedisInspection(server.url.replace("unix://", "unix://reply-milter:secret@")).look()
    assert list(store.examine(found, 200, embedded=False)) == []
    assert found.unix is not None
    assert found.user == "reply-milter"


def test_a_store_that_is_not_there_or_lets_nobody_in(server: RedisUnderTest) -> None:
    """No traceback, and no password in what is said."""
    _as_user(server, "+@all")
    wrong = RedisInspection(server.url.replace("unix://", "unix://rm:not-a-secret@")).look()
    assert wrong.seconds is None
    assert "not-a-secret" not in wrong.problem
    server.stop()
    assert RedisInspection(server.url).look().seconds is None
