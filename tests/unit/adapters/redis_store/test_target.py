"""What a store's URL may say, whom to believe of several Sentinels, and when a breaker opens and lets through."""

import pytest

from reply_milter.adapters.redis_store import shown, url_mistake
from reply_milter.adapters.redis_store.link.breaker import LIMIT, OPEN_SECONDS, Breaker
from reply_milter.adapters.redis_store.link.target import Kind, Place, read_url
from reply_milter.adapters.redis_store.link.topology import SentinelReport, choose

OLD, NEW = Place("192.0.2.1", 6379), Place("192.0.2.2", 6379)


def test_a_url_of_sentinels_is_taken_apart() -> None:
    """Our login is for Redis; Sentinels have one of their own; both speak TLS."""
    found = read_url(
        "redis+sentinel://u:p%40ss@a,b:1,[2001:db8::1]:5/my%20name/3"
        "?tls=yes&ssl_ca_certs=/etc/ca.pem&sentinel_user=s&sentinel_password=p/w"
    )
    assert (found.kind, found.name, found.db, found.user) == (Kind.SENTINEL, "my name", 3, "u")
    assert found.seeds == (Place("a", 26379), Place("b", 1), Place("2001:db8::1", 5))
    assert found.server_url(found.seeds[2]) == "rediss://u:p%40ss@[2001:db8::1]:5/3?ssl_ca_certs=%2Fetc%2Fca.pem"
    assert found.sentinel_url(found.seeds[0]) == "rediss://s:p%2Fw@a:26379?ssl_ca_certs=%2Fetc%2Fca.pem"


def test_a_url_of_a_cluster_is_taken_apart() -> None:
    """Some of its nodes."""
    found = read_url("redis+cluster://:secret@h1:7000,h2")
    assert (found.kind, found.seeds, found.tls) == (Kind.CLUSTER, (Place("h1", 7000), Place("h2", 6379)), False)
    assert (found.user, found.server_url(found.seeds[0])) == ("default", "redis://:secret@h1:7000/0")


@pytest.mark.parametrize(
    "url, word",
    {
        "redis+sentinel://h": "names no master",
        "redis+sentinel:///name": "host is missing",
        "redis+sentinel://h,/name": "host is missing",
        "redis+sentinel://::1/name": "in brackets",
        "redis+sentinel://h/name/first": "a database is a number",
        "redis+sentinel://h/name?sentinel_user=x": "needs a sentinel_password",
        "redis+cluster://h/1": "only one",
        "redis+cluster://h:70000": "below 65536",
        "redis+cluster://user:hunter2": "below 65536",
        "redis+cluster://h?tls=maybe": '"yes" or "no"',
        "redis+cluster://h?nonsense=hunter2": "cannot read it: redis+cluster://",
        "redis+cluster://h?sentinel_password=hunter2": "no meaning",
        "rediss://h:99999999": "cannot read it: redis://",
    }.items(),
)
def test_mistakes_are_reported_without_secrets(url: str, word: str) -> None:
    """In one line that says what to do."""
    told = url_mistake(url)
    assert word in told
    assert "\n" not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "url",
    ["redis://h", "rediss://u:p@h:1/2", "unix:///s?db=1", "redis+sentinel://a,b,c/n", "redis+cluster://a?tls=yes"],
)
def test_good_ones_are_no_mistake(url: str) -> None:
    """Each form."""
    assert url_mistake(url) == ""


def test_what_is_shown_of_a_url() -> None:
    """Neither user nor password nor options."""
    assert shown("redis+sentinel://u:p@a:1,b/n/3?sentinel_password=x") == "redis+sentinel://a:1,b/n/3"
    assert shown("unix:///run/redis.sock?db=1") == "unix:///run/redis.sock"
    assert shown("embedded") == "embedded"


@pytest.mark.parametrize(
    "said, known, wanted",
    [
        ([], -1, None),
        ([SentinelReport(0, OLD)], -1, OLD),
        ([SentinelReport(3, OLD), SentinelReport(4, NEW)], 3, NEW),
        ([SentinelReport(3, OLD)], 4, None),
        ([SentinelReport(3, OLD), SentinelReport(3, OLD)], 4, None),
        ([SentinelReport(0, OLD), SentinelReport(0, OLD), SentinelReport(0, OLD)], 4, OLD),
        ([SentinelReport(4, NEW)], 4, NEW),
    ],
    ids=[
        "silence",
        "the first",
        "a later failover",
        "cut off, and alone",
        "cut off, two of them",
        "set up anew: all say so",
        "the same",
    ],
)
def test_whom_to_believe_of_three_sentinels(said: list[SentinelReport], known: int, wanted: Place | None) -> None:
    """The newest failover, and never an older one, unless all say so."""
    chosen = choose(said, 3, known)
    assert (chosen.master if chosen else None) == wanted


def test_a_breaker_opens_after_some_failures_in_a_row() -> None:
    """And lets one through in each half second, until that is answered."""
    breaker, now = Breaker(), 100.0
    for _ in range(LIMIT):
        assert breaker.admits(now)
        breaker.failed(now, now + 0.2)
        now += 0.2
    assert not breaker.admits(now + 0.01)
    assert breaker.admits(now + OPEN_SECONDS)
    assert not breaker.admits(now + OPEN_SECONDS + 0.01), "one is out already"
    assert breaker.admits(now + 2 * OPEN_SECONDS), "whatever became of it"
    breaker.answered()
    assert breaker.admits(now + OPEN_SECONDS + 0.02)


def test_an_answer_between_failures_keeps_it_closed() -> None:
    """A store that is slow, but answers."""
    breaker = Breaker()
    for number in range(10):
        breaker.failed(number, number + 0.2)
        breaker.failed(number + 0.3, number + 0.5)
        breaker.answered()
        assert breaker.admits(number + 0.6)


def test_a_stall_that_many_meet_at_once_is_one_failure() -> None:
    """They began before the first of them was given up."""
    breaker = Breaker()
    for number in range(30):
        breaker.failed(100 + number / 1000, 100.2 + number / 1000)
    assert breaker.failures == 1
    assert breaker.admits(100.3)
