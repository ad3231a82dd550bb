"""TLS and the users of contrib/redis, on each form of store: all that we do is allowed, and nothing else is."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from reply_milter.adapters.redis_store import (
    MailboxPlace,
    RedisEpochs,
    RedisInspection,
    RedisMailboxTurns,
    RedisObserver,
    RedisRegistry,
    RedisStore,
)
from reply_milter.core.diagnosis import store as rules
from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.flows.revocations import restore_revocations
from reply_milter.ports import Replay, StoreUnavailableError, UserChange
from tests.support.certificate import write_certificate
from tests.support.fakes import REALM
from tests.support.hosts.hooked import ID
from tests.support.processes.ports import free_port
from tests.support.stores.redis_under_test import PROGRAM
from tests.support.stores.several_redis import ClusterUnderTest, Node, SentinelsUnderTest
from tests.support.stores.store_bench import OTHER_TOKEN_ID, TOKEN, claim, outcome

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

CONTRIB = Path(__file__).parents[2] / "contrib/redis"
USER = "reply-milter:s3cret%2F"
KEPT = int(time.time()) + 86400


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For 127.0.0.1; it signs itself."""
    cert = Path(tmp_path_factory.mktemp("certificate")) / "redis.pem"
    write_certificate(cert, cert.with_suffix(".key"))
    return cert


