"""What happens to a reply after our yes: the hook dies, a later milter says no, the 250 is lost on the way back.

Each has exactly one effect with an application that stores the id, and never none.
"""

import grp
import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reply_milter.core.token.mint import MintedAddress
from tests.faults.outcome import LONG, Outcome
from tests.support.hosts.delivery_site import HOOKED, DeliverySite
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

KILLS = 200 if LONG else 2
RETRIES = 250 if LONG else 3  # for each way of trying again
LOST = 1000 if LONG else 20
POINTS = ("before open", "before call", "after call", "before commit", "after commit")


@pytest.fixture(scope="module")
def dying() -> Iterator[DeliverySite]:
    """A host whose hook dies on the test's order."""
    running = DeliverySite()
    site = running.site
    program = site.folder / "dying_program.py"
    program.write_bytes(Path(__file__).with_name("dying_program.py").read_bytes())
    points = site.folder / "points"
    points.mkdir()
    points.chmod(0o777)
    site.daemon.program = [str(program)]
    site.daemon.environment = {"DYING_POINT": str(points / "armed"), "DYING_PROCESS": "hook"}
    try:
        yield running.start()
    finally:
        running.stop()


def deliver_all(host: DeliverySite, wanted: int) -> None:
    """Have Postfix try until so many ids had their effect, and nothing is left with it."""
    host.until(lambda: len(host.receiver.posts) >= wanted and not host.site.mta.queue(), 60, f"{wanted} effects")


def tell_effects(fault: str, posts: dict[str, int], wanted: int, began: float, figures: dict[str, float | str]) -> None:
    """One effect each."""
    found = Outcome(fault, messages=wanted, seconds=round(time.monotonic() - began, 1))
    found.figures = {**figures, "effects": sum(posts.values())}
    found.lost, found.doubled = wanted - len(posts), sum(count > 1 for count in posts.values())
    found.demand(not found.lost and not found.doubled, f"{found.lost} without effect, {found.doubled} doubled")
    found.tell()


@pytest.mark.parametrize("point", POINTS)
def test_a_hook_that_dies_has_exactly_one_effect(dying: DeliverySite, point: str) -> None:
    """By SIGKILL, at this point of a delivery."""
    began, receiver, site = time.monotonic(), dying.receiver, dying.site
    receiver.posts.clear()
    armed = site.folder / "points/armed"
    for number in range(KILLS):
        name = f"dying-{point.replace(' ', '-')}-{number}"
        address = site.mint(locator=f"dying/{number}")
        armed.write_text(point)  # its folder lets the daemon remove it
        assert site.send([f"<{address.address}>"], reply(address, name)).startswith("250")
        deliver_all(dying, number + 1)
        assert not armed.exists(), "it was not killed"
    tell_effects(f"hook-killed-{point.replace(' ', '-')}", receiver.posts, KILLS, began, {"kills": KILLS})


@pytest.fixture(scope="module")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeliverySite]:
    """A host where a milter after ours answers 451 the first time, and whose clock can be moved."""
    running = DeliverySite(layout=replace(HOOKED, more=HOOKED.more + "smtpd_milters = $reply_milter, $moody_milter\n"))
    site = running.site
    second_mx = free_port()
    etc = site.postfix.folder / "etc"
    (etc / "main.cf").write_text((etc / "main.cf").read_text() + "moody_milter = unix:reply-milter/moody.sock\n")
    (etc / "master.cf").write_text((etc / "master.cf").read_text() + f"127.0.0.1:{second_mx} inet n - y - - smtpd\n")
    seen = tmp_path_factory.mktemp("seen")
    place = site.postfix.socket_folder / "moody.sock"
    program = [sys.executable, str(Path(__file__).with_name("second_milter.py")), str(place), str(seen)]
    milter = subprocess.Popen(program)
    wait_until(place.exists, 10, "the second milter listens")
    os.chown(place, -1, grp.getgrnam("postfix").gr_gid)
    place.chmod(0o660)
    clock = site.folder / "clock"
    clock.write_text("0")
    moved = site.folder / "moved_clock.py"
    moved.write_bytes(Path(__file__).with_name("moved_clock.py").read_bytes())
    site.daemon.program = [str(moved)]
    site.daemon.environment = {"MOVED_CLOCK": str(clock)}
    running.second_mx = second_mx
    try:
        yield running.start()
    finally:
        running.stop()
        milter.kill()
        milter.wait()


