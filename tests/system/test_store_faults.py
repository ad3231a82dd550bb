"""A store that is absent, stopped, slow, full or restarted: 451 for replies, no harm to other mail, no false replay."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.core.token.mint import MintedAddress
from reply_milter.ports import StoreUnavailableError
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until

pytestmark = [pytest.mark.system, pytest.mark.redis]

TIMEOUT = 0.2
SLACK = 0.4  # for a loaded machine; the daemon's own part is a few milliseconds


class Redis:
    """A redis-server of the test's own, on a unix socket, that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "r.sock"

    def start(self, *options: str) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "777"]
        command += ["--dir", str(self.folder), "--appendonly", "yes", "--save", "", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self._answers, 10, "redis-server answers")

    def _answers(self) -> bool:
        try:
            RedisStore(f"unix://{self.socket}", 1.0, "test").ping()
        except StoreUnavailableError:
            return False
        return True

    def command(self, *words: str) -> None:
        done = subprocess.run(["redis-cli", "-s", str(self.socket), *words], capture_output=True, check=True)
        assert b"ERR" not in done.stdout, done.stdout

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """A running redis-server, in a folder that the daemon's user can reach."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-redis-") as name:
        Path(name).chmod(0o755)
        server = Redis(Path(name))
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def site(redis: Redis) -> Iterator[Site]:
    """A mail host whose store is that server."""
    running = Site({r'url = "embedded"': f'url = "unix://{redis.socket}"'}, timeout_ms=200)
    try:
        yield running.start()
    finally:
        running.stop()


def _timed(site: Site, recipient: str, message: bytes) -> tuple[str, float]:
    start = time.monotonic()
    heard = site.send([recipient], message)
    return heard, time.monotonic() - start


def _refuses_replies_only(site: Site, number: int) -> MintedAddress:
    """Replies get 451 in time, junk its 550, and other mail passes; returns the deferred address."""
    minted = site.mint(locator="fault/1")
    heard, seconds = _timed(site, f"<{minted.address}>", reply(minted, number))
    assert heard.startswith("451 4.3.0"), heard
    assert seconds < TIMEOUT + SLACK, seconds
    assert site.send(["<reply+junk@reply.example.com>"], b"").startswith("550 5.7.1")
    heard, seconds = _timed(site, "<bob@example.com>", b"From: a@b.example\r\n\r\nHello.\r\n")
    assert heard.startswith("250"), heard
    assert seconds < SLACK, seconds
    return minted


def _send_until_answered(site: Site, minted: MintedAddress, number: int, wanted: str) -> None:
    """As a client that retries after a 4xx: a loaded machine makes a store slow for a moment, but never wrong."""
    heard: list[str] = []

    def answered() -> bool:
        heard.append(site.send([f"<{minted.address}>"], reply(minted, number)))
        return not heard[-1].startswith("451 4.3.0")

    wait_until(answered, 10, "an answer")
    assert heard[-1].startswith(wanted), heard


def _taken_after_all(site: Site, minted: MintedAddress, number: int) -> None:
    """The client's retry is welcome once the store is back, and arrives once, under a good seal."""
    _send_until_answered(site, minted, number, "250")
    found = site.arrived("X-Seq", str(number), 1)
    assert len(found) == 1
    assert isinstance(found[0].tags, dict), found[0].tags


def test_a_stopped_store_defers_replies_within_the_timeout(site: Site, redis: Redis) -> None:
    """SIGSTOP: connections are taken and nothing is answered."""
    redis.send(signal.SIGSTOP)
    try:
        minted = _refuses_replies_only(site, 1)
    finally:
        redis.send(signal.SIGCONT)
    _taken_after_all(site, minted, 1)


def test_a_claim_carried_out_too_late_is_no_replay(site: Site, redis: Redis) -> None:
    """Redis stops between RCPT and the final dot: 451, and the client's retry is taken, not called a replay."""
    minted = site.mint(locator="fault/2")
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        assert client.docmd(f"RCPT TO:<{minted.address}>")[0] == 250
        redis.send(signal.SIGSTOP)
        try:
            start = time.monotonic()
            code, text = client.data(reply(minted, 2))
            assert (code, text[:5]) == (451, b"4.3.0"), text
            assert time.monotonic() - start < TIMEOUT + SLACK
        finally:
            redis.send(signal.SIGCONT)
    _taken_after_all(site, minted, 2)


