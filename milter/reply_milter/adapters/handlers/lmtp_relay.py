"""Hand replies to another LMTP server, such as Dovecot, with their own envelope."""

import smtplib

from reply_milter.adapters.handlers.relaying import ended_after, leave, transaction
from reply_milter.core.delivery.outcome import DeliveryOutcome, Later
from reply_milter.core.delivery.reply import Reply
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
        except NameLookupError as error:
            return Later(f"the LMTP server could not be reached: {error}")
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"the LMTP conversation failed: {type(error).__name__}")

    def _conversation(self, reply: Reply, recipient: str) -> DeliveryOutcome:
        relay = self._relay
        server = smtplib.LMTP(local_hostname="localhost", timeout=relay.timeout_seconds)
        with ended_after(relay.timeout_seconds, server):
            try:
                self._connect(server)
                server.ehlo_or_helo_if_needed()
                return transaction(server, reply.envelope, recipient, "LMTP")
            finally:
                leave(server)

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
