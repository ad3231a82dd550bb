"""Make a sample reply, to test an application's endpoint."""

from email.utils import formatdate

from reply_milter.core.delivery.reply import Envelope, Reply
from reply_milter.core.redaction import read_redacted
from reply_milter.core.seal.sealed_reply import SealedReply
from reply_milter.core.token.address import AddressForm

_DOMAIN = "reply.example.com"
_FORM = AddressForm("reply", "+", _DOMAIN, frozenset({_DOMAIN}))
_DAYS = 90
_MESSAGE = """\
From: Jane Doe <jane@example.org>
To: Notifications <reply@reply.example.com>
Subject: Re: Is this thing on?
Date: {date}
Message-ID: <{identifier}@example.org>
In-Reply-To: <test/endpoint/{issued}@reply.example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

A test by reply-milter test-endpoint: not written by anybody. \u00fc\u20ac\U0001f642

On Thu, 1 Jan 2026 at 01:00, Notifications wrote:
> Is this thing on?
"""


def sample_reply(identifier: str, now: int) -> Reply:
    """Make a reply of user 0 to ``test-endpoint``. ``identifier``: 26 base32 characters; ``now``: Unix seconds."""
    issued = now - now % 60
    text = _MESSAGE.format(date=formatdate(now), identifier=identifier, issued=issued)
    message = text.replace("\n", "\r\n").encode()
    sealed = SealedReply(
        id=identifier,
        user=0,
        handler="test-endpoint",
        context=0,
        issued=issued,
        expires=issued + 86400 * _DAYS,
        thread="match",
        locator="test/endpoint",
        replied_to=issued,
        sender="match",
        auth="none",
        replay="first",
        recipient_domain=_DOMAIN,
    )
    return Reply(sealed, read_redacted(message, _FORM), Envelope("jane@example.org", f"reply@{_DOMAIN}", message))
