"""Two hosts fetch from one mailbox with one Redis; each has a record of its own. One of them dies."""

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site
from tests.support.processes.daemon_process import USER, DaemonProcess, wait_until
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.wire.milter_alone import own_folder

pytestmark = pytest.mark.system

POINTS = (
    "after judge", "after seal", "before call", "after call", "before note", "after note", "before move", "after move",
    "after commit", "after close",
)  # fmt: skip
TWICE = ("after call", "before note")  # nothing says yet that the application has it


@dataclass
class Hosts:
    """``one`` is the site's own; ``two`` has another state_dir, and the same keys, mailbox, store and application."""

    site: MailboxSite
    redis: RedisUnderTest
    one: Path
    two: Path
    points: Path

    def fetch(self, config: Path, dies: bool = False) -> "subprocess.CompletedProcess[str]":
        """Look once, as one of the hosts."""
        self.site.config = config
        program = [str(self.site.milter.folder / "dying_program.py")] if dies else None
        return self.site.fetch("--once", program=program)

    def end_turn(self) -> None:
        """Let half a minute go by for the host that died."""
        for key in self.redis.side.keys("rm1:*:mailbox:*"):
            self.redis.side.hset(str(key), "u", 0)

    @property
    def calls(self) -> int:
        """How often a reply was handed over, whichever."""
        return len(self.site.receiver.calls)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """Both, and no daemon."""
    with _redis() as redis, mailbox_site() as site:
        folder = site.milter.folder
        (folder / "dying_program.py").write_bytes(Path(__file__).with_name("dying_program.py").read_bytes())
        points = folder / "points"
        points.mkdir()
        points.chmod(0o777)
        site.daemon.environment = {"DYING_POINT": str(points / "armed"), "DYING_PROCESS": "fetcher"}
        text = site.config.read_text()
        assert 'url = "embedded"' in text
        text = text.replace('url = "embedded"', f'url = "{redis.url}"')
        one_by_one = '[delivery]\nconcurrency = 1\nlisten = ""'
        site.config.write_text(text.replace('[delivery]\nlisten = ""', one_by_one))  # it dies between two
        yield Hosts(site, redis, site.config, _other(site, text), points / "armed")


@contextmanager
def _redis() -> Iterator[RedisUnderTest]:
    with own_folder() as folder:
        server = RedisUnderTest(folder, "--unixsocketperm", "777")
        server.start()
        yield server
        server.stop()


def _other(site: MailboxSite, text: str) -> Path:
    folder = site.milter.folder
    path = site.config.with_name("two.toml")
    path.write_text(text.replace(f"{folder}/state", f"{folder}/state2").replace("verify.sock", "verify2.sock"))
    for name in ("state", "state2"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder / name, pwd.getpwnam(USER).pw_uid, -1)
    return path


@pytest.mark.parametrize("point", POINTS)
def test_one_host_dies_and_the_other_goes_on(hosts: Hosts, point: str) -> None:
    """By SIGKILL, at this point of the first of three; it comes back when the other has done its work."""
    posts, calls = hosts.site.receiver.posts, hosts.calls
    posts.clear()
    hosts.points.write_text(point)
    for number in range(3):
        hosts.site.deliver(f"{point.replace(' ', '-')}-{number}")
    assert hosts.fetch(hosts.one, dies=True).returncode == -signal.SIGKILL
    busy = hosts.fetch(hosts.two)
    assert (busy.returncode, "another" in busy.stderr) == (0, True), busy.stderr
    hosts.end_turn()
    done = hosts.fetch(hosts.two)
    assert (done.returncode, hosts.site.left()) == (0, 0), done.stderr
    assert hosts.fetch(hosts.one).returncode == 0
    assert (len(posts), hosts.calls - calls) == (3, 4 if point in TWICE else 3)


def test_two_daemons_hand_each_reply_over_once(hosts: Hosts) -> None:
    """Both are told of new mail at the same moment; one of them has its turn."""
    site, calls = hosts.site, hosts.calls
    site.receiver.posts.clear()
    site.config = hosts.one
    other = DaemonProcess(hosts.two, site.milter.folder / "verify2.sock", site.milter.folder / "two.log")
    site.daemon.start()
    other.start()
    try:
        for number in range(60):
            site.deliver(f"both-{number}")
        site.until(posts=60)
        hosts.site.settled(1)
        assert hosts.calls - calls == 60
        _ends_and_the_other_goes_on(hosts, other)
    finally:
        other.stop()
        site.daemon.stop()


def _ends_and_the_other_goes_on(hosts: Hosts, other: DaemonProcess) -> None:
    """One daemon stops as it should: its turn ends with it, and the other needs no half minute."""
    site, calls = hosts.site, hosts.calls
    site.daemon.stop()
    site.deliver("alone")
    wait_until(lambda: hosts.calls == calls + 1, 15, f"posted by the other: {other.log()[-1500:]}")
