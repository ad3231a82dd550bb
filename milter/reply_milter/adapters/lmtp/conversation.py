"""Hold one client's LMTP conversation, on aiosmtpd.

A message is never answered 5xx, because the MTA would return it to its sender. aiosmtpd answers 5xx to an address that
it can't read; ``push`` turns that into 4xx. EHLO announces no SIZE, because Postfix returns a message above it; it
announces SMTPUTF8, because Postfix returns a message that needs it where it is missing.
"""

import asyncio
import io
import logging
import re
from typing import Protocol

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope

from reply_milter.adapters.lmtp.lanes import Place

log = logging.getLogger(__name__)

_LINE_OCTETS = 1 << 20
_SILENCE_SECONDS = 300.0  # after so long the client counts as gone; Postfix keeps idle connections for seconds
_STEP_OCTETS = 1 << 16  # reserved at a time; also the buffer of a connection that has begun no message
_CROWDED = b"421 4.3.2 Too many connections\r\n"
_BUSY = "451 4.3.2 Too many replies for this handler are being delivered; try again later"
_NO_ROOM = "452 4.3.1 Too much mail is being delivered; try again later"
_TOO_LARGE = "451 4.3.0 The message is larger than max_message_bytes"
_TOO_LONG = "451 4.3.0 The message has a line that is too long"
_OF_PROTOCOL = ("500 Error: command", "502", "503")  # answers to a client that does not speak LMTP, not to a message
_UNPRINTABLE = re.compile(r"[^ -~\r\n]|\r(?!\n)|(?<!\r)\n")

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd logs the client's lines there, with addresses


class Host(Protocol):
    """The server, as a conversation needs it."""

    def connected(self) -> bool:
        """Count a client that connects. False: there are too many."""
        ...

    def disconnected(self) -> None:
        """Count a client that has left."""
        ...

    async def enter(self, recipient: str) -> Place | None:
        """Take a place for a message to ``recipient``. None: all places of its handler stay taken."""
        ...

    async def deliver(self, sender: str, recipient: str, message: bytes, place: Place) -> str:
        """Deliver a message, and return the answer to it. Frees ``place``."""
        ...


class Conversation(LMTP):
    """The conversation with one client."""

    line_length_limit = _STEP_OCTETS  # limits the stream's buffer; lines of a message may be longer

    def __init__(self, host: Host, max_message_bytes: int) -> None:
        super().__init__(
            host,
            data_size_limit=max_message_bytes,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="reply-milter LMTP",
            timeout=_SILENCE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._host = host
        self._served = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve the client, or answer 421 if there are too many."""
        self._served = self._host.connected()
        if self._served:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(_CROWDED)
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """End the conversation."""
        self._host.disconnected()
        if self._served:
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """End the conversation when the client closes its side."""
        return super().eof_received() if self._served else False

    async def push(self, status: str | bytes) -> None:
        """Send ``status``. A 5xx that refuses a message becomes 451, so that the MTA retries."""
        text = status if isinstance(status, str) else status.decode("ascii", "replace")
        if text.startswith("5") and not text.startswith(_OF_PROTOCOL):
            log.error("message not accepted, the MTA will retry: %s", text)
            text = f"451 4.3.0 {text[4:]}"
        await super().push(_UNPRINTABLE.sub("?", text))  # aiosmtpd repeats an unknown command in its answer

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 # aiosmtpd's name
        """Receive a message. Replaces aiosmtpd's own, which holds it three times and bounds no sum of messages."""
        if await self.check_helo_needed():
            return
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        place = await self._host.enter(self.envelope.rcpt_tos[0])
        if place is None:
            await self.push(_BUSY)
            return
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            received = await self._receive(place)
        except BaseException:  # the client has left
            place.leave()
            raise
        await self._answer(self.envelope, received, place)

    async def _answer(self, envelope: Envelope, received: bytes | str, place: Place) -> None:
        """Answer each recipient (RFC 2033 section 4.2). ``received``: the message, or the answer that refuses it."""
        sender, recipients = envelope.mail_from or "", envelope.rcpt_tos
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        if isinstance(received, bytes):
            answer = await self._host.deliver(sender.removeprefix("<>"), recipients[0], received, place)
        else:
            place.leave()
            answer = received
        await self.push("\r\n".join([answer] * len(recipients)))

    async def _receive(self, place: Place) -> bytes | str:
        """Read a message to its end. Returns it, or the answer that refuses it."""
        content, problem = io.BytesIO(), ""
        octets = line = 0  # so far, of the message and of this line
        while (piece := await self._piece()) != b".\r\n" or line:
            octets, line = octets + len(piece), line + len(piece)
            if not problem:
                problem = await self._problem(place, octets, line)
                if problem:
                    content = io.BytesIO()
            if not problem:
                content.write(piece[1:] if line == len(piece) and piece.startswith(b".") else piece)
            if piece.endswith(b"\r\n"):
                line = 0
        return problem or content.getvalue()

    async def _piece(self) -> bytes:
        """Read a line, or a part of a long one."""
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)

    async def _problem(self, place: Place, octets: int, line: int) -> str:
        """Return the answer that refuses ``octets``, the last ``line`` of them in one line; empty if none does."""
        found = ""
        if octets > (self.data_size_limit or octets):
            found = _TOO_LARGE
        elif line > _LINE_OCTETS:
            found = _TOO_LONG
        if found:
            log.error("message not accepted, the MTA will retry: %s", found)
        elif octets > place.octets and not await place.reserve(max(_STEP_OCTETS, octets - place.octets)):
            found = _NO_ROOM
        return found
