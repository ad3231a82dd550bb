"""Hand replies to another LMTP server, such as Dovecot, with their own envelope."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.verdict.destination import LmtpRelay
from reply_milter.ports.delivery import NameLookupError, Names


class LmtpDeliverer:
    """Implements ``ports.delivery.Deliverer``. 2xx is Done, 5xx is Never, everything else is Later."""

    name = "lmtp"
    description = "another LMTP server"

    def __init__(self, relay: LmtpRelay, names: Names) -> None:
        self._relay = relay
        self._names = names

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        recipient = self._relay.recipient or reply.envelope.recipient
        try:
            return self._conversation(reply, recipient)
        except smtplib.SMTPDataError as error:  # the one answer that smtplib raises
            return _judged(error.smtp_code)
        except NameLookupError as error:
            return Later(f"the LMTP server could not be reached: {error}")
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"the LMTP conversation failed: {type(error).__name__}")

    def _conversation(self, reply: Reply, recipient: str) -> DeliveryOutcome:
        relay = self._relay
        server = smtplib.LMTP(local_hostname="localhost", timeout=relay.timeout_seconds)
        with _ended_after(relay.timeout_seconds, server):
            try:
                self._connect(server)
                server.ehlo_or_helo_if_needed()
                return self._transaction(server, reply.envelope, recipient)
            finally:
                _leave(server)

    def _connect(self, server: smtplib.LMTP) -> None:
        relay = self._relay

        def connect(address: str, seconds: float) -> None:
            server.timeout = seconds
            server.connect(address, relay.port)

        if relay.path:
            server.connect(relay.path)
        else:
            self._names.reach(relay.host, relay.timeout_seconds, connect)
            if server.sock is not None:  # an address has its share of the time to connect, and the conversation all
                server.sock.settimeout(relay.timeout_seconds)

    def _transaction(self, server: smtplib.LMTP, envelope: Envelope, recipient: str) -> DeliveryOutcome:
        plain = (envelope.sender + recipient).isascii()
        try:
            code, _ = server.mail(envelope.sender, () if plain else ("SMTPUTF8",))
        except smtplib.SMTPNotSupportedError:
            return Never("the LMTP server does not offer SMTPUTF8, and an address is not ASCII")
        if code < 400:
            code, _ = server.rcpt(recipient)
        if code < 400:
            code, _ = server.data(envelope.message)
        return _judged(code)


@contextmanager
def _ended_after(seconds: float, server: smtplib.LMTP) -> Iterator[None]:
    """Limit the whole conversation: smtplib's timeout starts anew with each octet."""

    def end() -> None:
        if server.sock is not None:
            with suppress(OSError):
                server.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _leave(server: smtplib.LMTP) -> None:
    """End the conversation without waiting: an answer to QUIT changes nothing for the message."""
    with suppress(OSError, smtplib.SMTPException):
        server.putcmd("quit")
    server.close()


def _judged(code: int) -> DeliveryOutcome:
    if 200 <= code < 300:
        return Done()
    words = f"the LMTP server answered {code}"
    return Never(words) if code >= 500 else Later(words)
