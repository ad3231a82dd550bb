"""The wrapped canary of the real daemon: out through the sign socket, in through the verify socket, and restored."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.core.wrapping.canary import READER, SENDER, notification, original
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import wait_until
from tests.support.wrapped_settings import gitea
from tests.wire.milter_client import Mta

pytestmark = pytest.mark.system

PLAIN = "reply_milter_canary_last_success_timestamp_seconds"
LAST = "reply_milter_wrapped_canary_last_success_timestamp_seconds"
INTERVAL = "reply_milter_wrapped_canary_interval_seconds"
GITEA = gitea('type = "maildir"\npath = "/var/mail/gitea"\n')
APPLICATION = '[[sign.application]]\nname = "git"\nnetworks = ["127.0.0.1"]\nhandlers = ["gitea"]\n'


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """A canary of each kind per second, on a host that verifies authors, wraps, and delivers."""
    running = DeliverySite(handlers=GITEA)
    sign = f'[sign]\nsocket = "unix:{running.site.mta.socket_folder}/sign.sock"\n{APPLICATION}\n[store]'
    for old, new in (
        ("[store]", sign),
        ("interval_seconds = 60", "interval_seconds = 1"),
        ('authserv_id = ""', 'authserv_id = "mx.example.com"'),
    ):
        running.site.replace_in_settings(old, new)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def site(host: DeliverySite) -> Site:
    """Its mail host."""
    return host.site


def again(site: Site) -> None:
    """Wait for one more to come back."""
    before = site.metrics()[LAST]
    wait_until(lambda: site.metrics()[LAST] > before, 15, f"a canary comes back: {site.daemon.log()[-2000:]}")


def failed(site: Site, reason: str) -> float:
    """How many failed for that reason."""
    return site.metrics()[f'reply_milter_wrapped_canary_failures_total{{reason="{reason}"}}']


def test_it_comes_back_and_is_no_traffic(site: Site) -> None:
    """No series of real traffic and no log line shows it; it leaves neither a key in the store nor a mark."""
    again(site)
    before, log = site.metrics(), site.daemon.log()
    for _ in range(3):
        again(site)
    after = site.metrics()
    changed = {name.partition("{")[0] for name, value in after.items() if before.get(name) != value}
    others = {
        name
        for name in changed
        if not re.match("reply_milter_(process|redis|canary|wrapped_canary|store_seconds)_", name)
    }
    assert others <= {"reply_milter_key_last_address_expires_timestamp_seconds"}
    claims = 'reply_milter_store_seconds_count{operation="claim"}'
    assert after[claims] >= before[claims] + 3, "the store is tried"
    keys = next(name for name in after if name.startswith("reply_milter_redis_keys{"))
    assert after[keys] == before[keys]
    assert site.daemon.log() == log
    assert after[INTERVAL] == 1 and sum(failed(site, reason) for reason in ("refused", "not_wrapped")) == 0


def test_nobody_else_is_its_application(site: Site) -> None:
    """What a program of this host sends in its name leaves as it came, and is not reported as wrapped."""
    with Mta(site.mta.socket_folder / "sign.sock") as mta:
        mta.connect("127.0.0.1")
        mta.mail(f"<{SENDER}>")
        mta.rcpt(f"<{READER}>")
        for name, value in notification(original("0" * 32), "one"):
            mta.header(name, value)
        assert mta.end_of_message().edits == []
    assert not any(value for name, value in site.metrics().items() if name.startswith("reply_milter_wrapped_total"))


def test_a_sign_socket_that_is_gone_is_noticed(site: Site) -> None:
    """The canary that needs it fails, and the other one does not."""
    again(site)
    plain = site.metrics()[PLAIN]
    socket = site.mta.socket_folder / "sign.sock"
    socket.rename(f"{socket}.away")
    try:
        wait_until(lambda: failed(site, "unreachable") > 0, 15, "a dead canary")
        wait_until(lambda: site.metrics()[PLAIN] > plain, 15, "the other one comes back")
    finally:
        Path(f"{socket}.away").rename(socket)
    log = site.daemon.log()
    assert "the wrapped canary failed: reason=unreachable sign: cannot connect: No such file or directory" in log
    again(site)
    assert "the wrapped canary succeeds again" in site.daemon.log()


def test_it_ends_where_nothing_is_wrapped_any_more(host: DeliverySite) -> None:
    """A reload takes the application away; the other canary goes on."""
    site = host.site
    site.configure_text(lambda text: text.replace(GITEA, "").replace(APPLICATION, ""))
    site.daemon.reload()
    wait_until(lambda: site.metrics()[INTERVAL] == 0, 10, "it is off")
    last, plain = site.metrics()[LAST], site.metrics()[PLAIN]
    wait_until(lambda: site.metrics()[PLAIN] > plain + 1, 15, "two of the others come back")
    assert site.metrics()[LAST] <= last + 1, "one may have been on its way"
    assert failed(site, "internal") == 0
