"""The built-in ways of handing a reply over."""

from reply_milter import libraries
from reply_milter.adapters.handlers.command import CommandDeliverer
from reply_milter.adapters.handlers.lmtp_relay import LmtpDeliverer
from reply_milter.adapters.handlers.maildir import MaildirDeliverer
from reply_milter.core.verdict.destination import Command, LmtpRelay, Maildir, Webhook
from reply_milter.ports import Clock
from reply_milter.ports.delivery import Deliverer, Names

__all__ = ["deliverer_for"]


def deliverer_for(destination: Webhook | Command | Maildir | LmtpRelay, clock: Clock, names: Names) -> Deliverer:
    """What hands replies over to ``destination``.

    Raises:
        LibraryError: httpx is not what the webhook was written for.
    """
    match destination:
        case Webhook():
            # httpx takes longer to import than everything else together: only who posts waits for it.
            libraries.check(libraries.HTTPX)
            from reply_milter.adapters.handlers.webhook import WebhookDeliverer

            return WebhookDeliverer(destination, clock, names)
        case Command():
            return CommandDeliverer(destination)
        case Maildir():
            return MaildirDeliverer(destination)
        case LmtpRelay():
            return LmtpDeliverer(destination, names)
