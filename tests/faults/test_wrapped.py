"""Faults while notifications leave wrapped and their answers come back: none is lost, doubled, or given to another."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.faults.alone import own_redis
from tests.faults.conversations import Conversations, cases
from tests.faults.distance import Distance
from tests.faults.disturbance import Every
from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.receiver import SECRET, Receiver
from tests.support.hosts.wrapping_site import WrappingSite
from tests.support.notifications import handmade
from tests.support.stores.redis_under_test import RedisUnderTest
from tests.wire.milter_alone import own_folder
from tests.wire.milter_client import CONTINUE, Mta

pytestmark = [pytest.mark.system, pytest.mark.redis]

WANTED = 600 if LONG else 24
TIMED = 100 if LONG else 12
SLACK_MS = 20 if LONG else 100  # a figure is to be measured by itself; a short form runs beside anything
STORE_MS = 50  # what a notification may wait for the store
SLOW_MS = 40


@pytest.fixture(scope="module")
def store() -> Iterator[RedisUnderTest]:
    """A Redis that a test stops."""
    with own_redis() as server:
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """The applications' endpoint: takes each id once."""
    running = Receiver()
    yield running
    running.close()


@pytest.fixture(scope="module")
def host(store: RedisUnderTest, receiver: Receiver) -> Iterator[WrappingSite]:
    """A host whose applications get their answers by HTTP, with the id that tells a repetition."""
    webhook = f'type = "webhook"\nformat = "raw"\nurl = "{receiver.url}"\nsecret = "{SECRET}"\ntimeout_seconds = 2'
    running = WrappingSite(webhook, ("discourse", "gitea", "redmine"))
    running.site.configure_text(lambda text: text.replace('url = "embedded"', f'url = "{store.url}"'))
    running.site.configure_text(lambda text: text.replace("timeout_ms = 2000 ", "timeout_ms = 200 "))
    try:
        yield running.start()
    finally:
        running.stop()


def _kill(host: WrappingSite, _: RedisUnderTest) -> None:
    """All of them: verify, sign, and the hook."""
    host.site.daemon.kill_workers()


def _stop_store(_: WrappingSite, store: RedisUnderTest) -> None:
    store.signal(signal.SIGSTOP)
    time.sleep(1)
    store.signal(signal.SIGCONT)


def _kill_store(_: WrappingSite, store: RedisUnderTest) -> None:
    store.signal(signal.SIGKILL)
    store.stop()
    time.sleep(0.5)
    store.start()


def _reload(host: WrappingSite, _: RedisUnderTest) -> None:
    with suppress(AssertionError):  # a worker that is busy may be late
        host.site.daemon.reload()


def _rotate(host: WrappingSite, _: RedisUnderTest) -> None:
    """A new key verifies first, and then mints; the old one goes on verifying."""
    for deed in ("add", "promote"):
        name = [host.site.settings.keyring.keys[-1].id] if deed == "promote" else []
        argv = [sys.executable, "-m", "reply_milter", "keys", deed, *name, "--config", str(host.site.config)]
        subprocess.run(argv, check=True, capture_output=True, timeout=60, cwd="/")
        host.site.daemon.reload()


