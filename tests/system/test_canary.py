"""The canary of the real daemon: it comes and goes, disturbs nothing, and notices what is wrong."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.os.clock import WallClock
from reply_milter.core.token.canary import canary_handler, genuine
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

LAST = "reply_milter_canary_last_success_timestamp_seconds"
JUNK = "reply+" + "0" * 10 + "b" + "a" * 47 + "@reply.example.com"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A canary per second, and one guess per minute for all clients."""
    running = Site({"interval_seconds = 60": "interval_seconds = 1", "forged_per_minute = 60": "forged_per_minute = 1"})
    try:
        yield running.start()
    finally:
        running.stop()


def answer(site: Site, recipient: str) -> str:
    """Return the client's answer at RCPT."""
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:<{recipient}>")
        return f"{code} {text.decode()}"


def again(site: Site) -> None:
    """Wait for one more canary to come back."""
    before = site.metrics()[LAST]
    wait_until(lambda: site.metrics()[LAST] > before, 10, "a canary comes back")


def failures(site: Site, reason: str) -> Callable[[], bool]:
    """Whether one failed for that reason."""
    return lambda: site.metrics()[f'reply_milter_canary_failures_total{{reason="{reason}"}}'] > 0


def store(site: Site) -> int:
    """The process id of the embedded Redis."""
    children = Path(f"/proc/{site.daemon.pid}/task/{site.daemon.pid}/children").read_text().split()
    return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "redis-server")


def test_canaries_are_no_traffic(site: Site) -> None:
    """Several canaries succeed; except the store's, no series and no log line shows them, and no guess was counted."""
    before, log = site.metrics(), site.daemon.log()
    for _ in range(3):
        again(site)
    after = site.metrics()
    changed = {name.partition("{")[0] for name, value in after.items() if before[name] != value}
    of_the_store = {
        "reply_milter_store_seconds_sum",
        "reply_milter_store_seconds_count",
        "reply_milter_store_seconds_bucket",
    }
    others = {name for name in changed - of_the_store if not re.match("reply_milter_(process|redis|canary)_", name)}
    assert others == {"reply_milter_key_last_address_expires_timestamp_seconds"}
    facts = 'reply_milter_store_seconds_count{operation="facts"}'
    assert after[facts] >= before[facts] + 3
    assert site.daemon.log() == log
    assert answer(site, JUNK).startswith("550 5.7.1"), "the first guess of this minute"
    # Two more, because a minute may begin anew in between.
    assert "451 4.7.1" in {answer(site, JUNK)[:9] for _ in range(2)}, "then one is enough"


def test_a_canarys_address_is_forged_for_everybody_else(site: Site) -> None:
    """A client that gets hold of a canary's address gets the usual refusal."""
    settings = site.settings
    handler = canary_handler(settings.config.handlers)
    assert handler is not None
    address = genuine(handler, settings.keyring, settings.config.form, WallClock().now(), 7)
    assert answer(site, address).startswith("550 5.7.1")
    assert "This reply address is not valid" in answer(site, address)


def test_a_store_that_stands_still_is_noticed(site: Site) -> None:
    """And that it goes on."""
    again(site)
    os.kill(store(site), signal.SIGSTOP)
    try:
        wait_until(failures(site, "deferred"), 15, "a dead canary")
    finally:
        os.kill(store(site), signal.SIGCONT)
    assert "the canary failed: reason=deferred 451 4.3.0" in site.daemon.log()
    again(site)
    assert "the canary succeeds again" in site.daemon.log()


def test_a_socket_that_is_gone_is_noticed(site: Site) -> None:
    """After the socket was moved, no MTA can connect."""
    again(site)
    socket = site.mta.socket_folder / "verify.sock"
    socket.rename(f"{socket}.away")
    try:
        wait_until(failures(site, "unreachable"), 10, "a dead canary")
    finally:
        Path(f"{socket}.away").rename(socket)
    assert "the canary failed: reason=unreachable cannot connect: No such file or directory" in site.daemon.log()


def test_the_canary_follows_a_reload(site: Site) -> None:
    """New keys, observe mode, and an interval of 0; and back."""
    site.configure({"interval_seconds = 60": "interval_seconds = 0", 'mode = "enforce"': 'mode = "observe"'})
    site.daemon.reload()
    wait_until(lambda: site.metrics()["reply_milter_canary_interval_seconds"] == 0, 5, "it is off")
    assert site.metrics()["reply_milter_enforcing"] == 0
    last = site.metrics()[LAST]
    site.configure({"interval_seconds = 60": "interval_seconds = 2", 'mode = "enforce"': 'mode = "observe"'})
    site.daemon.reload()
    wait_until(
        lambda: site.metrics()[LAST] > last, 10, "it is on again, and a forged address is refused in observe mode"
    )
