"""Observe mode with several reply recipients: about whom the one verdict is, and what enforce would do about them."""

from dataclasses import replace

from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Reason
from reply_milter.flows.verifying.postponed import Postponed, of_the_whole
from reply_milter.flows.verifying.recipient import ReplyRecipient


def observed(
    reply: ReplyRecipient | None, postponed: list[Postponed], let_in: list[Postponed], others: bool
) -> tuple[ReplyRecipient, Finding | None]:
    """The recipient that the verdict is about, and what is told where there is nothing else to tell of it.

    It is the one that enforce takes, else the first that it refuses. A local submission that enforce refuses as a whole
    is judged so. A second reply recipient, whom enforce sends away, changes nothing for the first; but the verdict is
    his as well.
    """
    refused = [*postponed, *let_in]
    if postponed and not others:
        late = of_the_whole(postponed[0])
        recipient = reply if reply and late.finding.reason is Reason.NOT_ALONE else late.recipient
        return replace(recipient, findings=[replace(late.finding, fixed=late.action)]), None
    found = (late.finding for late in refused if late.finding.reason is Reason.NOT_ALONE)
    return reply or refused[0].recipient, next(found, None)