def test_a_commit_waits_until_the_store_is_back(site: Site, redis: Redis) -> None:
    """Redis stops behind the answer: the commit is tried again and again, and then the reply is a duplicate."""
    site.replace_in_settings("settle_ms = 200 ", "settle_ms = 1500 ")
    site.daemon.reload()
    minted = site.mint(locator="fault/7")
    failures = 'reply_milter_store_errors_total{kind="timeout",operation="commit"}'
    assert site.send([f"<{minted.address}>"], reply(minted, 9)).startswith("250")
    before = site.metrics()[failures]
    redis.send(signal.SIGSTOP)
    try:
        wait_until(lambda: site.metrics()[failures] >= before + 2, 20, "two tries that failed")
    finally:
        redis.send(signal.SIGCONT)
    site.settled(minted, 1)
    _send_until_answered(site, minted, 9, "550 5.7.1 This message was already received")
    assert site.metrics()["reply_milter_commits_dropped_total"] == 0
    site.replace_in_settings("settle_ms = 1500 ", "settle_ms = 200 ")
    site.daemon.reload()


def test_a_full_store_defers_replies(site: Site, redis: Redis) -> None:
    """noeviction: what can't be remembered is not taken."""
    redis.command("CONFIG", "SET", "maxmemory", "1")
    try:
        minted = site.mint(locator="fault/3")
        heard, _ = _timed(site, f"<{minted.address}>", reply(minted, 3))
        assert heard.startswith("451 4.3.0"), heard
        beside = site.mint(
            locator="fault/3b", recipient="alice@client.example"
        )  # others can't wait, and the reply is not to be lost behind their 250
        heard = site.send([f"<{beside.address}>", "<bob@example.com>"], reply(beside, "3b"))
        assert heard.startswith("250"), heard
    finally:
        redis.command("CONFIG", "SET", "maxmemory", "0")
    _taken_after_all(site, minted, 3)
    (found,) = site.arrived("X-Seq", "3b", 1)
    assert isinstance(found.tags, dict)
    assert (found.tags["reason"], found.tags["replay"]) == ("store_unavailable", "unknown")
    assert len(site.arrived("X-Seq", "3b", 1, "people")) == 1


def test_a_slow_store_is_given_up_in_time(site: Site, redis: Redis) -> None:
    """A store that pauses for longer than the timeout."""
    redis.command("CLIENT", "PAUSE", "700", "ALL")
    minted = _refuses_replies_only(site, 4)
    wait_until(lambda: _answers_quickly(site), 5, "the pause is over")
    _taken_after_all(site, minted, 4)


def _answers_quickly(site: Site) -> bool:
    try:
        site.store().ping()
    except StoreUnavailableError:
        return False
    return True


def test_an_absent_store_defers_and_a_restarted_one_goes_on(site: Site, redis: Redis) -> None:
    """kill -9, then a new server on the same file: what was settled before is still known."""
    before = site.mint(locator="fault/5")
    _send_until_answered(site, before, 5, "250")
    site.settled(before, 1)
    redis.stop()
    minted = _refuses_replies_only(site, 6)
    redis.start()
    _taken_after_all(site, minted, 6)
    _send_until_answered(site, before, 5, "550 5.7.1 This message was already received")


def test_on_failure_accept_takes_replies_unchecked(site: Site, redis: Redis) -> None:
    """The operator's choice: the verdict says that replay is unknown; a forged address is refused all the same."""
    site.configure(
        {r'url = "embedded"': f'url = "unix://{redis.socket}"', 'on_failure = "defer"': 'on_failure = "accept"'}
    )
    site.daemon.reload()
    redis.send(signal.SIGSTOP)
    try:
        minted = site.mint(locator="fault/7")
        heard = site.send([f"<{minted.address}>"], reply(minted, 7))
        assert heard.startswith("250"), heard
        assert site.send(["<reply+junk@reply.example.com>"], b"").startswith("550")
    finally:
        redis.send(signal.SIGCONT)
    found = site.arrived("X-Seq", "7", 1)
    assert isinstance(found[0].tags, dict)
    assert found[0].tags["replay"] == "unknown"
    assert found[0].tags["reason"] == "store_unavailable"
