"""Serve LMTP clients: deliver each message in a thread of its handler, and answer 451 for any exception there."""

import asyncio
import logging
import socket
from collections.abc import Callable

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope as Transaction
from aiosmtpd.smtp import Session

from reply_milter.adapters.lmtp.conversation import Conversation
from reply_milter.adapters.lmtp.lanes import Lanes, Place
from reply_milter.core.delivery.outcome import DeliveryOutcome, Later
from reply_milter.core.delivery.reply import Envelope

log = logging.getLogger(__name__)

_TAKEN = "250 2.0.0 Ok"
_BROKEN = "451 4.3.0 Internal error; try again later"
_WORDS = 200  # characters of a reason in an answer

Deliver = Callable[[Envelope], DeliveryOutcome]


class LmtpServer:
    """Receives messages on a listening socket. Threads of ``lanes`` run ``deliver``.

    ``connections``: the most clients that are served at a time.
    """

    def __init__(self, deliver: Deliver, lanes: Lanes, max_message_bytes: int, connections: int) -> None:
        self._deliver = deliver
        self._lanes = lanes
        self._max_message_bytes = max_message_bytes
        self._connections = connections
        self._open = 0

    @property
    def idle(self) -> bool:
        """Whether no message is being received or delivered."""
        return self._lanes.idle

    async def serve(self, listening: socket.socket) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if listening.family is socket.AF_UNIX else loop.create_server
        server = await create(self._conversation, sock=listening)
        await server.serve_forever()

    def change(self, max_message_bytes: int, max_bytes_in_flight: int) -> None:
        """Apply other limits. Conversations that have begun keep the old limit of one message."""
        self._max_message_bytes = max_message_bytes
        self._lanes.change(max_bytes_in_flight)

    def _conversation(self) -> Conversation:
        return Conversation(self, self._max_message_bytes)

    def connected(self) -> bool:
        """See ``Host``."""
        self._open += 1
        return self._open <= self._connections

    def disconnected(self) -> None:
        """See ``Host``."""
        self._open -= 1

    async def enter(self, recipient: str) -> Place | None:
        """See ``Lanes.enter``."""
        return await self._lanes.enter(recipient)

    async def handle_EHLO(  # noqa: N802 # aiosmtpd's name
        self, server: LMTP, session: Session, transaction: Transaction, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce everything but SIZE: see ``conversation``."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-SIZE")]

    async def deliver(self, sender: str, recipient: str, message: bytes, place: Place) -> str:
        """See ``Host``. The place is freed when the delivery ends, even if the client has left before."""
        envelope = Envelope(sender, recipient, message)
        loop = asyncio.get_running_loop()
        try:
            answer = loop.run_in_executor(place.threads, self._answer, envelope)
        except BaseException:
            place.leave()
            raise
        answer.add_done_callback(lambda _: place.leave())
        return await asyncio.shield(answer)

    async def handle_exception(self, error: Exception) -> str:
        """Log an error in the conversation itself. aiosmtpd would send its text to the client."""
        log.error("an LMTP conversation failed", exc_info=error)
        return _BROKEN

    def _answer(self, envelope: Envelope) -> str:
        try:
            taken = self._deliver(envelope)
        except Exception:
            log.exception("the delivery of a message failed")
            return _BROKEN
        return f"451 4.3.0 Try again later: {_words(taken.why)}" if isinstance(taken, Later) else _TAKEN


def _words(why: str) -> str:
    """Make a reason printable and short: a plug-in may return any text."""
    return "".join(character if " " <= character <= "~" else " " for character in why[:_WORDS]).strip()
