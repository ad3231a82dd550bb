"""The wrapped canary: an application that no configuration has, its notification, and the answer to that.

Only connections of the canary know its handler, so nobody else's mail can be wrapped for it, and for everybody else its
addresses are forged. All its names end in ``.invalid`` (RFC 2606), so nothing of it can be delivered.
"""

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from reply_milter.core.mail.edited import HeaderFields
from reply_milter.core.token.canary import DAYS, free_numbers
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping.pattern import parse
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.restore import Restored
from reply_milter.core.wrapping.wrap import Wrap
from reply_text.syntax.mailbox import mailboxes
from reply_text.syntax.message_file import split

SENDER, READER = "canary@canary.invalid", "reader@canary.invalid"
BODY = b"The canary answers.\r\n"
_DOMAIN = "canary.invalid"
_NAME = "canary-wrapped"
_WRAP = Wrap(
    PRESETS["generic"],
    parse(f"canary+{{key}}@{_DOMAIN}", "[0-9a-f]{32}"),
    senders=frozenset({SENDER}),
    store=False,  # the canary leaves nothing behind
)


class Answer(NamedTuple):
    """The reader's answer to a notification. ``recipient``: the address that stands in its Reply-To."""

    recipient: str
    fields: HeaderFields


def wrapped_canary_handler(handlers: Handlers) -> Handler | None:
    """Return the handler of the wrapped canary; None where nothing is wrapped, or no number is free.

    Its number is the highest but one that none of ``handlers`` has: the canary has the highest.
    """
    number = next(islice(free_numbers(handlers), 1, None), None)
    if number is None or not handlers.wrapped:
        return None
    return Handler(number, _NAME, ContextKind.WRAPPED, DAYS, True, "", Policy(), wrap=_WRAP)


def original(key: str) -> str:
    """The canary application's own address. ``key``: 32 hexadecimal digits."""
    return f"canary+{key}@{_DOMAIN}"


def notification(own: str, unique: str) -> HeaderFields:
    """The header of a notification that names ``own``, as an application writes it. ``unique`` names the message."""
    return [
        ("From", f"Canary <{SENDER}>"),
        ("To", f"<{READER}>"),
        ("Reply-To", f"Canary <{own}>"),
        ("Subject", "canary"),
        ("Message-ID", f"<{unique}@{_DOMAIN}>"),
        ("MIME-Version", "1.0"),
    ]


def answer(left: HeaderFields, own: str) -> Answer | None:
    """Answer a notification as it ``left``, like a mail program; None if it still shows ``own``, or its key."""
    fields: Mapping[str, str] = {name.lower(): value for name, value in left}
    key = own.partition("@")[0].partition("+")[2]
    recipients = mailboxes(fields.get("reply-to", ""))
    if len(recipients) != 1 or any(key in value.lower() for _, value in left):
        return None
    named = fields.get("message-id", "").strip()
    references = " ".join([*fields.get("references", "").split(), named])
    return Answer(
        recipients[0],
        [
            ("From", f"Reader <{READER}>"),
            ("To", f"<{recipients[0]}>"),
            ("Subject", "Re: canary"),
            ("Message-ID", f"<answer.{named.removeprefix('<').removesuffix('>')}>"),
            ("In-Reply-To", named),
            ("References", references),
            ("MIME-Version", "1.0"),
        ],
    )


def is_right(restored: Restored, own: str, minted: str) -> bool:
    """Whether it is what an application expects: its own address and none of ours, the author, and the body."""
    fields, body = split(restored.message)
    values = {name.lower(): value.strip() for name, value in fields}
    header = restored.message[: len(restored.message) - len(body)].lower()
    addressed = (restored.recipient, values.get("to"), mailboxes(values.get("from", "")))
    return addressed == (own, own, [READER]) and body == BODY and minted.encode().lower() not in header
