"""One application that takes long holds up nobody else's replies, behind a real Postfix with its own back-off."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.hosts.delivery_site import HOOKED, DeliverySite
from tests.support.hosts.receiver import SECRET, Receiver
from tests.support.hosts.receiver import _Request as Request
from tests.support.hosts.site_under_test import reply
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

SLOW_SECONDS = 25.0
REPLIES = 200
OTHER = """
[[handler]]
id = 702
name = "other"
context = "thread"
validity_days = 90
[handler.delivery]
type = "webhook"
url = "URL"
secret = "SECRET"
"""


class SlowSite:
    """``slow`` takes ``SLOW_SECONDS`` for each reply, until ``gate`` opens; ``other`` answers at once."""

    def __init__(self, on_tcp: bool = False) -> None:
        self.other = Receiver()
        self.gate = threading.Event()
        self._lock = threading.Lock()
        self.at_once = self.most = 0
        layout = replace(HOOKED, more="")  # Postfix comes again when it would: after minutes
        port = free_port()
        if on_tcp:
            main_cf = tuple(name.replace("reply-hook.", "reply-hook-tcp.") for name in HOOKED.main_cf)
            layout = replace(layout, main_cf=main_cf, more=f"reply_nexthop = inet:127.0.0.1:{port}")
        handlers = OTHER.replace("URL", self.other.url).replace("SECRET", SECRET)
        self.host = DeliverySite(layout=layout, handlers=handlers)
        if on_tcp:
            socket = f"unix:{self.host.site.mta.socket_folder}/lmtp.sock"
            self.host.site.replace_in_settings(socket, f"inet:{port}@127.0.0.1")
        self.host.site.replace_in_settings("timeout_seconds = 2", "timeout_seconds = 60")
        self.host.receiver.answer = self._slowly
        self.host.start()

    def stop(self) -> None:
        """End everything."""
        self.gate.set()
        self.host.stop()
        self.other.close()

    def _slowly(self, _request: Request) -> int:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.gate.wait(SLOW_SECONDS)
        with self._lock:
            self.at_once -= 1
        return 204

    def send(self, handler: str, name: str) -> None:
        """A reply that the milter takes."""
        site = self.host.site
        address = site.mint(handler=handler, locator=f"slow/{name}", recipient="alice@client.example")
        heard = site.send([f"<{address.address}>"], reply(address, name))
        assert heard.startswith("250"), heard

    def flood(self, replies: int = REPLIES) -> None:
        """Many replies to the slow one."""
        for number in range(replies):
            self.send("issue", f"slow-{number}")

    def posted_within(self, seconds: float, name: str) -> float:
        """How long a reply to the other one takes."""
        start, before = time.monotonic(), sum(self.other.posts.values())
        self.send("other", name)
        wait_until(lambda: sum(self.other.posts.values()) > before, seconds, f"a post within {seconds} s")
        return time.monotonic() - start

    @property
    def lines(self) -> list[str]:
        """What Postfix says of deliveries to the hook."""
        return re.findall(r"(?m)^.* postfix/lmtp\[.* status=.*$", self.host.site.mta.log())


@pytest.fixture(scope="module")
def slow() -> Iterator[SlowSite]:
    """A host as contrib/postfix has it, whose one application is slow."""
    running = SlowSite()
    try:
        yield running
    finally:
        running.stop()


def test_a_slow_application_holds_up_no_other(slow: SlowSite) -> None:
    """200 replies wait for it; another handler's is posted at once; and its own go as fast as they may."""
    slow.flood()
    wait_until(lambda: slow.at_once == 16, 30, "all its places are taken")
    assert max(slow.posted_within(5, f"other-{number}") for number in range(5)) < 5
    wait_until(lambda: len(slow.host.receiver.calls) >= 32, 60, "a second round of the slow one's replies")
    assert slow.posted_within(5, "other-later") < 5
    assert slow.most == 16
    assert not [line for line in slow.lines if "status=deferred" in line], "it was never told to come again"
    assert any("/lmtp.sock.d/" in line for line in slow.lines)


@pytest.fixture
def on_tcp() -> Iterator[SlowSite]:
    """The same where the hook listens on TCP: one queue for both handlers."""
    running = SlowSite(on_tcp=True)
    try:
        yield running
    finally:
        running.stop()


def test_one_queue_for_all_gives_way(on_tcp: SlowSite) -> None:
    """What finds its places taken comes again later, and another handler's replies pass."""
    on_tcp.flood(40)
    wait_until(lambda: on_tcp.at_once == 16, 30, "all its places are taken")
    assert max(on_tcp.posted_within(15, f"tcp-{number}") for number in range(3)) < 15
    assert on_tcp.most == 16
