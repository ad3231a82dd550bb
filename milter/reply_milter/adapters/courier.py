"""Mail of our own, handed to the MTA of this host over SMTP. Implements ``ports.delivery.Courier``."""

import smtplib

from reply_milter.ports.delivery import CourierError

_SECONDS = 10.0


class SmtpCourier:
    """``host`` and ``port`` where the MTA takes mail of this host."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)

    def send(self, recipient: str, message: bytes) -> None:
        """See ``ports.delivery.Courier``."""
        try:
            with smtplib.SMTP(local_hostname="localhost", timeout=_SECONDS) as server:
                server.connect(*self._place)
                server.sendmail("", [recipient], message)
        except (OSError, smtplib.SMTPException) as error:
            raise CourierError(f"the MTA did not take the question: {type(error).__name__}") from error
