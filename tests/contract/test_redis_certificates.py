"""TLS to Redis: what is wrong with a certificate has a name of its own, in the log as in the metrics."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import ERROR_KINDS, RedisInspection, RedisStore
from reply_milter.ports import StoreUnavailableError
from tests.support.certificate import write_certificate
from tests.support.fakes import REALM
from tests.support.processes.ports import free_port
from tests.support.stores.redis_under_test import PROGRAM, eventually
from tests.support.stores.several_redis import Node

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1, and its key beside it."""
    return written(tmp_path / "redis.pem")


@pytest.fixture
def node(tmp_path: Path, good: Path) -> Iterator[Node]:
    """A redis-server that speaks TLS."""
    running = Node(tmp_path / "redis", free_port(), certificate=good)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def written(path: Path, days: int = 30) -> Path:
    """A certificate, and its key beside it."""
    write_certificate(path, path.with_suffix(".key"), days=days)
    return path


def kind(node: Node, host: str = "127.0.0.1", scheme: str = "rediss", **options: Path) -> str:
    """How a store fails that is connected to in this way; empty if it does not."""
    query = "&".join(f"{name}={value}" for name, value in options.items())
    store = RedisStore(f"{scheme}://{host}:{node.port}?{query}", 2.0, REALM)
    try:
        store.ping()
    except StoreUnavailableError as error:
        assert error.kind in ERROR_KINDS
        return error.kind
    finally:
        store.close()
    return ""


def test_an_expired_certificate(node: Node, good: Path, tmp_path: Path) -> None:
    """Of a server that was good until then."""
    assert kind(node, ssl_ca_certs=good) == ""
    expired = written(tmp_path / "expired.pem", days=-1)
    key = expired.with_suffix(".key")
    node.command("CONFIG", "SET", "tls-cert-file", str(expired), "tls-key-file", str(key))
    assert kind(node, ssl_ca_certs=expired) == "certificate"
    (seen,) = RedisInspection(f"rediss://127.0.0.1:{node.port}?ssl_ca_certs={expired}").look_at_all()
    assert seen.seconds is None and "certificate has expired" in seen.problem, "doctor tells the same"


def test_an_authority_that_is_not_known(node: Node) -> None:
    """The system's alone are."""
    assert kind(node) == "certificate"


def test_a_name_that_the_certificate_does_not_hold(node: Node, good: Path) -> None:
    """It is for 127.0.0.1."""
    assert kind(node, host="localhost", ssl_ca_certs=good) == "certificate"


def test_a_server_that_wants_a_certificate_of_ours(node: Node, good: Path) -> None:
    """The server's alert follows the handshake; if the connection ends first, only the lost connection is known."""
    node.command("CONFIG", "SET", "tls-auth-clients", "yes")
    heard: set[str] = set()

    def told() -> bool:
        heard.add(kind(node, ssl_ca_certs=good))
        return "tls" in heard

    eventually(told)
    assert heard <= {"tls", "connection"}


def test_no_tls_at_all(node: Node, tmp_path: Path) -> None:
    """At one end or the other: a server without any, and a client. Nothing answers at a port that is closed."""
    plain = Node(tmp_path / "plain", free_port())
    try:
        plain.start()
        assert kind(plain) == "timeout", "it waits for the end of a line"
        assert kind(node, scheme="redis") == "connection"
        plain.stop()
        assert kind(plain) == "connection"
    finally:
        plain.stop()
