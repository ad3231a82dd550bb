"""kill -9 at each stage of a message, against a client that tries again until it hears 250: each arrives once, sealed.

The stages are SMTP's; at ``answering`` the store is paused, so that the worker dies between its claim and its answer.
"""

import smtplib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from reply_milter.core.token.mint import MintedAddress
from reply_milter.wiring.stores import store_url
from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.site_under_test import Site, reply

pytestmark = pytest.mark.system

ROUNDS = 50 if LONG else 2
STAGES = ("connected", "MAIL", "RCPT", "DATA", "answering", "answered")
RETRY_SECONDS = 60


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A host with a patient store, so that a pause of it can be used to kill a worker in mid-claim."""
    running = Site(timeout_ms=3000)
    try:
        yield running.start()
    finally:
        running.stop()


def _try(site: Site, minted: MintedAddress, name: str, at: Callable[[str], None] = lambda stage: None) -> bool:
    """One attempt; ``at`` is called at each stage. True for a 250 after the final dot."""
    try:
        with site.client() as client:
            at("connected")
            for stage, command in (
                ("MAIL", "MAIL FROM:<alice@client.example>"),
                ("RCPT", f"RCPT TO:<{minted.address}>"),
            ):
                if client.docmd(command)[0] != 250:
                    return False
                at(stage)
            if client.docmd("DATA")[0] != 354:
                return False
            at("DATA")
            at("answering")
            client.send(reply(minted, name) + b".\r\n")
            taken = client.getreply()[0] == 250
            at("answered")
            return taken
    except (smtplib.SMTPException, OSError):
        return False


def _until_taken(site: Site, minted: MintedAddress, name: str) -> None:
    deadline = time.monotonic() + RETRY_SECONDS
    while not _try(site, minted, name):
        assert time.monotonic() < deadline, f"{name} was never taken: {site.daemon.log()[-1500:]}"
        time.sleep(0.05)


def _restart(site: Site) -> None:
    """What a service manager does after the supervisor was killed."""
    site.daemon.kill()
    site.daemon.log_path.rename(site.daemon.log_path.with_suffix(".before"))
    site.daemon.start()


def _pause_store_then(site: Site, deed: Callable[[], object]) -> threading.Thread:
    """Hold the store's writes, and do ``deed`` while a claim waits for them."""
    with redis.Redis.from_url(store_url(site.settings.config)) as client:
        client.execute_command("CLIENT", "PAUSE", "400", "WRITE")

    def later() -> None:
        time.sleep(0.15)
        deed()

    thread = threading.Thread(target=later)
    thread.start()
    return thread


def _deliver_with_a_kill(site: Site, stage: str, name: str, deed: Callable[[Site], object]) -> None:
    minted = site.mint(locator=f"kill/{stage}")
    threads: list[threading.Thread] = []

    def at(reached: str) -> None:
        if reached == stage == "answering":
            threads.append(_pause_store_then(site, lambda: deed(site)))
        elif reached == stage:
            deed(site)

    taken = _try(site, minted, name, at)
    for thread in threads:
        thread.join()
    if not taken:
        _until_taken(site, minted, name)


def _assert_one_sealed_arrival(site: Site, fault: str, names: list[str], began: float) -> None:
    site.arrived("X-Seq", names[-1], 1)
    arrivals = [site.arrived("X-Seq", name, 1) for name in names]
    found = Outcome(fault, messages=len(names), seconds=round(time.monotonic() - began, 1))
    found.doubled = sum(len(messages) > 1 for messages in arrivals)
    found.untagged = sum(not isinstance(message.tags, dict) for messages in arrivals for message in messages)
    found.demand(not found.doubled and not found.untagged, f"{found.doubled} doubled, {found.untagged} untagged")
    found.figures["kills"] = len(names)
    found.tell()


@pytest.mark.parametrize("stage", STAGES)
def test_killed_workers_lose_and_double_nothing(site: Site, stage: str) -> None:
    """All workers at once, at this stage of the message."""
    began, names = time.monotonic(), [f"worker-{stage}-{number}" for number in range(ROUNDS)]
    for name in names:
        _deliver_with_a_kill(site, stage, name, lambda broken: broken.daemon.kill_workers())
    _assert_one_sealed_arrival(site, f"kill-workers-{stage}", names, began)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_supervisor_loses_and_doubles_nothing(site: Site, stage: str) -> None:
    """The whole tree dies with it, the store too; a service manager starts it again."""
    began, names = time.monotonic(), [f"supervisor-{stage}-{number}" for number in range(max(1, ROUNDS // 4))]
    for name in names:
        _deliver_with_a_kill(site, stage, name, _restart)
    _assert_one_sealed_arrival(site, f"kill-supervisor-{stage}", names, began)
