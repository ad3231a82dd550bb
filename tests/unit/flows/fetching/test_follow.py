"""A mailbox is followed: looked at after each report of its server, and opened anew after each trouble."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.delivery.outcome import Later
from reply_milter.flows.fetching.follow import Pace, follow
from reply_milter.ports.mailbox import MailboxUnavailableError
from tests.support.fake_mailbox import FakeMailbox
from tests.support.hosts.fetching import Fetching


@pytest.fixture
def host(tmp_path: Path) -> Fetching:
    """A host with an empty mailbox."""
    return Fetching(tmp_path)


def followed(host: Fetching, turns: int, rest: Callable[[float], None] = lambda _seconds: None) -> None:
    """Let the flow ask so often whether it goes on; chance adds nothing to delays."""
    left = turns

    def goes_on() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    follow(lambda: host.service, Pace(rest, lambda: 1.0, nullcontext()), goes_on)


def test_it_looks_after_each_wait(host: Fetching) -> None:
    """And closes at its end."""
    host.arrive(user=1)
    followed(host, 4)
    assert (host.told.connects, len(host.told.looks), host.handed) == (1, 3, 1)
    assert host.mailbox.calls.count("wait") == 3


def test_trouble_waits_longer_and_longer(host: Fetching) -> None:
    """Until it is over; then the first delay is short again."""
    host.mailbox.unavailable = "no route"
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 3:
            host.mailbox.unavailable = ""

    host.mailbox.before = lambda name: setattr(host.mailbox, "unavailable", "cut") if name == "wait" else None
    followed(host, 8, rest)
    assert rests[:4] == [1.0, 2.0, 4.0, 1.0]
    assert host.told.connects >= 1


def test_an_error_of_ours_is_no_end(host: Fetching) -> None:
    """It is logged with its traceback, and the mailbox is opened anew."""

    def broken(name: str) -> None:
        if name == "uids_after" and host.told.accidents == 0:
            raise ZeroDivisionError

    host.mailbox.before = broken
    host.arrive()
    followed(host, 6)
    assert (host.told.accidents, host.handed, host.told.waits) == (1, 1, [1.0])


@pytest.mark.parametrize("idles,poll,longest", [(True, 60, 540.0), (False, 60, 60.0), (False, 7, 7.0)])
def test_how_long_it_waits(
    host: Fetching, monkeypatch: pytest.MonkeyPatch, idles: bool, poll: int, longest: float
) -> None:
    """Nine minutes where the server reports new mail; less, if an open message falls due before."""
    waits: list[float] = []
    monkeypatch.setattr(FakeMailbox, "wait", lambda _self, seconds: waits.append(seconds))
    host.service = replace(host.service, rules=replace(host.service.rules, poll_seconds=poll, idles=idles))
    followed(host, 2)
    host.hook.deliverer.script = [Later("busy")]
    host.arrive()
    followed(host, 2)
    assert waits == [longest, min(longest, 15.0)]


def test_a_connection_that_breaks_after_some_work_is_made_anew_soon(host: Fetching) -> None:
    """However often it breaks."""
    for user in range(1, 5):
        host.arrive(user=user)
    searches = 0

    def broken(name: str) -> None:
        nonlocal searches
        searches += name == "uids_after"
        if name == "uids_after" and searches % 2 == 0:
            host.arrive(user=10 + searches)
            raise MailboxUnavailableError("cut")

    host.mailbox.before = broken
    rests: list[float] = []
    followed(host, 12, rests.append)
    assert rests[:4] == [1.0] * 4
