"""Replies to another LMTP server, a Dovecot for one, with the envelope that they came with."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reply_milter.core.destination import LmtpRelay
from reply_milter.core.handed_over import Done, HandedOver, Later, Never
from reply_milter.core.reply import Reply


class LmtpDeliverer:
    """Implements ``ports.delivery.Deliverer``. A 5xx is never, and whatever else is no 250 is later."""

    name = "lmtp"
    description = "another LMTP server"

    def __init__(self, relay: LmtpRelay) -> None:
        self._relay = relay

    def process(self, reply: Reply) -> HandedOver:
        """See ``ports.delivery.Deliverer``."""
        recipient = self._relay.recipient or reply.envelope.recipient
        try:
            return self._conversation(reply, recipient)
        except smtplib.SMTPDataError as error:  # the one answer that smtplib raises
            return _judged(error.smtp_code)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"the LMTP server could not be asked: {type(error).__name__}")

    def _conversation(self, reply: Reply, recipient: str) -> HandedOver:
        relay = self._relay
        with smtplib.LMTP(local_hostname="localhost", timeout=relay.timeout_seconds) as server:
            server.connect(relay.path or relay.host, relay.port)
            with _ended_after(relay.timeout_seconds, server):
                server.ehlo_or_helo_if_needed()
                code, _ = server.mail(reply.envelope.sender)
                if code < 400:
                    code, _ = server.rcpt(recipient)
                if code < 400:
                    code, _ = server.data(reply.envelope.message)
        return _judged(code)


@contextmanager
def _ended_after(seconds: float, server: smtplib.LMTP) -> Iterator[None]:
    """One bound on the whole conversation: smtplib's timeout starts anew with each octet."""

    def end() -> None:
        if server.sock is not None:
            server.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _judged(code: int) -> HandedOver:
    if 200 <= code < 300:
        return Done()
    words = f"the LMTP server answered {code}"
    return Never(words) if code >= 500 else Later(words)
