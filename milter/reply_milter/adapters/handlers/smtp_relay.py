"""Hand replies to an SMTP server, such as Zulip's own or a filter, with their own envelope.

What the server says before MAIL (its greeting, its certificate, its answer to the login) is about us and not about the
reply, so that is Later, whatever it is: an expired certificate makes no dead letters.
"""

import smtplib
import socket
import ssl
import time
from pathlib import Path

from reply_milter.adapters.handlers.relaying import ended_after, leave, transaction
from reply_milter.core.delivery.outcome import DeliveryOutcome, Later
from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.verdict.destination import SmtpRelay, Tls
from reply_milter.ports.delivery import NameLookupError, Names

_READY = 220  # to a greeting, and to STARTTLS (RFC 3207 section 4)


class SmtpRelayError(Exception):
    """The server can't be used now. The message says why."""


class SmtpDeliverer:
    """Implements ``ports.delivery.Deliverer``. One connection per reply. Certificates are always verified."""

    name = "smtp"
    description = "an SMTP server"

    def __init__(self, relay: SmtpRelay, names: Names) -> None:
        self._relay = relay
        self._names = names

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        try:
            return self.hand_over(reply.envelope)
        except SmtpRelayError as error:
            return Later(str(error))

    def hand_over(self, envelope: Envelope) -> DeliveryOutcome:
        """Hand a message over.

        Raises:
            SmtpRelayError: the server could not be reached, is not whom it should be, or did not answer.
        """
        relay = self._relay
        server = smtplib.SMTP(local_hostname="localhost", timeout=relay.timeout_seconds)
        deadline = time.monotonic() + relay.timeout_seconds
        try:
            server.sock = self._names.reach(relay.host, relay.timeout_seconds, self._connected)
            server.sock.settimeout(relay.timeout_seconds)
            with ended_after(deadline - time.monotonic(), server):
                self._open(server)
                return transaction(server, envelope, relay.recipient or envelope.recipient, "SMTP")
        except NameLookupError as error:
            raise SmtpRelayError(f"the SMTP server could not be reached: {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise SmtpRelayError(f"the SMTP server's certificate is not good: {error.verify_message}") from error
        except smtplib.SMTPAuthenticationError as error:
            raise SmtpRelayError(f"the SMTP server did not accept the login: {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise SmtpRelayError(f"the SMTP conversation failed: {type(error).__name__}") from error
        finally:
            leave(server)

    def _open(self, server: smtplib.SMTP) -> None:
        relay = self._relay
        if relay.tls is Tls.IMPLICIT:
            self._encrypt(server)
        code, _ = server.getreply()
        if code != _READY:
            raise SmtpRelayError(f"the SMTP server greeted with {code}")
        server.ehlo_or_helo_if_needed()
        if relay.tls is Tls.STARTTLS:
            self._start_tls(server)
        if relay.user:
            server.login(relay.user, self._password())

    def _connected(self, address: str, seconds: float) -> socket.socket:
        return socket.create_connection((address, self._relay.port), seconds)

    def _start_tls(self, server: smtplib.SMTP) -> None:
        """What was said in the clear counts no longer (RFC 3207 section 4.2), and what was sent ahead is dropped."""
        if not server.has_extn("starttls"):
            raise SmtpRelayError("the SMTP server does not offer STARTTLS")
        code, _ = server.docmd("STARTTLS")
        if code != _READY:
            raise SmtpRelayError(f"the SMTP server answered {code} to STARTTLS")
        self._encrypt(server)
        server.helo_resp = server.ehlo_resp = None
        server.esmtp_features, server.does_esmtp = {}, False
        server.ehlo_or_helo_if_needed()

    def _encrypt(self, server: smtplib.SMTP) -> None:
        """The handshake is part of the conversation: it ends with it, however slowly the server sends."""
        context = ssl.create_default_context()
        if server.sock is not None:
            encrypted = context.wrap_socket(
                server.sock, server_hostname=self._relay.host, do_handshake_on_connect=False
            )
            server.sock, server.file = encrypted, None
            encrypted.do_handshake()

    def _password(self) -> str:
        """Read anew for each reply, so that a new password needs no reload."""
        try:
            return Path(self._relay.password_file).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise SmtpRelayError(f"the password file can't be read: {type(error).__name__}") from error
