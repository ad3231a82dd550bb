"""A milter on TCP behind a real Postfix: a message takes as long as on a unix socket, without waits."""

import statistics
from collections.abc import Iterator
from time import monotonic

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

MESSAGES = 15
STALL = 0.03  # seconds; a delayed acknowledgement comes after 40 ms, and a message has several chances to wait for one


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, Site]]:
    """Two hosts that differ in the milter's socket: unix, and inet."""
    port = free_port()
    place = f'socket = "inet:{port}@127.0.0.1"'
    entry = f"\nsmtpd_milters = {{ inet:127.0.0.1:{port}, default_action=tempfail }}\n"
    by_unix = Site()
    by_inet = Site({'(?m)^socket = "unix:.*verify.sock"': place}, Layout(more=entry))
    by_inet.daemon.socket = None
    try:
        yield by_unix.start(), by_inet.start()
    finally:
        by_unix.stop()
        by_inet.stop()


def _ordinary(_site: Site, name: str) -> tuple[str, bytes]:
    return "bob@example.com", f"From: alice@client.example\r\nX-Seq: {name}\r\n\r\nHello.\r\n".encode()


def _answer(site: Site, name: str) -> tuple[str, bytes]:
    minted = site.mint(locator="tcp/1")
    return minted.address, reply(minted, name, "X-Reply-Verdict: forged")


@pytest.mark.parametrize("kind", ["ordinary", "reply"])
def test_a_message_takes_no_longer_over_tcp(sites: tuple[Site, Site], kind: str) -> None:
    """One SMTP session at each, messages in turn; what the machine does besides meets both."""
    taken: tuple[list[float], list[float]] = ([], [])
    with sites[0].client() as first, sites[1].client() as second:
        for number in range(MESSAGES):
            for site, client, seconds in zip(sites, (first, second), taken, strict=True):
                recipient, message = (_ordinary if kind == "ordinary" else _answer)(site, f"{kind}-{number}")
                begun = monotonic()
                client.mail("<alice@client.example>")
                client.rcpt(f"<{recipient}>")
                assert client.data(message)[0] == 250
                seconds.append(monotonic() - begun)
    by_unix, by_inet = (statistics.median(one) for one in taken)
    assert by_inet - by_unix < STALL, f"{by_unix * 1e3:.1f} ms on a unix socket, {by_inet * 1e3:.1f} ms over TCP"
