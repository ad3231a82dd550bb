"""What happens to replies in a mailbox when the fetcher dies, or the connection to the server is cut.

Each has exactly one effect with an application that stores the id, and never none; other mail stays as it is.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.imap_proxy import ImapProxy
from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site, resident_mib
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

KILLS = 100 if LONG else 5
POINTS = (
    "before fetch", "after fetch", "after judge", "after seal", "before call", "after call", "before move",
    "after move", "after commit", "after close",
)  # fmt: skip
OLD = 50_000 if LONG else 2_000
MANY = 100_000 if LONG else 600
FOREIGN = b"Delivered-To: jane@example.net\r\nReceived: x\r\nFrom: a@b.example\r\nSubject: hello\r\n\r\nHi.\r\n"


AT_FIRST = ("CAPABILITY", "AUTHENTICATE", "NAMESPACE", "SELECT")
COMMANDS = (*AT_FIRST, "UID SEARCH", "UID FETCH", "CREATE", "UID MOVE", "IDLE")


@pytest.fixture(scope="module")
def cut_off() -> Iterator[tuple[MailboxSite, ImapProxy]]:
    """A host whose way to the server is cut on the test's order."""
    with mailbox_site(proxied=True) as site:
        assert site.proxy is not None
        site.server.deliver(FOREIGN)
        yield site.start(), site.proxy


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_connection_that_is_cut_has_no_effect(
    cut_off: tuple[MailboxSite, ImapProxy], command: str, after: bool
) -> None:
    """At this command, before or after the server carried it out."""
    site, proxy = cut_off
    posts = site.receiver.posts
    posts.clear()
    cuts = proxy.cuts
    proxy.arm("UID SEARCH" if command in AT_FIRST else command, after)
    name = f"cut-{command.replace(' ', '-')}-{after}"
    if command == "CREATE":
        shutil.rmtree(site.server.folder_named("Replies/Processed"), ignore_errors=True)
    site.deliver(f"{name}-1")
    if command in AT_FIRST:
        wait_until(lambda: proxy.cuts > cuts, 30, "cut, to have it connect anew")
        cuts = proxy.cuts
        proxy.arm(command, after)
    wait_until(lambda: proxy.cuts > cuts, 30, f"cut at {command}: {site.daemon.log()[-1500:]}")
    site.deliver(f"{name}-2")
    site.until(posts=2, left=1)
    assert sum(posts.values()) == 2
    assert (site.server.messages(), site.server.flags()) == ([FOREIGN], [""])


@pytest.fixture(scope="module")
def dying() -> Iterator[MailboxSite]:
    """A host whose fetcher dies on the test's order."""
    with mailbox_site() as site:
        program = site.milter.folder / "dying_program.py"
        program.write_bytes(Path(__file__).with_name("dying_program.py").read_bytes())
        points = site.milter.folder / "points"
        points.mkdir()
        points.chmod(0o777)
        site.daemon.program = [str(program)]
        site.daemon.environment = {"DYING_POINT": str(points / "armed"), "DYING_PROCESS": "fetcher"}
        site.server.deliver(FOREIGN)
        yield site.start()


@pytest.mark.parametrize("point", POINTS)
def test_a_fetcher_that_dies_has_exactly_one_effect(dying: MailboxSite, point: str) -> None:
    """By SIGKILL, at this point of a message."""
    began, posts = time.monotonic(), dying.receiver.posts
    posts.clear()
    calls = len(dying.receiver.calls)
    armed = dying.milter.folder / "points/armed"
    for number in range(KILLS):
        armed.write_text(point)  # its folder lets the daemon remove it
        dying.deliver(f"dying-{point.replace(' ', '-')}-{number}")
        dying.until(posts=number + 1, left=1)
        wait_until(lambda: not armed.exists(), 20, "it was not killed")
    found = Outcome(
        f"fetcher-killed-{point.replace(' ', '-')}", messages=KILLS, seconds=round(time.monotonic() - began, 1)
    )
    found.figures = {"kills": KILLS, "calls": len(dying.receiver.calls) - calls, "effects": sum(posts.values())}
    found.lost, found.doubled = KILLS - len(posts), sum(count > 1 for count in posts.values())
    found.demand(not found.lost and not found.doubled, f"{found.lost} without effect, {found.doubled} doubled")
    found.demand(dying.server.messages() == [FOREIGN] and dying.server.flags() == [""], "other mail was touched")
    found.tell()


def test_a_mailbox_of_fifty_thousand_old_messages() -> None:
    """A reply among them is found; they are looked at once, and stay as they are."""
    with mailbox_site() as site:
        site.server.deliver(FOREIGN, OLD)
        site.deliver("among")
        began = time.monotonic()
        site.start()
        wait_until(lambda: len(site.receiver.posts) == 1, 600, f"posted: {site.daemon.log()[-1500:]}")
        first = time.monotonic() - began
        memory = resident_mib(site.fetcher())
        site.deliver("behind")
        wait_until(lambda: len(site.receiver.posts) == 2, 60, f"posted: {site.daemon.log()[-1500:]}")
        print(f"\n{OLD} old messages: {first:.1f} s, {OLD / first:.0f} a second, {memory} MiB")
        wait_until(lambda: site.left() == OLD, 60, "both replies are moved")
        assert memory < 150


def test_memory_stays_flat() -> None:
    """Reply after reply; what it has after the first tenth is what it needs."""
    with mailbox_site() as site:
        site.receiver.keeps_bodies = False
        site.start()
        memory, began = [], time.monotonic()
        for tenth in range(1, 11):
            for number in range(MANY // 10):
                site.deliver(f"{tenth}-{number}")
            site.until(posts=tenth * MANY // 10, seconds=1800)
            memory.append(resident_mib(site.fetcher()))
        seconds = time.monotonic() - began
        print(f"\n{MANY} replies: {MANY / seconds:.0f} a second with their making, MiB by tenths: {memory}")
        assert memory[-1] <= memory[1] + 8
