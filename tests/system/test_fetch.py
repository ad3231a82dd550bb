"""Replies out of a real Dovecot: by the daemon, and by the command; what becomes of them, and of everything else."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.support.hosts.dovecot import DovecotLayout
from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site, reply, resident_mib
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system
FOREIGN = b"Delivered-To: jane@example.net\r\nReceived: x\r\nFrom: a@b.example\r\nSubject: hello\r\n\r\nHi.\r\n"


@pytest.fixture
def site() -> Iterator[MailboxSite]:
    """A host that fetches; its daemon is not started."""
    with mailbox_site() as found:
        yield found


def test_the_daemon_fetches_and_leaves_other_mail_alone(site: MailboxSite) -> None:
    """A reply, a forgery, a replay, and mail of somebody else's, whose flags stay as they are."""
    site.start()
    first = site.deliver("first")
    site.until(posts=1)
    site.server.deliver(reply(first, "first"))
    forged = site.milter.mint()
    site.server.deliver(
        reply(forged, "forged").replace(forged.address.encode(), first.address[:-20].encode() + b"aaaa@x")
    )
    site.server.deliver(reply(site.milter.mint(user=3), "stranger", author="mallory@example.com"))
    site.server.deliver(FOREIGN)
    site.until(posts=1, left=2)
    site.settled()
    assert sum(site.receiver.posts.values()) == 1
    assert FOREIGN in site.server.messages()
    assert set(site.server.flags()) == {""}
    assert len(site.server.messages("Replies/Processed")) == 1
    assert len(site.server.messages("Replies/Rejected")) == 2
    log = site.daemon.log()
    assert "verdict=rejected reason=duplicate" in log and "verdict=rejected reason=sender_mismatch" in log


def test_new_mail_is_handled_within_a_second_by_idle(site: MailboxSite) -> None:
    """Nobody asks the server for it."""
    site.configure("poll_seconds = 3600\n")
    site.start()
    wait_until(lambda: "connected" in site.daemon.log(), 20, "connected")
    site.deliver("warm")
    site.until(posts=1)
    seconds = []
    for number in range(5):
        began = time.monotonic()
        site.deliver(number)
        wait_until(lambda number=number: len(site.receiver.posts) == number + 2, 20, "posted")  # type: ignore[misc]
        seconds.append(time.monotonic() - began)
    print(f"\nby IDLE: median {sorted(seconds)[2] * 1000:.0f} ms, slowest {max(seconds) * 1000:.0f} ms")
    assert sorted(seconds)[2] < 1.0


def test_once_for_cron(site: MailboxSite) -> None:
    """Without a daemon: the command starts the store, and says with its status what is wrong."""
    (site.milter.folder / "state").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(site.milter.folder / "state", site.config.stat().st_uid, -1)
    for number in range(3):
        site.deliver(number)
    done = site.fetch("--once")
    assert (done.returncode, len(site.receiver.posts), site.server.messages()) == (0, 3, []), done.stderr
    assert done.stderr.count("verdict=delivered") == 3
    assert site.fetch("--once", "other").returncode == os.EX_USAGE
    (site.milter.folder / "password").write_text("wrong\n")
    refused = site.fetch("--once")
    assert (refused.returncode, "refuses the login" in refused.stderr) == (os.EX_CONFIG, True)
    site.server.stop()
    assert site.fetch("--once").returncode == os.EX_TEMPFAIL


def test_a_server_that_restarts(site: MailboxSite) -> None:
    """The fetcher comes back to it by itself, and the metrics say so."""
    site.start()
    site.deliver("before")
    site.until(posts=1)
    site.server.stop()
    wait_until(lambda: "not connected" in site.daemon.log(), 30, "the loss is noticed")
    site.server.start()
    site.deliver("after")
    site.until(posts=2)


