"""LMTP (RFC 2033) on aiosmtpd: takes messages from the MTA, one thread a delivery, and is the one error boundary.

Never answers a message 5xx: the MTA would make a bounce of it. aiosmtpd does, for what is too large, has endless lines
or an address that it can't read; such answers become 4xx. No limit is announced, because Postfix returns what it sees
would be refused; SMTPUTF8 is, because Postfix returns what it can't pass on.
"""

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from concurrent.futures import Executor

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope as Transaction
from aiosmtpd.smtp import Session

from reply_milter.core.handed_over import HandedOver, Later
from reply_milter.core.reply import Envelope

log = logging.getLogger(__name__)

_LINE_OCTETS = 1 << 20
_SILENCE_SECONDS = 300.0  # a client that says nothing is gone; Postfix keeps idle connections for seconds
_TAKEN = "250 2.0.0 Ok"
_BROKEN = "451 4.3.0 This reply can not be taken at the moment"
_CROWDED = b"421 4.3.2 Too many connections\r\n"
_OF_A_MESSAGE = ("552 Error: Too much mail data", "500 Line too long")  # at its end, once: LMTP answers each recipient
_OF_PROTOCOL = ("500 Error: command", "502", "503")  # these answer a client that can't speak LMTP, not a message
_UNPRINTABLE = re.compile(r"[^ -~\r\n]|\r(?!\n)|(?<!\r)\n")
_WORDS = 200  # octets of a reason that are told

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's: lines with what the client says, and addresses

Take = Callable[[Envelope], HandedOver]


class LmtpServer:
    """Takes messages on a listening socket. ``take`` is run by ``threads``; ``connections`` at a time are served."""

    def __init__(self, take: Take, threads: Executor, max_message_bytes: int, connections: int) -> None:
        self._take = take
        self._threads = threads
        self._max_message_bytes = max_message_bytes
        self._connections = connections
        self._open = 0
        self._busy = 0

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return not self._busy

    async def serve(self, listening: socket.socket) -> None:
        """Answer until cancelled."""
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if listening.family is socket.AF_UNIX else loop.create_server
        server = await create(self._conversation, sock=listening)
        await server.serve_forever()

    def change(self, max_message_bytes: int) -> None:
        """Go on with another limit; conversations that have begun keep theirs."""
        self._max_message_bytes = max_message_bytes

    def _conversation(self) -> LMTP:
        return _Conversation(self, self._max_message_bytes)

    def connected(self) -> bool:
        """A client is there; False if there are too many."""
        self._open += 1
        return self._open <= self._connections

    def disconnected(self) -> None:
        """A client is gone."""
        self._open -= 1

    async def handle_EHLO(  # noqa: N802 # aiosmtpd's name
        self, server: LMTP, session: Session, transaction: Transaction, hostname: str, responses: list[str]
    ) -> list[str]:
        """What is announced."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-SIZE")]

    async def handle_DATA(self, server: LMTP, session: Session, transaction: Transaction) -> str:  # noqa: N802
        """The answers to a message, one a recipient (RFC 2033 section 4.2)."""
        message = transaction.content if isinstance(transaction.content, bytes) else b""
        recipients = transaction.rcpt_tos or [""]
        envelope = Envelope((transaction.mail_from or "").removeprefix("<>"), recipients[0], message)
        self._busy += 1
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, envelope)
        finally:
            self._busy -= 1
        return "\r\n".join([answer] * len(recipients))

    async def handle_exception(self, error: Exception) -> str:
        """An accident in the conversation itself. aiosmtpd would tell the client what it says."""
        log.error("an LMTP conversation failed", exc_info=error)
        return _BROKEN

    def _answer(self, envelope: Envelope) -> str:
        try:
            taken = self._take(envelope)
        except Exception:
            log.exception("cannot take a message")
            return _BROKEN
        return f"451 4.3.0 Try again later: {_words(taken.why)}" if isinstance(taken, Later) else _TAKEN


class _Conversation(LMTP):
    """One client."""

    line_length_limit = _LINE_OCTETS

    def __init__(self, server: LmtpServer, max_message_bytes: int) -> None:
        super().__init__(
            server,
            data_size_limit=max_message_bytes,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="reply-milter LMTP",
            timeout=_SILENCE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._server = server
        self._served = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Turn away who is too many."""
        self._served = self._server.connected()
        if self._served:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(_CROWDED)
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._server.disconnected()
        if self._served:
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """It says no more."""
        return super().eof_received() if self._served else False

    async def push(self, status: str | bytes) -> None:
        """Say ``status``, or in place of a refusal that the MTA is to come again."""
        text = status if isinstance(status, str) else status.decode("ascii", "replace")
        if text.startswith("5") and not text.startswith(_OF_PROTOCOL):
            log.error("a message was not taken, and the MTA told to come again: %s", text)
            recipients = len(self.envelope.rcpt_tos) if self.envelope and text.startswith(_OF_A_MESSAGE) else 1
            text = "\r\n".join([f"451 4.3.0 {text[4:]}"] * recipients)
        await super().push(_UNPRINTABLE.sub("?", text))  # an unknown command is answered with itself


def _words(why: str) -> str:
    """A reason as it may stand in an answer: a plug-in may say anything."""
    return "".join(character if " " <= character <= "~" else " " for character in why[:_WORDS]).strip()
