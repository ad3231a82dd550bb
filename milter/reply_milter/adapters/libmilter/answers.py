"""Carry out verdicts through libmilter: the one place where edits are made and replies are set."""

import logging
from typing import Any, Final

import Milter

from reply_milter.core.mail.headers import Append, Delete, Edit, Insert, RemoveRecipient, Replace
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject, Verdict

log = logging.getLogger(__name__)

NAME: Final = "reply-milter"
_CONTINUE: Final = int(Milter.CONTINUE)


def answer(ctx: Any, verdict: Verdict) -> int:
    """Carry out ``verdict``; return the status for libmilter."""
    match verdict:
        case Accept(edits=edits):
            if edits:
                _perform(ctx, edits)
            return _CONTINUE
        case Park(edits=edits, reason=reason):
            _perform(ctx, edits)
            ctx.quarantine(f"{NAME}: {reason}")
            return int(Milter.CONTINUE)
        case Reject(reply=reply, edits=edits):
            _perform(ctx, edits)
            ctx.setreply(reply.code, reply.enhanced, reply.text)
            return int(Milter.REJECT)
        case Defer(reply=reply):
            ctx.setreply(reply.code, reply.enhanced, reply.text)
            return int(Milter.TEMPFAIL)
        case Discard():
            return int(Milter.DISCARD)


def _perform(ctx: Any, edits: tuple[Edit, ...]) -> None:
    for edit in edits:
        match edit:
            case Delete(name, index):
                ctx.chgheader(name, index, None)
            case Replace(name, index, value):
                ctx.chgheader(name, index, value)
            case Insert(name, value):
                ctx.addheader(name, value, 0)
            case Append(name, value):
                ctx.addheader(name, value, -1)
            case RemoveRecipient(argument):
                _remove(ctx, argument)


def _remove(ctx: Any, argument: str) -> None:
    """Remove a recipient. pymilter accepts UTF-8 only: any other recipient stays, and its message has no seal."""
    try:
        ctx.delrcpt(argument)
    except UnicodeEncodeError:
        log.warning("cannot remove a refused recipient that is not UTF-8: it gets the message, without a verdict")
