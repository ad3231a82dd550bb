"""Test an SMTP server as a destination: whether it is reached, is whom it should be, and takes a reply, also twice."""

import secrets
from collections.abc import Iterator

from reply_milter.adapters.handlers.check import Check
from reply_milter.adapters.handlers.smtp_relay import SmtpDeliverer, SmtpRelayError
from reply_milter.core.delivery.outcome import Done
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.core.encoding import base32
from reply_milter.core.verdict.destination import SmtpRelay
from reply_milter.ports import Clock
from reply_milter.ports.delivery import Names

_ID_LENGTH = 26


class SmtpTrial:
    """Hands over a sample reply, to the recipient that the settings name; without one, to one of an example domain."""

    def __init__(self, relay: SmtpRelay, clock: Clock, names: Names) -> None:
        self._deliverer = SmtpDeliverer(relay, names)
        self._clock = clock

    def run(self) -> Iterator[Check]:
        """Hand the reply over, and once more if the server was reached."""
        identifier = base32.from_int(secrets.randbits(5 * _ID_LENGTH), _ID_LENGTH)
        envelope = sample_reply(identifier, self._clock.now()).envelope
        for name, advice in (
            (
                "takes a reply",
                "5xx makes a dead letter of it, and 4xx leaves it with the MTA: look at the server's log",
            ),
            ("takes the same reply again", "after a crash a reply may come twice: it must know it by its Message-ID"),
        ):
            try:
                outcome = self._deliverer.hand_over(envelope)
            except SmtpRelayError as error:
                yield Check(
                    name, False, str(error), "nothing more was tried: check address, tls, user and password_file"
                )
                return
            yield Check(name, isinstance(outcome, Done), "taken" if isinstance(outcome, Done) else outcome.why, advice)
