"""What happens to replies in a mailbox when the fetcher dies, or the connection to the server is cut.

Each has exactly one effect with an application that stores the id, and never none; other mail stays as it is.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

KILLS = 100 if LONG else 5
POINTS = (
    "before fetch", "after fetch", "after judge", "after seal", "before call", "after call", "before move",
    "after move", "after commit", "after close",
)  # fmt: skip
FOREIGN = b"Delivered-To: jane@example.net\r\nReceived: x\r\nFrom: a@b.example\r\nSubject: hello\r\n\r\nHi.\r\n"


@pytest.fixture(scope="module")
def dying() -> Iterator[MailboxSite]:
    """A host whose fetcher dies on the test's order."""
    with mailbox_site() as site:
        program = site.milter.folder / "dying_fetcher.py"
        program.write_bytes(Path(__file__).with_name("dying_fetcher.py").read_bytes())
        points = site.milter.folder / "points"
        points.mkdir()
        points.chmod(0o777)
        site.daemon.program = [str(program)]
        site.daemon.environment = {"DYING_POINT": str(points / "armed")}
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
