"""Whatever an LMTP client says, each answer is a line of the protocol, and no message is ever answered 5xx.

Input: what the client sends; then it says no more. A hook that defers takes what comes of it.
"""

import asyncio
import logging
import re
import socket
from concurrent.futures import Executor, Future
from typing import Any

from reply_milter.adapters.lmtp import LmtpServer
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later
from reply_milter.core.delivery.reply import Envelope
from tests.support.processes.lmtp_under_test import server_of

WORDS = (
    b"LHLO x\r\n", b"EHLO x\r\n", b"MAIL FROM:<a@b>\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<reply+x@reply.test>\r\n",
    b"DATA\r\n", b".\r\n", b"\r\n.\r\n", b"\n.\n", b"..\r\n", b"RSET\r\n", b"QUIT\r\n", b"NOOP\r\n", b"VRFY x\r\n",
    b"HELP\r\n", b"AUTH PLAIN\r\n", b"STARTTLS\r\n", b"BDAT 3 LAST\r\nabc", b" SIZE=99999999999", b" SMTPUTF8",
    b" BODY=8BITMIME", b"\r", b"\n", b"\0", b"\xff", b" ", b"<", b">", b'"', b"From: x\r\n\r\n", b"x" * 200,
    b"<\xc3\xbc@b>", b"@", b":", b"<a b@c>",
)  # fmt: skip
MOST = 1000  # octets of a message
_LINE = re.compile(rb"[2345]\d\d[ -][\x20-\x7e]*\Z")
_PROTOCOL = (b"500 Error: command", b"502", b"503")


class _AtOnce(Executor):
    """Runs what it is given where it is given."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def one_input(octets: bytes) -> None:
    """Have the conversation."""
    taken: list[Envelope] = []

    def take(envelope: Envelope) -> DeliveryOutcome:
        taken.append(envelope)
        return Later("not now:\r\n550 never \x00\xff") if len(taken) % 2 else Done()

    logging.disable()  # it tells what it does not take
    try:
        said = asyncio.run(_converse(server_of(take, MOST, threads=_AtOnce()), octets))
    finally:
        logging.disable(logging.NOTSET)
    assert said.endswith(b"\r\n")
    for line in said.removesuffix(b"\r\n").split(b"\r\n"):
        assert _LINE.match(line), line
        assert not line.startswith(b"5") or line.startswith(_PROTOCOL), line
    assert all(len(envelope.message) <= MOST and envelope.recipient for envelope in taken)


async def _converse(server: LmtpServer, octets: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    accidents: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: accidents.append(context))
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        transport, _ = await loop.connect_accepted_socket(server._conversation, theirs)
        try:
            said = await asyncio.wait_for(_exchange(loop, ours, octets), 10)
        finally:
            transport.abort()
            await asyncio.sleep(0)
    assert not accidents, accidents
    assert server.idle
    return said


async def _exchange(loop: asyncio.AbstractEventLoop, ours: socket.socket, octets: bytes) -> bytes:
    """What the server says until it closes, or until what we sent is all that it gets."""
    said = b""
    try:
        await loop.sock_sendall(ours, octets)
        ours.shutdown(socket.SHUT_WR)
        while piece := await loop.sock_recv(ours, 65536):
            said += piece
    except ConnectionError:
        pass
    return said
