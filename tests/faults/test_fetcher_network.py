"""What happens to replies in a mailbox when the way to its server or to the store is cut, silent, slow or noisy.

Each has exactly one effect with an application that stores the id, and never none; other mail stays as it is.
"""

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.distance import Distance
from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.dovecot import DovecotLayout
from tests.support.hosts.imap_proxy import Cut, ImapProxy
from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site
from tests.support.processes.daemon_process import wait_until
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest
from tests.wire.milter_alone import own_folder

pytestmark = pytest.mark.system

ROUNDS = 5 if LONG else 1  # of each command
SLOW = 50 if LONG else 3  # replies over each slow way
FOREIGN = b"Delivered-To: jane@example.net\r\nReceived: x\r\nFrom: a@b.example\r\nSubject: hello\r\n\r\nHi.\r\n"
FLAGS = ["", "FS"]  # of two messages of somebody else's

AT_FIRST = ("CAPABILITY", "AUTHENTICATE", "NAMESPACE", "SELECT")
COMMANDS = (*AT_FIRST, "LIST", "CREATE", "SUBSCRIBE", "UID SEARCH", "UID FETCH", "UID MOVE", "IDLE", "DONE")
# With a server that has neither MOVE nor IDLE.
OTHERS = ("UID COPY", "UID STORE", "UID EXPUNGE", "NOOP")
MAKES_A_FOLDER = ("CREATE", "SUBSCRIBE")
NOISE = b"".join(
    b"* OK still here\r\n* %d EXISTS\r\n* 0 RECENT\r\n* 1 FETCH (UID 4000000 FLAGS (\\Seen))\r\n" % number
    for number in range(250)
)


class Spoiled:
    """A host whose way to the server a test spoils. Two messages of somebody else's are there."""

    def __init__(self, site: MailboxSite) -> None:
        assert site.proxy is not None
        self.site = site
        self.proxy: ImapProxy = site.proxy
        self.began = time.monotonic()
        self.messages = 0
        site.server.deliver(FOREIGN, 2)
        site.server.flag(1, "FS")

    def deliver(self, name: object) -> None:
        """Let one more reply arrive."""
        self.site.deliver(name)
        self.messages += 1

    def settle(self, seconds: float = 60) -> None:
        """Wait until each reply had its effect, and lies in its folder."""
        self.site.until(posts=self.messages, left=len(FLAGS), seconds=seconds)

    def tell(self, fault: str, **figures: float | str) -> None:
        """Put on record what came of it, after all is settled."""
        posts, server = self.site.receiver.posts, self.site.server
        found = Outcome(fault, messages=self.messages, seconds=round(time.monotonic() - self.began, 1))
        found.figures = {**figures, "calls": len(self.site.receiver.calls), "effects": sum(posts.values())}
        found.lost, found.doubled = self.messages - len(posts), sum(count > 1 for count in posts.values())
        found.demand(not found.lost and not found.doubled, f"{found.lost} without effect, {found.doubled} doubled")
        untouched = server.messages() == [FOREIGN] * len(FLAGS) and sorted(server.flags()) == FLAGS
        found.demand(untouched, f"other mail was touched: {server.flags()}")
        found.tell()


@contextmanager
def spoiled(without: tuple[str, ...] = ()) -> Iterator[Spoiled]:
    """Run one; its daemon is not started."""
    with mailbox_site(layout=DovecotLayout(without=without), proxied=True) as site:
        yield Spoiled(site)


def _cut_at(host: Spoiled, command: str, cut: Cut, name: str) -> None:
    """Cut once, with a reply before it and one behind."""
    site, proxy = host.site, host.proxy
    cuts = proxy.cuts
    if command in MAKES_A_FOLDER:
        shutil.rmtree(site.server.folder_named("Replies/Processed"), ignore_errors=True)
    if command in (*AT_FIRST, "LIST"):  # have it connect anew
        proxy.arm("UID SEARCH", Cut.BEFORE)
        _until_cut(host, f"{name}-connects", cuts + 1)
        cuts = proxy.cuts
    proxy.arm(command, cut)
    _until_cut(host, f"{name}-at", cuts + 1)
    host.deliver(f"{name}-behind")
    host.settle()


