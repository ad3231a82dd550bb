"""Over TCP: no answer waits for a delayed acknowledgement (RFC 9293 section 3.8.6.3), which takes Linux 40 ms."""

import os
import re
import signal
import smtplib
from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic

import pytest

from reply_milter.adapters.clients.milter_client import MilterClient
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port
from tests.wire.milter_alone import DOMAIN, Milter, own_folder
from tests.wire.milter_client import NO_DATA
from tests.wire.postfix_writes import Postfix

pytestmark = pytest.mark.wire

STALL = 0.03  # seconds; a delayed acknowledgement comes after 40 ms
MESSAGES = 12  # Linux acknowledges the first segments of a connection at once
BODY = b"This is a line of a reply, of some seventy octets, as people write.\r\n" * 22


@pytest.fixture(scope="module")
def milter(engine: str) -> Iterator[Milter]:
    """A daemon that verifies, mints and delivers over TCP."""
    with own_folder() as folder:
        running = Milter(folder, free_port(), engine=engine)
        sign, hook = free_port(), free_port()
        with open(running.config, "a") as file:
            file.write(f'[sign]\nsocket = "inet:{sign}@127.0.0.1"\ntrusted = ["192.0.2.1"]\n')
            file.write(f'[delivery]\nlisten = "inet:{hook}@127.0.0.1"\n')
        running.daemon.start()
        yield running
        running.daemon.stop()


def _port(milter: Milter, key: str) -> int:
    """The port of a table of the configuration file."""
    found = re.search(rf'(?m)^\[{key}\]\n.*"inet:(\d+)@', milter.config.read_text())
    assert found
    return int(found[1])


def _fields(*more: tuple[str, str]) -> list[tuple[str, str]]:
    date, sender = "Sat, 21 Nov 2026 12:00:00 +0000", "Alice <alice@client.example>"
    common = [("Received", f"from client.example by mx.example.com; {date}"), ("Date", date), ("From", sender)]
    return [*common, *more, *((f"X-Field-{number}", "of some length " * 5) for number in range(14))]


def _quick(waits: Callable[[], list[float]]) -> None:
    """Look at the waits of ``MESSAGES`` messages. On a busy machine some are long: the best of three tries counts."""
    tries = []
    for _ in range(3):
        tries.append(waits())
        if sum(wait > STALL for wait in tries[-1]) <= MESSAGES // 4:
            return
    raise AssertionError(f"answers took more than {STALL} s: {tries}")


def _seconds(step: Callable[[], bool]) -> float:
    begun = monotonic()
    assert step()
    return monotonic() - begun


def test_replies_do_not_wait(milter: Milter) -> None:
    """Header edits and the final answer are writes of their own."""

    def waits() -> list[float]:
        with Postfix(milter.place) as mta:
            for number in range(MESSAGES):
                minted = milter.mint()
                named = ("Message-ID", f"<{number}@client.example>"), ("In-Reply-To", f"<{minted.message_id}>")
                answer = mta.message([minted.address], _fields(*named, ("X-Reply-Verdict", "a")), BODY)
                assert len(answer.edits) == 2
            return mta.waits

    _quick(waits)


def test_ordinary_mail_does_not_wait(milter: Milter) -> None:
    """Behind the macros of DATA, which are not answered if the step is declined."""

    def waits() -> list[float]:
        with Postfix(milter.place) as mta:
            assert not mta.steps & NO_DATA
            for _ in range(MESSAGES):
                assert mta.message(["bob@example.com"], _fields(), BODY).code == b"c"
            return mta.waits

    _quick(waits)


def test_mail_without_a_header_is_answered(milter: Milter) -> None:
    """libmilter lets no body follow DATA, but for the end of the header that we ask for with it."""
    with Postfix(milter.place) as mta:
        for _ in range(2):
            assert mta.message(["bob@example.com"], [], BODY).code == b"c"
            assert mta.message([milter.mint().address], [], b"").text.startswith("550 5.7.1")
    with Postfix(("127.0.0.1", _port(milter, "sign"))) as mta:
        assert mta.message(["bob@example.com"], [], BODY).code == b"c"


def test_notifications_do_not_wait(milter: Milter) -> None:
    """In sign mode: what asks for nothing, and what has three fields changed."""

    def waits() -> list[float]:
        with Postfix(("127.0.0.1", _port(milter, "sign"))) as mta:
            for number in range(MESSAGES):
                asks = ("X-Reply-Mint", f"handler=issue; user=42; locator=wire/{number}")
                fields = [("From", "shop@example.com"), ("Subject", "News"), *([asks] if number % 2 else [])]
                answer = mta.message(["alice@client.example"], fields, BODY)
                assert bool(answer.edits) is bool(number % 2)
            return mta.waits

    _quick(waits)


def test_refused_recipients_do_not_wait(milter: Milter) -> None:
    """RSET and the next MAIL go out together."""

    def waits() -> list[float]:
        with Postfix(milter.place) as mta:
            for _ in range(MESSAGES):
                assert mta.message([f"reply+junk@{DOMAIN}"], (), b"").code == b"y"
            return mta.waits

    _quick(waits)


def test_the_canary_does_not_wait(milter: Milter) -> None:
    """Our own milter client sends macros and RCPT as two packets."""
    host, port = milter.place if isinstance(milter.place, tuple) else ("", 0)

    def waits() -> list[float]:
        with closing(MilterClient("", host, port, "2001:db8::1", 15)) as client:
            return [
                _seconds(lambda: client.recipient(f"reply+junk@{DOMAIN}").startswith("550")) for _ in range(MESSAGES)
            ]

    _quick(waits)


def test_the_hook_does_not_wait(milter: Milter) -> None:
    """An answer of several lines, and those of one line."""
    commands = ("LHLO mx.example.com", "MAIL FROM:<a@b.example>", f"RCPT TO:<reply@{DOMAIN}>", "RSET")

    def waits() -> list[float]:
        with smtplib.LMTP("127.0.0.1", _port(milter, "delivery")) as client:
            return [
                _seconds(lambda line=line: client.docmd(line)[0] == 250)  # type: ignore[misc]
                for _ in range(MESSAGES)
                for line in commands
            ]

    _quick(waits)


def test_a_worker_that_was_started_again_does_not_wait(milter: Milter) -> None:
    """What cures it belongs to the socket that the supervisor keeps."""
    (worker,) = milter.daemon.workers()[:1]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in milter.daemon.workers() and len(milter.daemon.workers()) > 1, 10, "it is back")
    test_replies_do_not_wait(milter)