FAULTS: dict[str, tuple[Callable[[WrappingSite, RedisUnderTest], None], float]] = {
    "wrapped-workers-killed": (_kill, 0.7),
    "wrapped-store-stopped": (_stop_store, 0.5),
    "wrapped-store-killed": (_kill_store, 0.7),
    "wrapped-reloads": (_reload, 0.3),
    "wrapped-keys-rotated": (_rotate, 0.5),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_doubled_or_given_to_another(
    host: WrappingSite, store: RedisUnderTest, receiver: Receiver, fault: str
) -> None:
    """From the notification to the application, while this happens again and again."""
    deed, seconds = FAULTS[fault]
    receiver.calls.clear()
    receiver.posts.clear()
    began = time.monotonic()
    disturbed = Every(seconds, lambda: deed(host, store), at_most=40 if LONG else 4)
    with disturbed:
        held = Conversations(host, receiver).hold(cases(fault, WANTED))
    lost, doubled, wrong = held.effects()
    found = Outcome(fault, messages=2 * WANTED, tries=held.tries, deferred=held.deferred, dropped=held.dropped)
    found.seconds, found.lost, found.doubled = round(time.monotonic() - began, 1), lost, doubled
    found.refused = len(held.refused)
    found.figures = {"times": disturbed.times, "to another": wrong}
    found.demand(len(held.answers) == WANTED, f"only {len(held.answers)} notifications left")
    found.demand(not held.refused, f"refused: {held.refused[:3]}")
    found.demand(not (lost or doubled or wrong), f"{lost} lost, {doubled} doubled, {wrong} to another")
    found.demand(disturbed.times > 0, "nothing happened")
    found.tell()


def _asked(host: WrappingSite, name: str, natives: int) -> float:
    """Milliseconds from the end of a notification to the sign milter's answer."""
    case = handmade("discourse", name=name)
    others = [handmade("discourse", name=f"{name} {number}").native for number in range(natives - 1)]
    with Mta(host.site.mta.socket_folder / "sign.sock") as mta:
        mta.connect("127.0.0.1")
        mta.macros(b"M", auth_authen="shop@example.com")
        mta.mail(f"<{case.sender}>")
        mta.rcpt(f"<{case.recipient}>", case.recipient)
        mta.header("From", case.sender)
        mta.header("Message-ID", f"<{os.urandom(4).hex()}@discourse.example.com>")
        mta.header("Reply-To", ", ".join([case.native, *others]))
        began = time.monotonic()
        said = mta.end_of_message()
        seconds = time.monotonic() - began
    assert said.code == CONTINUE and said.edits, "it leaves with its capsule"
    return 1000 * seconds


@pytest.fixture(scope="module")
def distance(store: RedisUnderTest) -> Iterator[Distance]:
    """A proxy before that Redis."""
    with own_folder() as folder:
        proxy = Distance(folder, store)
        yield proxy
        proxy.stop()


@pytest.fixture(scope="module")
def far(distance: Distance) -> Iterator[WrappingSite]:
    """A host whose store is as far as the proxy says."""
    running = WrappingSite(wraps=("discourse",))
    running.site.configure_text(lambda text: text.replace('url = "embedded"', f'url = "{distance.url}"'))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.parametrize("natives", [1, 8])
@pytest.mark.parametrize("store_is", ["near", "hanging", "slow"])
def test_no_notification_waits_for_the_store(
    far: WrappingSite, distance: Distance, store: RedisUnderTest, store_is: str, natives: int
) -> None:
    """However many addresses it holds: 50 ms at most, and without the copy it leaves with its capsule."""
    fault = f"wrapped-store-{store_is}-{natives}"
    distance.milliseconds = 0
    time.sleep(0.6)  # its breaker is closed by the next answer
    _asked(far, "warm", 1)
    times = []
    if store_is == "hanging":
        store.signal(signal.SIGSTOP)
    distance.milliseconds = SLOW_MS if store_is == "slow" else 0
    try:
        times = sorted(_asked(far, f"{fault} {number}", natives) for number in range(TIMED))
    finally:
        store.signal(signal.SIGCONT)
        distance.milliseconds = 0
    found = Outcome(fault, messages=TIMED, tries=TIMED, slowest_ms=round(times[-1], 1))
    found.p50_ms, found.p99_ms = round(statistics.median(times), 1), round(times[int(0.99 * TIMED)], 1)
    third = times[-3]  # as many wait before a store that hangs is asked no more; a busy machine may delay one or two
    found.demand(third <= STORE_MS + SLACK_MS, f"three of them took {third:.0f} ms and more")
    found.tell()
