"""A flood of the messages that cost the most, beside ordinary mail, through a real Postfix.

Whoever has one genuine address can send these. They must cost what their octets cost: one field that keeps the
interpreter busy for a second keeps everybody waiting for a second, for all threads of a process share one lock.
"""

import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from reply_milter.core.token.mint import MintedAddress
from tests.faults.clients import ALICE
from tests.faults.outcome import LONG, milliseconds
from tests.support.hosts.site_under_test import Site, reply

pytestmark = pytest.mark.system

ATTACKERS = 2  # of each kind at a time; the machine has to carry Postfix and these clients, too
ORDINARY = 1_000 if LONG else 60
P99_MS = 500.0
_ROOM = 56_000  # characters of a field; four of them make a message of 225 kB, just below our limit on a header
_CJK = "".join(chr(0x4E00 + (7919 * index) % 20_000) for index in range(330))
_LABELS = ".".join(_CJK[start : start + 20] for start in range(0, 80, 20))


def _fill(piece: str) -> str:
    return piece * (_ROOM // len(piece.encode()))


def _four(value: str) -> list[str]:
    """The same in every field that is read for addresses."""
    return [f"{name}: {value}" for name in ("From", "Sender", "Reply-To", "Reply-To")]


FLOODS: dict[str, list[str]] = {
    "blanks": _four(f"Alice <alice{' ' * _ROOM}x@client.test>"),
    "dots": _four(f"Alice <alice{_fill('. ')}x@client.test>"),
    "at signs": _four(f"Alice <alice{_fill('@')}x@client.test>"),
    "commas": _four(_fill(",")),
    "mailboxes": _four(_fill("a@b,")),
    "brackets": _four(_fill("<>")),
    "quotes": _four(_fill('"')),
    "comments": _four(_fill("(")),
    "backslashes": _four('"' + _fill("\\")),
    "long domains": _four(_fill(f"a@{_CJK}.example,")),
    "domains": _four(_fill(f"reply+a@{_LABELS}.example,")),
    "ids": [f"{name}: {_fill('<')}" for name in ("In-Reply-To", "References", "Message-ID")],
    "one list of ids": [f"In-Reply-To: {_fill('<') * 4}"],
    "closing brackets": [f"In-Reply-To: {_fill(')') * 4}"],
    "last ids": [f"References: {_fill('<') * 4}"],
    "words": [f"{name}: {_fill('a@b ')}" for name in ("In-Reply-To", "References")],
    "seals": [f"X-Reply-Verdict: {_fill('a=b;')}"] * 4,
    "marks": [f"{name}: {_fill('(')}" for name in ("Auto-Submitted", "Precedence", "Content-Type")],
    "fields": ["Reply-To: a@b"] * 1_900,
}  # fmt: skip


def _letter(address: MintedAddress, lines: list[str]) -> bytes:
    named = {line.partition(":")[0] for line in lines}
    head, body = reply(address, "flood").split(b"\r\n\r\n", 1)
    kept = [line for line in head.split(b"\r\n") if line.partition(b":")[0].decode() not in named]
    return b"\r\n".join([*(line.encode() for line in lines), *kept, b"", body])


def _send(client: smtplib.SMTP, recipient: str, message: bytes) -> str:
    """The last answer, or the first that is a refusal."""
    for command in (f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{recipient}>", "DATA"):
        code, text = client.docmd(command)
        if code >= 400:
            return f"{code} {text.decode()}"
    client.send(message + b"\r\n.\r\n")
    code, text = client.getreply()
    return f"{code} {text.decode(errors='replace')}"


class _Flood:
    """Clients that send one message repeatedly, each time on a new connection, without a pause."""

    def __init__(self, site: Site, recipient: str, message: bytes) -> None:
        self._site, self._recipient, self._message = site, recipient, message
        self._ending = threading.Event()
        self.answered = threading.Event()
        self.answers: list[str] = []
        self._threads = [threading.Thread(target=self._client) for _ in range(ATTACKERS)]

    def __enter__(self) -> "_Flood":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _client(self) -> None:
        while not self._ending.is_set():
            with suppress(smtplib.SMTPException, OSError), self._site.client() as client:
                self.answers.append(_send(client, self._recipient, self._message))
                self.answered.set()


def _ordinary(site: Site, go_on: Callable[[], bool]) -> tuple[list[float], list[str]]:
    """Mail to a person, one after the other: how long each took, from MAIL to the answer, and what was refused."""
    times: list[float] = []
    refusals: list[str] = []
    message = b"From: joe@client.example\r\nSubject: hello\r\n\r\nHello.\r\n"
    while len(times) < ORDINARY or go_on():
        with site.client() as client:
            began = time.monotonic()
            answer = _send(client, "jane@example.com", message)
            times.append(time.monotonic() - began)
        if answer[:1] != "2":
            refusals.append(answer)
    return times, refusals


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A Postfix with the daemon."""
    running = Site()
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.parametrize("kind", FLOODS)
def test_ordinary_mail_does_not_wait_beside_a_flood(site: Site, kind: str) -> None:
    """At least until the flood was answered once; the first message of a kind is the worst already."""
    minted = site.mint(locator="flood/1")
    with _Flood(site, minted.address, _letter(minted, FLOODS[kind])) as flood:
        times, refusals = _ordinary(site, lambda: not flood.answered.is_set())
    p99, slowest = milliseconds(times, 0.99), milliseconds(times, 1.0)
    print(
        f"\n{kind}: {len(times)} ordinary, p99 {p99} ms, slowest {slowest} ms, beside {len(flood.answers)} of the flood"
    )
    print({answer[:40] for answer in flood.answers})
    assert not refusals
    assert flood.answers and not any(answer.startswith("4") for answer in flood.answers)
    assert p99 <= P99_MS
