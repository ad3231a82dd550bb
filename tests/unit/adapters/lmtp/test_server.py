"""The LMTP server with a client on a socket pair: what its answers may hold."""

import asyncio
import logging
import socket

import pytest

from reply_milter.adapters.lmtp import LmtpServer
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done
from reply_milter.core.delivery.reply import Envelope
from tests.support.processes.lmtp_under_test import server_of

SECRET = "hunter2hunter2"  # noqa: S105 # of this test alone


async def _said(server: LmtpServer, octets: bytes) -> bytes:
    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(server._conversation, theirs)
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(octets)
    writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def _take(_envelope: Envelope) -> DeliveryOutcome:
    return Done()


def test_an_unknown_command_is_repeated_without_what_is_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """It is not logged, either: a client that does not speak LMTP may send anything, and terminals show the log."""
    said = asyncio.run(_said(server_of(_take, 1000), b"\x1b[2J\x07\r" + SECRET.encode() + b"\r\n"))
    assert said.count(b"\r\n") == 2 and b"500 Error: command" in said
    assert all(octet in b"\r\n" or 32 <= octet < 127 for octet in said), said
    assert SECRET.upper() not in caplog.text.upper()


def test_an_internal_error_in_a_conversation_is_not_sent_to_the_client(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """aiosmtpd would answer 500 with the error's words; ours answers 451, and the log has the traceback."""
    server = server_of(_take, 1000)

    async def broken(*_arguments: object) -> str:
        raise ValueError(f"\r\n250 {SECRET}")

    monkeypatch.setattr(server, "deliver", broken)
    script = b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n"
    with caplog.at_level(logging.ERROR):
        said = asyncio.run(_said(server, script))
    assert said.splitlines()[-1].startswith(b"451 4.3.0 "), said
    assert SECRET.encode() not in said
    assert "Traceback" in caplog.text or "ValueError" in caplog.text


@pytest.mark.parametrize(
    "message", [b"x" * 60 + b"\r\n" + b"y" * 60 + b"\r\n", b"x" * (3 << 20) + b"\r\n"], ids=["large", "line"]
)
def test_what_is_too_large_is_answered_for_each_recipient(message: bytes) -> None:
    """RFC 2033 section 4.2: a client that waits for the second answer takes the next one for it."""
    server = server_of(_take, 100)
    script = b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n" + message + b".\r\nNOOP\r\n"
    said = asyncio.run(_said(server, script)).splitlines()
    assert [line[:3] for line in said[-3:]] == [b"451", b"451", b"250"]


@pytest.mark.parametrize("sender", ["", "jane@example.org", "jürgen@example.org"])
def test_senders_come_without_brackets(sender: str) -> None:
    """The null sender is an empty one."""
    taken: list[Envelope] = []

    def take(envelope: Envelope) -> DeliveryOutcome:
        taken.append(envelope)
        return Done()

    script = f"LHLO x\r\nMAIL FROM:<{sender}> SMTPUTF8\r\nRCPT TO:<c@d>\r\nDATA\r\n..x\r\n.\r\n".encode()
    asyncio.run(_said(server_of(take, 1000), script))
    assert taken == [Envelope(sender, "c@d", b".x\r\n")]
