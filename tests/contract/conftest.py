"""Two stores under one contract: the fake that the unit tests use, and the real one on a redis-server."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.cli import main
from reply_milter.ports import Store
from tests.support.fakes import REALM, MemoryStore
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest
from tests.support.stores.store_bench import Bench, MemoryBench, RedisBench

TIMEOUT_SECONDS = 0.5


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RedisUnderTest]:
    """One redis-server for the tests that leave it as it was."""
    if PROGRAM is None:
        pytest.skip("there is no redis-server on this machine")
    with tempfile.TemporaryDirectory(prefix="rm-redis-") as folder:
        server = RedisUnderTest(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisUnderTest]:
    """A redis-server of the test's own, to do harm to."""
    if PROGRAM is None:
        pytest.skip("there is no redis-server on this machine")
    server = RedisUnderTest(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def opened() -> Iterator[Callable[..., RedisStore]]:
    """Opens stores, and closes them."""
    stores: list[RedisStore] = []

    def open_store(server: RedisUnderTest, timeout_seconds: float = TIMEOUT_SECONDS) -> RedisStore:
        stores.append(RedisStore(server.url, timeout_seconds, REALM))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def bench(request: pytest.FixtureRequest, opened: Callable[..., RedisStore]) -> Bench:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryBench(MemoryStore())
    server: RedisUnderTest = request.getfixturevalue("shared_server")
    server.command("FLUSHALL")
    return RedisBench(opened(server), server)


@pytest.fixture
def store(bench: Bench) -> Store:
    """The store of the bench."""
    return bench.store


@pytest.fixture
def config(tmp_path: Path, server: RedisUnderTest, capsys: pytest.CaptureFixture[str]) -> str:
    """An installation that shares the server's data."""
    (tmp_path / "state").mkdir(mode=0o700)
    words = ["init", str(tmp_path / "etc"), "--realm", REALM, "--state-dir", str(tmp_path / "state")]
    assert main(words) == os.EX_OK
    capsys.readouterr()
    path = tmp_path / "etc" / "reply-milter.toml"
    path.write_text(path.read_text().replace('url = "embedded"', f'url = "{server.url}"'))
    return str(path)