Again = Callable[[DeliverySite, MintedAddress, bytes], str]


def try_it(host: DeliverySite, address: MintedAddress, message: bytes, source: str = "127.0.0.1", port: int = 0) -> str:
    """One attempt of a client."""
    with smtplib.SMTP("127.0.0.1", port or host.site.mta.port, timeout=60, source_address=(source, 0)) as client:
        client.ehlo("client.example")
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:<{address.address}>")
        if code == 250:
            code, text = client.data(message)
        return f"{code} {text.decode()}"


def at_once(host: DeliverySite, address: MintedAddress, message: bytes) -> str:
    """The same once more."""
    return try_it(host, address, message)


def ten_minutes_later(host: DeliverySite, address: MintedAddress, message: bytes) -> str:
    """By the daemon's clock."""
    clock = host.site.folder / "clock"
    clock.write_text(str(int(clock.read_text()) + 600))
    return try_it(host, address, message)


def from_elsewhere(host: DeliverySite, address: MintedAddress, message: bytes) -> str:
    """From another of the sender's hosts."""
    return try_it(host, address, message, "127.0.0.9")


def by_another_route(host: DeliverySite, address: MintedAddress, message: bytes) -> str:
    """With one more trace field."""
    return try_it(host, address, b"Received: from a by b; Sat, 21 Nov 2026 12:10:00 +0000\r\n" + message)


def through_a_second_mx(host: DeliverySite, address: MintedAddress, message: bytes) -> str:
    """Another smtpd, and with it another connection to the milter."""
    return try_it(host, address, message, port=host.second_mx)


@pytest.mark.parametrize(
    "again",
    [at_once, ten_minutes_later, from_elsewhere, by_another_route, through_a_second_mx],
    ids=lambda f: f.__name__,
)
def test_a_later_milter_that_defers_loses_and_doubles_nothing(moody: DeliverySite, again: Again) -> None:
    """The client gets 451 although we accepted the message; its retry is accepted with the same id: one effect."""
    began = time.monotonic()
    moody.receiver.posts.clear()
    moody.receiver.calls.clear()
    for number in range(RETRIES):
        name = f"moody-{again.__name__}-{number}"
        address = moody.site.mint(locator=f"moody/{number}")
        message = reply(address, name)
        assert try_it(moody, address, message).startswith("451 4.7.1 A later milter")
        heard = again(moody, address, message)
        assert heard.startswith("250"), heard
    (moody.site.folder / "clock").write_text("0")  # the application looks at the time of signatures
    deliver_all(moody, RETRIES)
    # By id: on a machine that is busy, an answer may come too late, and the hook calls again.
    calls = moody.receiver.calls
    replays = {call.headers["webhook-id"]: call.json["Reply"]["replay"] for call in calls}  # type: ignore[index]
    assert list(replays.values()) == ["retry"] * RETRIES
    tell_effects(f"later-milter-{again.__name__.replace('_', '-')}", moody.receiver.posts, RETRIES, began, {})


def lose_the_answer(site: Site, address: MintedAddress, message: bytes) -> None:
    """Send all of a message, and go before the answer to its final dot."""
    client = site.client()
    client.docmd("MAIL FROM:<alice@client.example>")
    client.docmd(f"RCPT TO:<{address.address}>")
    assert client.docmd("DATA")[0] == 354
    client.send(message + b".\r\n")
    client.close()


def test_a_250_that_is_lost_has_one_effect_when_it_is_sent_again(dying: DeliverySite) -> None:
    """The retry is accepted until the first is delivered, and afterwards refused as already received."""
    began, receiver, site = time.monotonic(), dying.receiver, dying.site
    receiver.posts.clear()
    messages = []
    for number in range(LOST):
        address = site.mint(locator=f"lost/{number}")
        message = reply(address, f"lost-{number}")
        lose_the_answer(site, address, message)
        messages.append((address, message))
    heard = [site.send([f"<{address.address}>"], message) for address, message in messages]
    expected = ("250", "550 5.7.1 This message was already received")
    assert all(answer.startswith(expected) for answer in heard)
    deliver_all(dying, LOST)
    taken = sum(answer.startswith("250") for answer in heard)
    tell_effects("lost-250", receiver.posts, LOST, began, {"taken again": taken, "called duplicates": LOST - taken})
