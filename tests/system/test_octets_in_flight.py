"""Large messages, many at once: what the hook takes of them, what that costs, and that it is given back."""

import base64
import os
import re
import smtplib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.seal.verdict_header import seal
from tests.support.fakes import NOW
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.hooked import TAGS
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

MESSAGES = 10
OCTETS = 24 << 20
ROOM = 64 << 20
# One message in all its forms (as it came, read, as JSON, encoded) takes six times its octets at its worst moment.
PEAK_OCTETS = 6 * (ROOM // 2 + OCTETS)


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """A hook that posts."""
    running = DeliverySite()
    running.site.replace_in_settings("timeout_seconds = 2", "timeout_seconds = 60")
    running.receiver.keeps_bodies = False
    try:
        yield running.start()
    finally:
        running.stop()


def _hook(host: DeliverySite) -> int:
    """The process that has the socket open, by what it logs."""
    (pid,) = re.findall(r"started worker delivery0, process (\d+)", host.site.daemon.log())
    return int(pid)


def _resident(pid: int, name: str = "VmRSS") -> int:
    """Octets."""
    found = re.search(rf"(?m)^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) << 10


def _message(host: DeliverySite, number: int) -> bytes:
    attachment = base64.encodebytes(os.urandom(1 << 20)).replace(b"\n", b"\r\n") * (OCTETS // (1 << 20) * 3 // 4)
    body = (
        b"--x\r\nContent-Type: text/plain\r\n\r\nYes.\r\n--x\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + attachment + b"--x--\r\n"
    )
    digest = BodyDigest()
    digest.feed(body)
    expires = str(NOW + 10 * 365 * 86400)
    tags = {**TAGS, "id": "a" * 24 + "bcdefghijk"[number // 10] + "bcdefghijk"[number % 10], "expires": expires}
    sealed = seal({**tags, "body": digest.text()}.items(), host.site.settings.seal_keys[0])
    head = f"X-Reply-Verdict: {sealed}\r\nFrom: alice@client.example\r\nMIME-Version: 1.0\r\n"
    return head.encode() + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + body


def _hand_in(host: DeliverySite, recipient: str, message: bytes) -> int:
    """The hook's answer."""
    with smtplib.LMTP(str(host.site.mta.socket_folder / "lmtp.sock"), local_hostname="mx", timeout=120) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("alice@client.example")
        client.rcpt(recipient)
        try:
            return client.data(message)[0]
        except smtplib.SMTPDataError as error:
            return error.smtp_code


def test_many_large_messages_take_bounded_memory_and_give_it_back(host: DeliverySite) -> None:
    """10 of 24 MB at once: the rest is deferred and reported, and accepted when the MTA retries."""
    pid, recipient = _hook(host), host.site.mint(locator="large").address
    assert _hand_in(host, recipient, _message(host, 0)) == 250
    before = _resident(pid)
    messages = [_message(host, number) for number in range(10, 10 + MESSAGES)]
    turned_away = threading.Event()  # until then the application takes its time
    host.receiver.answer = lambda _request: 204 if turned_away.wait(50) else 503

    def hand_in(number: int) -> int:
        code = _hand_in(host, recipient, messages[number])
        if code == 452:
            turned_away.set()
        return code

    answers = dict.fromkeys(range(MESSAGES), 0)
    with ThreadPoolExecutor(MESSAGES) as threads:
        while left := [number for number, code in answers.items() if code != 250]:
            found = list(threads.map(hand_in, left))
            assert set(found) <= {250, 451, 452} and 250 in found, found
            answers.update(zip(left, found, strict=True))
    peak = _resident(pid, "VmHWM")
    print(f"\nresident before {before >> 20} MiB, at most {peak >> 20} MiB, after {_resident(pid) >> 20} MiB")
    assert len({call.headers["webhook-id"] for call in host.receiver.calls}) == MESSAGES + 1
    assert peak - before < PEAK_OCTETS
    wait_until(lambda: _resident(pid) - before < OCTETS, 10, "memory that is given back")
    metrics = host.site.metrics()
    assert metrics["reply_milter_delivery_bytes_in_flight"] == 0
    assert metrics['reply_milter_deliveries_turned_away_total{handler="issue",reason="octets"}'] > 0
    assert "deferred a message to the MTA: handler=issue reason=octets" in host.site.daemon.log()