def users(folder: Path, name: str) -> str:
    """The setting that loads a file of contrib/redis, with a password in it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text((CONTRIB / name).read_text().replace("PASSWORD", "s3cret/"))
    return f"aclfile {file}"


@pytest.fixture(params=["alone", "sentinel", "cluster"], scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[str]:
    """A store that speaks TLS and knows our user, as operators set it up: with the settings of contrib/redis."""
    tmp_path = Path(tmp_path_factory.mktemp(request.param))
    settings = (users(tmp_path, "reply-milter.acl"), f"include {CONTRIB}/redis.conf")
    running: Node | SentinelsUnderTest | ClusterUnderTest
    if request.param == "alone":
        running = Node(tmp_path / "alone", free_port(), *settings, certificate=certificate)
        url = f"rediss://{USER}@127.0.0.1:{running.port}/0?ssl_ca_certs={certificate}"
    elif request.param == "sentinel":
        known = (users(tmp_path, "sentinel.acl"),)
        running = SentinelsUnderTest(tmp_path, *settings, sentinel_settings=known, certificate=certificate)
        login = "&sentinel_user=reply-milter&sentinel_password=s3cret%2F"
        url = running.url.replace("://", f"://{USER}@") + f"?tls=yes&ssl_ca_certs={certificate}{login}"
    else:
        running = ClusterUnderTest(tmp_path, *settings, certificate=certificate)
        url = running.url.replace("://", f"://{USER}@") + f"?tls=yes&ssl_ca_certs={certificate}"
    try:
        running.start()
        yield url
    finally:
        running.stop()


def test_all_that_we_do_is_allowed(url: str) -> None:
    """Flows, commands, doctor, metrics and marks, over TLS, by the user of contrib/redis."""
    store, registry = RedisStore(url, 2.0, REALM), RedisRegistry(url, 2.0, REALM)
    assert outcome(store, claim()) is Replay.FIRST
    store.release(claim())
    assert outcome(store, claim()) is Replay.FIRST
    store.commit_all([claim().id])
    assert outcome(store, claim(owner=b"owner2")) is Replay.DUPLICATE
    registry.set_users([UserChange(7, True, ("a@example.com",)), UserChange(7, False, ())], KEPT)
    registry.revoke_token(TOKEN, KEPT)
    registry.revoke_before(1000, KEPT)
    registry.revoke_object(1, 7, 1000, KEPT)
    registry.revoke_user(42, 1000, KEPT)
    for what in What:
        one = Revocation(REALM, what, KEPT, user=43, handler=1, context=8, token_id=OTHER_TOKEN_ID, before=2000)
        restore_revocations(registry, REALM, [one])
        assert registry.undo(one, 0 if what is What.TOKEN else 500)
    assert not registry.forget_wrong_authors(OTHER_TOKEN_ID)
    assert registry.undo(Revocation(REALM, What.BEFORE, KEPT, before=500), 0)
    registry.note_key_use({"k1": 1})
    assert registry.key_use() == {"k1": 1}
    _takes_turns(url)
    assert store.facts(42, 1, 7, TOKEN).token_revoked
    assert RedisEpochs(url, 2.0).leave_mark("host")
    assert None not in RedisObserver(url, 2.0).look().values()
    inspection = RedisInspection(url)
    for found in inspection.look_at_all():
        assert list(rules.examine(found, 2000, embedded=False)) == []
        assert found.unix is not None
    assert list(rules.examine_topology(inspection.topology())) == []


def _takes_turns(url: str) -> None:
    """Whose methods raise nothing: without a right, two hosts would have their turn at a time."""
    one, two = (RedisMailboxTurns(url, 2.0, MailboxPlace(REALM, "a box", host)) for host in ("one", "two"))
    with one.turn():
        one.note(ID, FetchVerdict.DELIVERED)
        assert two.became_of([ID]) is None
    with two.turn():
        assert two.became_of([ID]) == {ID: FetchVerdict.DELIVERED}
        two.forget([ID])
        assert two.became_of([ID]) == {}


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(url: str) -> None:
    """Without the authority, TLS ends it; no password is sent."""
    store = RedisStore(re.sub(r"ssl_ca_certs=[^&]*", "", url).replace("?&", "?"), 1.0, REALM)
    with pytest.raises(StoreUnavailableError) as error:
        store.ping()
    assert error.value.kind in ("certificate", "discovery")
    assert "s3cret" not in str(error.value)


def test_a_right_that_only_sentinel_needs_is_missed_by_name(tmp_path: Path) -> None:
    """Without ROLE it is unknown whether a server is the master, so none is used."""
    trio = SentinelsUnderTest(tmp_path, users(tmp_path, "reply-milter.acl"))
    url = trio.url.replace("://", f"://{USER}@")
    try:
        trio.start()
        trio.first.command("ACL", "SETUSER", "reply-milter", "-role")
        with pytest.raises(StoreUnavailableError, match="role") as error:
            RedisStore(url, 1.0, REALM).ping()
        assert error.value.kind == "auth"
        (found,) = rules.examine_rights(RedisInspection(url).look())
        trio.first.command(*found.remedy.line.split())
        assert list(rules.examine_rights(RedisInspection(url).look())) == []
        RedisStore(url, 1.0, REALM).ping()
    finally:
        trio.stop()


@pytest.mark.parametrize(
    "words",
    [
        ("FLUSHALL",),
        ("CONFIG", "SET", "appendonly", "no"),
        ("GET", "other"),
        ("KEYS", "*"),
        ("DEL", "rm1:x"),
        ("SHUTDOWN",),
    ],
)
def test_nothing_else_is_allowed(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Who has its password can't empty the store, change its settings, or read what is not ours."""
    node = Node(tmp_path, free_port(), users(tmp_path, "reply-milter.acl"))
    try:
        node.start()
        with (
            redis.Redis("127.0.0.1", node.port, username="reply-milter", password="s3cret/") as client,  # noqa: S106
            pytest.raises(redis.exceptions.NoPermissionError),
        ):
            client.execute_command(*words)
    finally:
        node.stop()


def test_the_user_of_the_operations_page_is_that_of_contrib() -> None:
    """One says it as a command, the other as a line of a file."""
    text = (CONTRIB.parents[1] / "docs/operations.md").read_text()
    (line,) = re.findall(r"'ACL SETUSER reply-milter reset (.*)'", text)
    assert set(line.split()) | {"resetchannels"} == set((CONTRIB / "reply-milter.acl").read_text().split()[2:])


def test_a_changed_password_is_reported_as_what_it_is(tmp_path: Path) -> None:
    """Connections of before go on; new ones are refused with a kind of its own, and none opens the breaker."""
    node = Node(tmp_path, free_port())
    try:
        node.start()
        store = RedisStore(f"redis://127.0.0.1:{node.port}", 0.5, REALM)
        store.ping()
        node.command("CONFIG", "SET", "requirepass", "new")
        store.ping()
        store.close()
        for _ in range(5):
            with pytest.raises(StoreUnavailableError) as error:
                store.ping()
            assert error.value.kind == "auth"
        node.command("CONFIG", "SET", "requirepass", "")
        store.ping()
    finally:
        node.stop()
