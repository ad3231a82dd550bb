"""What a verdict header says, tag by tag, in the order in which it is written."""

import base64
from typing import Final, NamedTuple

from reply_milter.core.rules.message import Bindings
from reply_milter.core.token.verify import Checked
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.wrapping.wrap import Road

_DAY: Final = 86400
Tags = list[tuple[str, str]]


class Arrived(NamedTuple):
    """What the verdict says of this arrival besides the token. ``body`` is the body digest in base32.

    ``source``: the header field that named the recipient, in lower case; empty where RCPT TO did.
    """

    domain: str
    queue_id: str
    body: str
    source: str = ""


def opening(result: str, reason: Reason, would: str) -> Tags:
    """The tags that every verdict starts with; ``would`` is empty outside observe mode."""
    return [("v", "1"), ("result", result), ("reason", reason), ("would", would)]


def original(road: Road, sealed: bytes) -> Tags:
    """By which road a message came to an application's mailbox, and for the hook alone, to which address there."""
    return [("class", road), ("original", base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("="))]


def direct(identifier: str, handler: Handler, now: int) -> Tags:
    """What came to an application's own address: no token, so no user and no context. ``now`` in Unix seconds."""
    return [
        ("id", identifier),
        ("user", "0"),
        ("handler", handler.name),
        ("context", "0"),
        ("issued", str(now)),
        ("expires", str(now + handler.validity_days * _DAY)),
    ]


def reply(identifier: str, checked: Checked, bound: Bindings, replay: str) -> Tags:
    """Who answers what: only for a token with a good checksum."""
    thread, token = bound.thread.thread, checked.token
    return [
        ("id", identifier),
        ("user", str(token.user)),
        ("handler", checked.handler.name),
        ("context", str(token.context)),
        ("thread", bound.thread.match),
        ("locator", thread.locator if thread else ""),
        ("replied_to", str(thread.replied_to) if thread else ""),
        ("sender", bound.sender),
        ("auth", bound.auth),
        ("replay", replay),
        ("issued", str(checked.issued_at)),
        ("expires", str(checked.expires_at)),
    ]


def closing(arrived: Arrived) -> Tags:
    """Where it arrived, and the digest that ties the verdict to its body."""
    return [
        ("recipient_domain", arrived.domain),
        ("recipient_source", arrived.source),
        ("queue", arrived.queue_id),
        ("body", arrived.body),
    ]
