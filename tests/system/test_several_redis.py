"""The whole daemon on Sentinels and on a Cluster, behind a real Postfix: before the store is there, and in its fall."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until
from tests.support.stores.redis_under_test import PROGRAM
from tests.support.stores.several_redis import ClusterUnderTest, SentinelsUnderTest

pytestmark = [
    pytest.mark.system,
    pytest.mark.redis,
    pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """For servers, which the daemon reaches by their ports alone."""
    with tempfile.TemporaryDirectory(prefix="reply-milter-redis-") as name:
        yield Path(name)


def heard(site: Site, number: int, user: int = 42) -> str:
    """Reply to its own notification; return the client's answer."""
    minted = site.mint(locator=f"several/{number}", user=user)
    return site.send([f"<{minted.address}>"], reply(minted, number))


def threads_of(process: int) -> int:
    """How many it has."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("Threads:")[1].split()[0])


def command(site: Site, *words: str) -> None:
    """Run reply-milter as an operator would."""
    argv = [sys.executable, "-m", "reply_milter", *words, "--config", str(site.config)]
    subprocess.run(argv, check=True, capture_output=True, cwd="/")


def test_a_cluster_that_comes_after_the_daemon_and_loses_its_data(folder: Path) -> None:
    """451 until it is there; workers that are killed find it again; revocations come back by themselves."""
    cluster = ClusterUnderTest(folder)
    site = Site({r'url = "embedded"': f'url = "{cluster.url}"'}, timeout_ms=500)
    try:
        site.start()
        assert heard(site, 1).startswith("451 4.3.0")
        cluster.start()
        wait_until(lambda: heard(site, 2).startswith("250"), 10, "a reply is taken")
        site.daemon.kill_workers()
        wait_until(lambda: heard(site, 3).startswith("250"), 10, "a reply is taken by new workers")
        assert threads_of(site.daemon.pid) == 1, "the supervisor forks, and must have no threads"
        _loses_its_data(site, cluster)
    finally:
        site.stop()
        cluster.stop()


def _loses_its_data(site: Site, cluster: ClusterUnderTest) -> None:
    wait_until(lambda: all(node.command("DBSIZE") > 0 for node in cluster.nodes), 10, "marks are left")
    command(site, "revoke", "user", "7")
    assert heard(site, 4, user=7).startswith("550 5.7.1")
    for node in cluster.nodes:
        node.command("FLUSHALL")
    name = "reply_milter_revocations_put_back_total"
    wait_until(lambda: site.metrics().get(name, 0) >= 1, 10, "revocations are restored")
    assert site.metrics()['reply_milter_redis_losses_total{kind="emptied"}'] >= 1
    # A look between two of the nodes puts them back into one that is emptied a moment later: the next look sees that.
    numbers = count(5)
    wait_until(lambda: heard(site, next(numbers), user=7).startswith("550 5.7.1"), 20, "user 7 is revoked again")
    assert "the store has lost data (emptied)" in site.daemon.log()


def test_a_failover_while_replies_come(folder: Path) -> None:
    """451 until Sentinels have chosen; each retry is accepted, and none is called a replay."""
    trio = SentinelsUnderTest(folder)
    site = Site({r'url = "embedded"': f'url = "{trio.url}"'}, timeout_ms=300)
    try:
        trio.start()
        site.start()
        assert heard(site, 1).startswith("250")
        minted = site.mint(locator="several/failover")
        trio.first.stop()
        answers: list[str] = []

        def taken() -> bool:
            answers.append(site.send([f"<{minted.address}>"], reply(minted, 9)))
            return answers[-1].startswith("250")

        wait_until(taken, 20, "the reply is taken")
        assert all(answer.startswith("451 4.3.0") for answer in answers[:-1]), answers
        assert len(answers) > 1, "the failover was seen"
        assert len(site.arrived("X-Seq", "9", 1)) == 1
        assert "the store's master is now" in site.daemon.log()
    finally:
        site.stop()
        trio.stop()
