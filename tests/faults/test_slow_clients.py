"""Clients that take their time: 300 of them in mid-message, an octet a second each, beside good mail."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from tests.faults.arrivals import collect
from tests.faults.clients import ALICE, SmtpClient
from tests.faults.disturbance import Every
from tests.faults.letters import Letter, letters
from tests.faults.outcome import LONG, keep_records, milliseconds, outcome, verdicts
from tests.faults.retrying import Load
from tests.support.hosts.site_under_test import Site

pytestmark = pytest.mark.system

SLOW = 300 if LONG else 30
MESSAGES = 5_000 if LONG else 200
CLIENTS = 4
GOOD_P99_MS = 100 if LONG else 500  # a figure is to be measured by itself; a short form runs beside anything


@pytest.fixture
def site() -> Iterator[Site]:
    """A Postfix with room for all of them."""
    running = Site(
        layout=Layout(more="default_process_limit = 500\nsmtpd_client_connection_count_limit = 0\n"), timeout_ms=200
    )
    try:
        yield running.start()
    finally:
        running.stop()


def _in_mid_message(site: Site, letter: Letter) -> smtplib.SMTP:
    """A client that has begun to send its message."""
    client = site.client()
    client.docmd(f"MAIL FROM:<{ALICE}>")
    assert client.docmd(f"RCPT TO:<{letter.minted.address}>")[0] == 250
    assert client.docmd("DATA")[0] == 354
    return client


@contextmanager
def _slow_clients(site: Site) -> Iterator[list[smtplib.SMTP]]:
    """All of them, each of which sends an octet a second; gone with the block."""
    clients = [_in_mid_message(site, letter) for letter in letters(site.settings, "slow", SLOW)]

    def drip() -> None:
        for client in clients:
            client.send(b"x")

    try:
        with Every(1.0, drip):
            yield clients
    finally:
        for client in clients:
            client.close()


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _poured(site: Site, name: str) -> Load:
    return Load(lambda: SmtpClient(site.mta.port), letters(site.settings, name, MESSAGES), CLIENTS).start().finish()


def test_slow_clients_are_not_noticed(site: Site) -> None:
    """The same load without them and beside them."""
    alone = _poured(site, "without")
    with _slow_clients(site):
        beside = _poured(site, "beside")
        threads = max(_threads(pid) for pid in site.daemon.workers())
    collect(site, beside.records)
    without = milliseconds([record.answers[-1].last for record in alone.records], 0.99)
    figures = {"slow clients": SLOW, "p99 without them ms": without, "most threads of a worker": threads}
    found = outcome("slow-clients", beside, {**figures, **verdicts(beside.records)})
    keep_records("slow-clients", beside)
    found.demand(found.p99_ms <= GOOD_P99_MS, f"p99 is {found.p99_ms} ms")
    found.demand(found.deferred + found.dropped == 0, f"{found.deferred} x 4xx, {found.dropped} dropped")
    found.tell()
