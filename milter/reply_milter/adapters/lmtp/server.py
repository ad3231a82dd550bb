"""The server: takes conversations, has messages delivered by threads of their handler's, and is the error boundary."""

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
_BROKEN = "451 4.3.0 This reply can not be taken at the moment"
_WORDS = 200  # octets of a reason that are told

Deliver = Callable[[Envelope], DeliveryOutcome]


class LmtpServer:
    """Takes messages on a listening socket. ``deliver`` is run by threads of ``lanes``.

    Of clients, ``connections`` at a time are served.
    """

    def __init__(self, deliver: Deliver, lanes: Lanes, max_message_bytes: int, connections: int) -> None:
        self._deliver = deliver
        self._lanes = lanes
        self._max_message_bytes = max_message_bytes
        self._connections = connections
        self._open = 0

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return self._lanes.idle

    async def serve(self, listening: socket.socket) -> None:
        """Answer until cancelled."""
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if listening.family is socket.AF_UNIX else loop.create_server
        server = await create(self._conversation, sock=listening)
        await server.serve_forever()

    def change(self, max_message_bytes: int, max_bytes_in_flight: int) -> None:
        """Go on with other limits; conversations that have begun keep theirs of one message."""
        self._max_message_bytes = max_message_bytes
        self._lanes.change(max_bytes_in_flight)

    def _conversation(self) -> Conversation:
        return Conversation(self, self._max_message_bytes)

    def connected(self) -> bool:
        """A client is there; False if there are too many."""
        self._open += 1
        return self._open <= self._connections

    def disconnected(self) -> None:
        """A client is gone."""
        self._open -= 1

    async def enter(self, recipient: str) -> Place | None:
        """See ``Lanes.enter``."""
        return await self._lanes.enter(recipient)

    async def handle_EHLO(  # noqa: N802 # aiosmtpd's name
        self, server: LMTP, session: Session, transaction: Transaction, hostname: str, responses: list[str]
    ) -> list[str]:
        """What is announced."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-SIZE")]

    async def deliver(self, sender: str, recipient: str, message: bytes, place: Place) -> str:
        """The answer to a message. Its place ends with its delivery, even if the client does not wait for that."""
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
        """An accident in the conversation itself. aiosmtpd would tell the client what it says."""
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
    """A reason as it may stand in an answer: a plug-in may say anything."""
    return "".join(character if " " <= character <= "~" else " " for character in why[:_WORDS]).strip()
