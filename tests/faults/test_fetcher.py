"""What happens to replies in a mailbox when the fetcher dies, and how it does with very many messages.

Each has exactly one effect with an application that stores the id, and never none; other mail stays as it is.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site, resident_mib
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

KILLS = 100 if LONG else 5
POINTS = (
    "before fetch", "after fetch", "after judge", "after seal", "before call", "after call", "before move",
    "after move", "after commit", "after close",
)  # fmt: skip
OLD = 50_000 if LONG else 2_000
ALL = 100_000
MANY = int(os.environ.get("REPLY_MILTER_FETCHED", ALL)) if LONG else 600  # the long form takes hours on a slow machine
FOREIGN = b"Delivered-To: jane@example.net\r\nReceived: x\r\nFrom: a@b.example\r\nSubject: hello\r\n\r\nHi.\r\n"


class Dying:
    """A host whose fetcher dies on the test's order, and lives again.

    In the long form it is ``reply-milter fetch``, forked anew from a process that has imported it: the supervisor
    pauses between deaths, and would take most of the time.
    """

    def __init__(self, site: MailboxSite) -> None:
        self.site = site
        points = site.milter.folder / "points"
        points.mkdir()
        points.chmod(0o777)
        self.armed = points / "armed"  # its folder lets the fetcher remove it
        program = site.milter.folder / "dying_program.py"
        program.write_bytes(Path(__file__).with_name("dying_program.py").read_bytes())
        dying = {"DYING_POINT": str(self.armed), "DYING_PROCESS": "fetcher"}
        site.server.deliver(FOREIGN)
        if LONG:
            config = site.split()
            site.start()
            self._fetcher = site.follow([str(program)], config, {**dying, "DYING_AGAIN": "1"})
        else:
            site.daemon.program, site.daemon.environment = [str(program)], dying
            site.start()

    def stop(self) -> None:
        """End the fetcher."""
        if LONG:
            self._fetcher.kill()  # its child dies with it
            self._fetcher.wait()

    def kill(self, point: str, name: str) -> None:
        """Let one more reply arrive, and wait until the fetcher has died at the point."""
        self.armed.write_text(point)
        self.site.deliver(name)
        wait_until(lambda: not self.armed.exists(), 30, f"killed {point}: {self.site.daemon.log()[-1500:]}")


@pytest.fixture(scope="module")
def dying() -> Iterator[Dying]:
    """One for all points."""
    with mailbox_site() as site:
        found = Dying(site)
        try:
            yield found
        finally:
            found.stop()


@pytest.mark.parametrize("point", POINTS)
def test_a_fetcher_that_dies_has_exactly_one_effect(dying: Dying, point: str) -> None:
    """By SIGKILL, at this point of a message; those of earlier deaths wait beside it."""
    began, site, posts = time.monotonic(), dying.site, dying.site.receiver.posts
    posts.clear()
    calls = len(site.receiver.calls)
    name = point.replace(" ", "-")
    for number in range(KILLS):
        dying.kill(point, f"dying-{name}-{number}")
    site.until(posts=KILLS, left=1, seconds=120)
    found = Outcome(f"fetcher-killed-{name}", messages=KILLS, seconds=round(time.monotonic() - began, 1))
    found.figures = {"kills": KILLS, "calls": len(site.receiver.calls) - calls, "effects": sum(posts.values())}
    found.lost, found.doubled = KILLS - len(posts), sum(count > 1 for count in posts.values())
    found.demand(not found.lost and not found.doubled, f"{found.lost} without effect, {found.doubled} doubled")
    found.demand(site.server.messages() == [FOREIGN] and site.server.flags() == [""], "other mail was touched")
    found.tell()


def test_a_mailbox_of_fifty_thousand_old_messages() -> None:
    """A reply among them is found; they are looked at once, and stay as they are."""
    with mailbox_site() as site:
        site.server.deliver(FOREIGN, OLD)
        site.deliver("among")
        began = time.monotonic()
        site.start()
        wait_until(lambda: len(site.receiver.posts) == 1, 1500, f"posted: {site.daemon.log()[-1500:]}")
        first = time.monotonic() - began
        memory = resident_mib(site.fetcher())
        site.deliver("behind")
        wait_until(lambda: len(site.receiver.posts) == 2, 60, f"posted: {site.daemon.log()[-1500:]}")
        wait_until(lambda: site.left() == OLD, 60, "both replies are moved")
        found = Outcome("fetcher-old-messages", messages=2, seconds=round(first, 1))
        found.figures = {"old messages": OLD, "looked at a second": round(OLD / first), "MiB": memory}
        found.lost, found.doubled = 2 - len(site.receiver.posts), sum(site.receiver.posts.values()) - 2
        found.demand(memory < 150, f"the fetcher has {memory} MiB")
        found.demand(set(site.server.flags()) == {""}, "other mail was touched")
        found.tell()


def test_memory_stays_flat() -> None:
    """Reply after reply; what it has after the first tenth is what it needs."""
    with mailbox_site() as site:
        site.receiver.keeps_bodies = False
        site.start()
        memory, began, posts = [], time.monotonic(), site.receiver.posts
        for tenth in range(1, 11):
            site.deliver_many(str(tenth), MANY // 10)
            site.until(posts=tenth * MANY // 10, seconds=1800)
            memory.append(resident_mib(site.fetcher()))
        seconds = time.monotonic() - began
        found = Outcome("fetcher-memory", messages=MANY, seconds=round(seconds, 1))
        found.figures = {
            "MiB by tenths": " ".join(map(str, memory)),
            "a second": round(MANY / seconds),
        }
        if LONG and MANY < ALL:
            found.figures["of"] = f"{ALL:,} that the full form takes"
        found.lost, found.doubled = MANY - len(posts), sum(count > 1 for count in posts.values())
        found.demand(not found.lost and not found.doubled, f"{found.lost} without effect, {found.doubled} doubled")
        found.demand(memory[-1] <= memory[1] + 8, f"it grows: {memory} MiB")
        found.tell()
