"""Refusals that had to wait for end of message: a local submission is never refused a recipient.

No program stands behind it that would send the message again by itself: it would wait in maildrop for ever.
"""

from dataclasses import dataclass

from reply_milter.core.mail.headers import Edit, RemoveRecipient
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import NOT_ALONE_LOCALLY, Reason
from reply_milter.core.verdict.verdict import Verdict, refusal
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.recipient import ReplyRecipient
from reply_milter.ports import Decision


@dataclass(frozen=True, slots=True)
class Postponed:
    """A reply recipient that is to be refused, and what is to be done about it."""

    recipient: ReplyRecipient
    finding: Finding
    action: Action


def refuse(service: Service, postponed: Postponed, queue_id: str) -> Verdict:
    """Nobody but reply recipients, and one of them is refused: so is the message, and its sender hears why."""
    late = of_the_whole(postponed)
    service.telemetry.message(_decision(late, late.action, queue_id))
    return refusal(late.action, late.finding.reason, late.finding.reply)


def of_the_whole(postponed: Postponed) -> Postponed:
    """What is done about the whole message: to send it again would not make its recipient the only one."""
    if postponed.finding.reason is not Reason.NOT_ALONE:
        return postponed
    return Postponed(postponed.recipient, Finding(Reason.NOT_ALONE, NOT_ALONE_LOCALLY), Action.REJECT)


def drop(service: Service, postponed: list[Postponed], queue_id: str) -> tuple[Edit, ...]:
    """Others get the message, too: take the refused recipients off."""
    for late in postponed:
        service.telemetry.message(_decision(late, "dropped", queue_id))
    return tuple(RemoveRecipient(late.recipient.arguments[0]) for late in postponed)


def _decision(postponed: Postponed, verdict: str, queue_id: str) -> Decision:
    return Decision(
        stage="eom",
        verdict=verdict,
        reason=postponed.finding.reason,
        handler=postponed.recipient.handler_name,
        token_id=postponed.recipient.token_id,
        queue_id=queue_id,
        because=postponed.finding.because or "",
    )
