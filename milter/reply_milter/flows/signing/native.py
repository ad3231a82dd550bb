"""Refuse an application's own address on the sign socket as on the other: its mailbox has no road past us."""

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason, reply_for
from reply_milter.core.verdict.verdict import Reject
from reply_milter.core.wrapping.native import find_direct, may_pass, verification_of
from reply_milter.flows.signing.message import Message
from reply_milter.ports import Decision, Fate, Sight, Stage


def refuse_native(message: Message, argument: str, resolved: str | None, queue_id: str) -> Reject | None:
    """Refuse a recipient that is a native address and no longer passes; None for every other recipient.

    What passes, or is to be verified, is sealed in verify mode if that milter stands behind this one; else it ends as a
    dead letter.
    """
    service = message.service
    wrapped = service.rules.handlers.wrapped
    direct = find_direct(wrapped, argument, resolved, message.null_sender) if wrapped else None
    if direct is None or verification_of(direct) is not None:
        return None
    if may_pass(direct, service.clock.now(), service.mark.has_left(direct.handler.id)):
        return None
    observed = direct.handler.policy.observe
    service.telemetry.native(
        Decision(
            stage=Stage.SIGN_RCPT,
            verdict=Fate.ACCEPT if observed else Fate.REJECT,
            reason=Reason.NATIVE,
            would=Action.REJECT if observed else "",
            handler=direct.handler.name,
            queue_id=queue_id,
            road=direct.road,
            sight=Sight.WOULD_REFUSE if observed else Sight.REFUSED,
        )
    )
    return None if observed else Reject(Reason.NATIVE, reply_for(Reason.NATIVE))
