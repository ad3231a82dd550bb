"""Sends mail of our own through an MTA, over SMTP. Implements ``ports.delivery.MailSender``."""

import smtplib

from reply_milter.ports.delivery import MailSenderError, Names

_SECONDS = 10.0


class SmtpSender:
    """``host`` and ``port``: where the MTA accepts mail of this host."""

    def __init__(self, host: str, port: int, names: Names) -> None:
        self._host = host
        self._port = port
        self._names = names

    def send(self, recipient: str, message: bytes) -> None:
        """See ``ports.delivery.MailSender``."""
        try:
            with self._names.reach(self._host, _SECONDS, self._connected) as server:
                server.sendmail("", [recipient], message)
        except (OSError, smtplib.SMTPException) as error:
            raise MailSenderError(f"the MTA did not take the question: {type(error).__name__}") from error

    def _connected(self, address: str, seconds: float) -> smtplib.SMTP:
        server = smtplib.SMTP(local_hostname="localhost", timeout=seconds)
        server.connect(address, self._port)
        if server.sock is not None:
            server.sock.settimeout(_SECONDS)
        return server