def _until_cut(host: Spoiled, name: str, cuts: int) -> None:
    """Deliver, and again where an earlier look took that, without the command."""
    for number in range(12):
        host.deliver(f"{name}-{number}")
        until = time.monotonic() + 5
        while time.monotonic() < until:
            if host.proxy.cuts >= cuts:
                return
            time.sleep(0.01)
    raise AssertionError(f"not cut at {name}: {host.site.daemon.log()[-1500:]}")


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.MIDWAY])
def test_a_connection_that_is_cut_at_each_command_has_no_effect(cut: Cut) -> None:
    """Before the server hears it, after it has carried it out, and in the middle of its answer."""
    with spoiled() as host:
        host.site.start()
        for turn in range(ROUNDS):
            for command in COMMANDS:
                _cut_at(host, command, cut, f"{cut}-{command.replace(' ', '-')}-{turn}")
        host.tell(f"fetcher-cut-{cut}", cuts=host.proxy.cuts, commands=len(COMMANDS))


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.MIDWAY] if LONG else [Cut.AFTER])
def test_the_same_at_a_server_that_offers_less(cut: Cut) -> None:
    """Between a copy and its original's removal, too: there may be two copies then, but one effect."""
    with spoiled(without=("MOVE", "IDLE")) as host:
        host.site.start()
        for turn in range(ROUNDS):
            for command in OTHERS:
                _cut_at(host, command, cut, f"less-{cut}-{command.replace(' ', '-')}-{turn}")
        host.tell(f"fetcher-cut-{cut}-less", cuts=host.proxy.cuts, commands=len(OTHERS))


def test_a_server_that_falls_silent_is_left_at_the_deadline() -> None:
    """The connection stays open, and nothing comes any more: in the midst of work, and while nothing is to be done."""
    with spoiled() as host:
        program = host.site.milter.folder / "impatient_program.py"
        program.write_bytes(Path(__file__).with_name("impatient_program.py").read_bytes())
        host.site.daemon.program = [str(program)]
        host.site.start()
        for command in COMMANDS if LONG else ("UID MOVE", "IDLE"):
            _cut_at(host, command, Cut.SILENT, f"silent-{command.replace(' ', '-')}")
        host.tell("fetcher-silent", silences=host.proxy.cuts)


def _far(proxy: ImapProxy) -> None:
    proxy.delay = 0.2


def _dripping(proxy: ImapProxy) -> None:
    proxy.drip = 0.0005


def _noisy(proxy: ImapProxy) -> None:
    proxy.noise = NOISE


@pytest.mark.parametrize("spoil", [_far, _dripping, _noisy], ids=lambda spoil: spoil.__name__.strip("_"))
def test_a_slow_or_noisy_way_only_takes_longer(spoil: Callable[[ImapProxy], None]) -> None:
    """200 ms for each packet; octet by octet; 1,000 lines that nobody asked for before each answer."""
    with spoiled() as host:
        host.site.start()
        host.deliver("near")
        host.settle()
        spoil(host.proxy)
        for number in range(SLOW):
            host.deliver(number)
        host.settle(300)
        assert "not connected" not in host.site.daemon.log()
        host.tell(f"fetcher-{spoil.__name__.strip('_')}")


@pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")
def test_a_store_that_is_far_or_stopped_delays_replies() -> None:
    """200 ms away with 2 s of patience: they are taken. Stopped: they stay, and are taken when it goes on."""
    with spoiled() as host, own_folder() as folder:
        redis = RedisUnderTest(folder, "--unixsocketperm", "777")
        redis.start()
        distance = Distance(folder, redis)
        try:
            host.site.edit('url = "embedded"', f'url = "{distance.url}"')
            host.site.start()
            host.deliver("near")
            host.settle()
            distance.milliseconds = 200
            for number in range(SLOW):
                host.deliver(f"far-{number}")
            host.settle()
            deferred = host.site.daemon.log().count("verdict=deferred")
            distance.milliseconds = 0
            redis.signal(signal.SIGSTOP)
            for number in range(SLOW):
                host.deliver(f"stopped-{number}")
            log = host.site.daemon.log
            wait_until(lambda: log().count("verdict=deferred") > deferred, 60, f"deferred: {log()[-2000:]}")
            redis.signal(signal.SIGCONT)
            host.settle(300)
            host.tell("fetcher-store", deferred=log().count("verdict=deferred"))
        finally:
            distance.stop()
            redis.stop()
