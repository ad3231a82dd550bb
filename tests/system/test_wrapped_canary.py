"""The wrapped canary of the real daemon: out through the sign socket, in through the verify socket, and restored."""

import re
from collections.abc import Iterator

import pytest

from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

LAST = "reply_milter_wrapped_canary_last_success_timestamp_seconds"
INTERVAL = "reply_milter_wrapped_canary_interval_seconds"
GITEA = """
[[handler]]
id = 20
name = "gitea"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{key}@git.example.com"
from = ["noreply@git.example.com"]
[handler.delivery]
type = "maildir"
path = "/var/mail/gitea"
"""
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
