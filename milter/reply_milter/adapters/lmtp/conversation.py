"""One client's conversation, on aiosmtpd.

Never answers a message 5xx: the MTA would make a bounce of it. aiosmtpd does, for an address that it can't read; such
answers become 4xx. No limit is announced, because Postfix returns what it sees would be refused; SMTPUTF8 is, because
Postfix returns what it can't pass on.
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
_SILENCE_SECONDS = 300.0  # a client that says nothing is gone; Postfix keeps idle connections for seconds
_STEP_OCTETS = 1 << 16  # that are asked for at a time; also what a connection may hold that has not begun a message
_CROWDED = b"421 4.3.2 Too many connections\r\n"
_BUSY = "451 4.3.2 All places of this handler are taken: its application is slow"
_NO_ROOM = "452 4.3.1 Too many octets are on their way at the moment"
_TOO_LARGE = "451 4.3.0 Error: Too much mail data"
_TOO_LONG = "451 4.3.0 Line too long"
_OF_PROTOCOL = ("500 Error: command", "502", "503")  # these answer a client that can't speak LMTP, not a message
_UNPRINTABLE = re.compile(r"[^ -~\r\n]|\r(?!\n)|(?<!\r)\n")

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's: lines with what the client says, and addresses


class Host(Protocol):
    """What a conversation needs of the server."""

    def connected(self) -> bool:
        """A client is there; False if there are too many."""
        ...

    def disconnected(self) -> None:
        """A client is gone."""
        ...

    async def enter(self, recipient: str) -> Place | None:
        """A place for a message; None if there is none."""
        ...

    async def deliver(self, sender: str, recipient: str, message: bytes, place: Place) -> str:
        """The answer to a message. Ends ``place``."""
        ...


class Conversation(LMTP):
    """One client."""

    line_length_limit = _STEP_OCTETS  # of the stream's buffer; lines of a message may be longer

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
        """Turn away who is too many."""
        self._served = self._host.connected()
        if self._served:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.WriteTransport):
            transport.write(_CROWDED)
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._host.disconnected()
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
            text = f"451 4.3.0 {text[4:]}"
        await super().push(_UNPRINTABLE.sub("?", text))  # an unknown command is answered with itself

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 # aiosmtpd's name
        """A message, in place of aiosmtpd's own: that one holds all of it three times, and knows no bound on many."""
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
        except BaseException:  # the client is gone
            place.leave()
            raise
        await self._answer(self.envelope, received, place)

    async def _answer(self, envelope: Envelope, received: bytes | str, place: Place) -> None:
        """LMTP answers each recipient (RFC 2033 section 4.2). ``received``: a message, or what is wrong with it."""
        sender, recipients = envelope.mail_from or "", envelope.rcpt_tos
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        if isinstance(received, bytes):
            answer = await self._host.deliver(sender.removeprefix("<>"), recipients[0], received, place)
        else:
            place.leave()
            answer = received
        await self.push("\r\n".join([answer] * len(recipients)))

    async def _receive(self, place: Place) -> bytes | str:
        """The message; or, read to its end all the same, the answer to one that can't be taken."""
        content, problem = io.BytesIO(), ""
        octets = line = 0  # so far; ``line``: of this one
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
        """A line; of a long one, some of it."""
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)

    async def _problem(self, place: Place, octets: int, line: int) -> str:
        """What keeps us from taking so many octets, the last ``line`` of them in one line; else empty."""
        found = ""
        if octets > (self.data_size_limit or octets):
            found = _TOO_LARGE
        elif line > _LINE_OCTETS:
            found = _TOO_LONG
        if found:
            log.error("a message was not taken, and the MTA told to come again: %s", found)
        elif octets > place.octets and not await place.reserve(max(_STEP_OCTETS, octets - place.octets)):
            found = _NO_ROOM
        return found
