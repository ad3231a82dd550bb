"""What becomes of a message. A fate is a value, never an exception."""

from dataclasses import dataclass

from reply_milter.core.mail.headers import Edit
from reply_milter.core.verdict.answer import Action, SmtpReply
from reply_milter.core.verdict.reasons import Reason


@dataclass(frozen=True, slots=True)
class Accept:
    """Let the message pass, after making ``edits`` in order. Also the answer for mail that is not a reply."""

    reason: Reason = Reason.OK
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse permanently (5xx): the same message will never become valid.

    ``edits`` are made before the refusal: they show in what the MTA returns of a message that was submitted locally.
    """

    reason: Reason
    reply: SmtpReply
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Defer:
    """Ask the client to retry (4xx)."""

    reason: Reason
    reply: SmtpReply


@dataclass(frozen=True, slots=True)
class Discard:
    """Answer 250 and throw the message away: a refusal would make a bounce to somebody who did not write it."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Park:
    """Keep the message in the MTA's hold queue, sealed as ``result=park``."""

    reason: Reason
    edits: tuple[Edit, ...]


Verdict = Accept | Reject | Defer | Discard | Park


def refusal(action: Action, reason: Reason, reply: SmtpReply) -> Reject | Defer | Discard:
    """Turn ``action`` into a verdict; a standing 4xx reply stays one, whatever its code."""
    if action is Action.DISCARD:
        return Discard(reason)
    if reply.code.startswith("4"):
        return Defer(reason, reply)
    if action is Action.DEFER:
        return Defer(reason, SmtpReply("451", "4.7.1", reply.text))
    return Reject(reason, reply)
