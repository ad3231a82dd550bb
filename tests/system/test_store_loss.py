"""A store that loses its memory: replays pass at SMTP time then, and have no second effect."""

from collections.abc import Iterator

import pytest
import redis

from reply_milter.wiring.stores import store_url
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import reply

pytestmark = [pytest.mark.system, pytest.mark.redis]


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """With a hook and an application."""
    running = DeliverySite()
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_replay_after_the_store_lost_its_memory_has_no_second_effect(host: DeliverySite) -> None:
    """Twenty captured replies, sent again before and after: refused, then taken under the same ids, and posted once."""
    site = host.site
    captured = [(minted := site.mint(locator=f"loss/{number}"), reply(minted, number)) for number in range(20)]
    assert {site.send([f"<{minted.address}>"], message)[:3] for minted, message in captured} == {"250"}
    host.posted(20)
    host.delivered()
    again = [site.send([f"<{minted.address}>"], message) for minted, message in captured]
    assert {answer for answer in again if "already received" not in answer} == set()
    with redis.Redis.from_url(store_url(site.settings.config)) as client:
        client.flushall()
    assert {site.send([f"<{minted.address}>"], message)[:3] for minted, message in captured} == {"250"}
    host.delivered()
    assert sorted(host.receiver.posts.values()) == [1] * 20
    assert len(host.receiver.calls) == 20, "the hook remembers by itself"
    again = [site.send([f"<{minted.address}>"], message) for minted, message in captured]
    assert {answer for answer in again if "already received" not in answer} == set(), "they are committed anew"
