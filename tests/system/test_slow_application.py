"""A slow application delays no other handler's replies, behind a real Postfix with its own back-off."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.hosts.delivery_site import HOOKED, DeliverySite
from tests.support.hosts.receiver import SECRET, Receiver, Request
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

    def __init__(self, more_main_cf: str = "", other_id: int = 702, port: int = 0) -> None:
        self.other = Receiver()
        self.gate = threading.Event()
        self._lock = threading.Lock()
        self.at_once = self.most = 0
        layout = replace(HOOKED, more=more_main_cf)  # Postfix comes again when it would: after minutes
        handlers = OTHER.replace("URL", self.other.url).replace("SECRET", SECRET).replace("702", str(other_id))
        self.host = DeliverySite(layout=layout, handlers=handlers)
        self.host.site.replace_in_settings("timeout_seconds = 2", "timeout_seconds = 60")
        if port:
            unix = f"unix:{self.host.site.mta.socket_folder}/lmtp.sock"
            self.host.site.replace_in_settings(unix, f"inet:{port}@127.0.0.1")
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

    def flood(self) -> None:
        """Many replies to the slow one."""
        for number in range(REPLIES):
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


def test_handlers_that_share_a_queue_get_past_each_other() -> None:
    """Their numbers differ by 32: the slow one leaves connections free, and what it can't take then waits."""
    shared = SlowSite(other_id=33)
    try:
        shared.flood()
        assert max(shared.posted_within(20, f"other-{number}") for number in range(3)) < 20
        assert shared.most == 12
        busy = [line for line in shared.lines if "status=deferred" in line]
        assert busy and all("Too many replies for this handler" in line for line in busy)
    finally:
        shared.stop()


def test_a_hook_on_tcp_has_one_queue_and_a_larger_limit() -> None:
    """As docs/delivery.md says: no name for each handler, and more connections than one handler has places."""
    port = free_port()
    page = Path("docs/delivery.md").read_text()
    (lines,) = re.findall(r"(?m)^    reply_nexthop = inet:.*\n(?:    .*\n)+", page)
    tcp = SlowSite(re.sub(r"(?m)^ {4}", "", lines).replace("127.0.0.1:2424", f"127.0.0.1:{port}"), port=port)
    try:
        tcp.flood()
        assert max(tcp.posted_within(20, f"other-{number}") for number in range(3)) < 20
        assert tcp.most == 16
    finally:
        tcp.stop()
