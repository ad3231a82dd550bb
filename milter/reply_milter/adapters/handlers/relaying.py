"""What LMTP and SMTP servers are told of one reply, and what their answers mean; within one limit of time."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from reply_milter.core.delivery.outcome import DeliveryOutcome, Done, Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_text.syntax.message_file import as_sent


def transaction(server: smtplib.SMTP, envelope: Envelope, recipient: str, kind: str) -> DeliveryOutcome:
    """Hand one message over on a connection that has greeted. 2xx is Done, 5xx is Never, everything else is Later.

    ``kind``: LMTP or SMTP, for the words. The answers to MAIL, RCPT and DATA are about this message; those before them
    are not, and are the caller's.

    Raises:
        OSError, smtplib.SMTPException: the conversation broke.
    """
    plain = (envelope.sender + recipient).isascii()
    if not plain and not server.has_extn("smtputf8"):
        return Never(f"the {kind} server does not offer SMTPUTF8, and an address is not ASCII")
    message = as_sent(envelope.message)
    options = ["SMTPUTF8"] * (not plain)
    options += ["BODY=8BITMIME"] * (not message.isascii() and server.has_extn("8bitmime"))
    code, _ = server.mail(envelope.sender, options)
    if code < 400:
        code, _ = server.rcpt(recipient)
    if code < 400:
        try:
            code, _ = server.data(message)
        except smtplib.SMTPDataError as error:  # the one answer that smtplib raises
            code = error.smtp_code
    return judged(code, kind)


def judged(code: int, kind: str) -> DeliveryOutcome:
    """What the answer ``code`` to a message means."""
    if 200 <= code < 300:
        return Done()
    words = f"the {kind} server answered {code}"
    return Never(words) if code >= 500 else Later(words)


@contextmanager
def ended_after(seconds: float, server: smtplib.SMTP) -> Iterator[None]:
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


def leave(server: smtplib.SMTP) -> None:
    """End the conversation without waiting: an answer to QUIT changes nothing for the message."""
    with suppress(OSError, smtplib.SMTPException):
        server.putcmd("quit")
    server.close()
