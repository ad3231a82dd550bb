"""Failure cases of practice that take more than one conversation; the others lie in ``cases/c-*.case``."""

import signal
import smtplib
from collections.abc import Iterator

import pytest

from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def small() -> Iterator[Site]:
    """A host where replies are small and guesses few."""
    running = Site(
        {"max_message_bytes = 26214400": "max_message_bytes = 5000", "forged_per_minute = 60": "forged_per_minute = 3"}
    )
    try:
        yield running.start()
    finally:
        running.stop()


def rcpt(site: Site, recipient: str, source: str = "127.0.0.1") -> str:
    """The answer to one recipient, to a client at ``source``."""
    with smtplib.SMTP("127.0.0.1", site.mta.port, timeout=30, source_address=(source, 0)) as client:
        client.ehlo("client.example")
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:<{recipient}>")
        return f"{code} {text.decode()}"


def test_c_41_a_reply_that_is_too_large(small: Site) -> None:
    """552 while the client is there, instead of silence; ordinary mail of that size passes."""
    minted = small.mint(locator="large/1")
    heard = small.send([f"<{minted.address}>"], reply(minted, "large", body="x" * 70 + "\r\n" + "y\r\n" * 2000))
    assert heard.startswith("552 5.3.4"), heard
    assert small.send(["<bob@example.com>"], reply(minted, "large", body="y\r\n" * 2000)).startswith("250")
    assert not small.on_record(minted)


def test_c_45_guesses_are_throttled_by_network_and_good_addresses_never(small: Site) -> None:
    """After three in a minute a /24 gets 451; another network does not, and a genuine address is accepted from both."""
    minted = small.mint(locator="guess/1")
    local, _, domain = minted.address.partition("@")
    wrong = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    heard = [rcpt(small, wrong, f"127.0.7.{1 + number}")[:9] for number in range(8)]
    assert heard == ["550 5.7.1"] * 3 + ["451 4.7.1"] * 5
    assert rcpt(small, wrong, "127.0.8.1").startswith("550 5.7.1")
    assert rcpt(small, minted.address, "127.0.7.1").startswith("250")
    assert rcpt(small, "bob@example.com", "127.0.7.1").startswith("250")
    assert rcpt(small, "reply+hello@reply.example.com", "127.0.7.1").startswith("550 5.7.1"), "no guess at a checksum"


def test_c_49_nothing_is_parked_before_a_good_checksum(small: Site) -> None:
    """Otherwise any client could make us write to any address: the configuration refuses it."""
    small.configure({r"\[policy\]": '[policy]\nforged = "park"\nmalformed = "discard"'})
    small.daemon.send(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in small.daemon.log(), 5, "the bad file is told")
    log = small.daemon.log()
    small.configure({})
    assert 'policy.forged: must be one of "defer", "reject"' in log
    assert 'policy.malformed: must be one of "defer", "reject"' in log