def test_a_full_quota_and_a_missing_folder(site: MailboxSite) -> None:
    """Folders are made; what can't be moved is handed over once, and moved when there is room."""
    site.start()
    site.deliver("one")
    site.until(posts=1)
    folder = site.server.folder_named("Replies/Processed")
    mode = folder.stat().st_mode
    os.rename(folder, folder.with_name("away"))
    folder.write_text("no folder")
    site.deliver("two")
    wait_until(lambda: len(site.receiver.posts) == 2, 30, "posted")
    wait_until(lambda: "verdict=deferred" in site.daemon.log(), 30, f"deferred: {site.daemon.log()[-2000:]}")
    folder.unlink()
    os.rename(folder.with_name("away"), folder)
    assert folder.stat().st_mode == mode
    site.until(posts=2)
    assert sum(site.receiver.posts.values()) == 2


def test_other_uids_for_the_same_mail(site: MailboxSite) -> None:
    """UIDVALIDITY changes while replies wait for their application: each has one effect."""
    site.receiver.answer = 503
    site.start()
    site.server.deliver(FOREIGN)
    for number in range(3):
        site.deliver(number)
    wait_until(lambda: len(site.receiver.calls) >= 3, 30, "tried")
    site.server.stop()
    site.server.change_uidvalidity()
    site.receiver.answer = 204
    site.server.start()
    site.until(posts=3, left=1)
    assert sum(site.receiver.posts.values()) == 3
    assert site.server.flags() == [""]


def test_two_fetchers_have_one_effect(site: MailboxSite) -> None:
    """The daemon, and the command again and again."""
    site.start()
    for number in range(40):
        site.deliver(number)
        if number % 10 == 9:
            assert site.fetch("--once").returncode == 0
    site.until(posts=40)
    assert sum(site.receiver.posts.values()) == 40


def test_a_reload_and_the_end(site: MailboxSite) -> None:
    """Another handler's settings apply to the next message; the end takes a second, and loses nothing."""
    site.start()
    site.deliver("one")
    site.until(posts=1)
    site.config.write_text(site.config.read_text().replace("[policy]", '[policy]\nsender_mismatch = "park"', 1))
    pid = site.fetcher()
    site.daemon.send(signal.SIGHUP)
    wait_until(lambda: f"[{pid}]: reloaded" in site.daemon.log(), 20, "reloaded")
    site.server.deliver(reply(site.milter.mint(user=9), "parked", author="mallory@example.com"))
    wait_until(lambda: "verdict=parked" in site.daemon.log(), 20, f"parked: {site.daemon.log()[-2000:]}")
    assert len(site.server.messages()) == 1
    assert site.daemon.stop() < 5


def test_a_message_of_thirty_megabytes(site: MailboxSite) -> None:
    """A reply is too large, and is moved unread; mail of somebody else's stays; others are not delayed."""
    site.start()
    large = "x" * 70 + "\r\n"
    site.server.deliver(reply(site.milter.mint(), "large", body=large * 420_000))
    site.server.deliver(FOREIGN + large.encode() * 420_000)
    site.deliver("small")
    site.until(posts=1, left=1)
    assert "verdict=unreadable reason=too_large" in site.daemon.log()
    assert len(site.server.messages("Replies/Rejected")) == 1
    fits = site.milter.mint()
    site.server.deliver(reply(fits, "fits", body=large * 280_000))
    site.until(posts=2, left=1)
    assert resident_mib(site.fetcher()) < 400


def test_another_password_needs_no_reload(site: MailboxSite) -> None:
    """It is read at each login; until then the log says what to do."""
    password = (site.milter.folder / "password").read_text()
    (site.milter.folder / "password").write_text("wrong\n")
    site.start()
    wait_until(lambda: "refuses the login" in site.daemon.log(), 20, "refused")
    (site.milter.folder / "password").write_text(password)
    site.deliver("one")
    site.until(posts=1)


@pytest.mark.parametrize("without", [("MOVE",), ("IDLE",), ("MOVE", "UIDPLUS")])
def test_servers_that_offer_less(without: tuple[str, ...]) -> None:
    """Each reply has one effect, and other mail stays, whatever the server can do."""
    with mailbox_site(layout=DovecotLayout(without=without)) as site:
        site.server.deliver(FOREIGN)
        site.start()
        for number in range(3):
            site.deliver(number)
        wait_until(lambda: len(site.receiver.posts) == 3, 40, site.daemon.log()[-2000:])
        site.settled(2)
        assert sum(site.receiver.posts.values()) == 3
        assert FOREIGN in site.server.messages()
