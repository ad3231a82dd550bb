"""The built-in handlers: webhook, command, Maildir, LMTP, SMTP, Discourse, GitLab's mail_room; and plug-ins."""

from reply_milter import libraries
from reply_milter.adapters.handlers.command import CommandDeliverer
from reply_milter.adapters.handlers.lmtp_relay import LmtpDeliverer
from reply_milter.adapters.handlers.maildir import MaildirDeliverer
from reply_milter.adapters.handlers.smtp_relay import SmtpDeliverer
from reply_milter.core.verdict.destination import (
    BuiltIn,
    Command,
    Discourse,
    LmtpRelay,
    Maildir,
    MailRoom,
    SmtpRelay,
    Webhook,
)
from reply_milter.ports import Clock
from reply_milter.ports.delivery import Deliverer, Names

__all__ = ["deliverer_for"]


def deliverer_for(destination: BuiltIn, clock: Clock, names: Names) -> Deliverer:
    """Make what hands replies over to ``destination``.

    Raises:
        LibraryError: the installed aiohttp lacks what a POST needs.
    """
    match destination:
        case Webhook() | Discourse() | MailRoom():
            # aiohttp takes longer to import than everything else together: only what posts pays for that.
            libraries.check(*libraries.POSTING)
            return _posting(destination, clock, names)
        case Command():
            return CommandDeliverer(destination)
        case Maildir():
            return MaildirDeliverer(destination)
        case LmtpRelay():
            return LmtpDeliverer(destination, names)
        case SmtpRelay():
            return SmtpDeliverer(destination, names)


def _posting(destination: Webhook | Discourse | MailRoom, clock: Clock, names: Names) -> Deliverer:
    from reply_milter.adapters.handlers.applications import DiscourseDeliverer, MailRoomDeliverer
    from reply_milter.adapters.handlers.webhook import WebhookDeliverer

    match destination:
        case Webhook():
            return WebhookDeliverer(destination, clock, names)
        case Discourse():
            return DiscourseDeliverer(destination, names)
        case MailRoom():
            return MailRoomDeliverer(destination, clock, names)
