"""The two places where a reply is answered, RCPT and end of message. Only here does observe mode differ from enforce.

What was decided is carried out in enforce mode. In observe mode the client hears yes, and log, metrics and the sealed
header name what enforce mode would do.
"""

from dataclasses import replace

from reply_milter.core.mail.headers import Edit
from reply_milter.core.seal import tagging
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import NOT_ALONE_LOCALLY, Reason
from reply_milter.core.verdict.verdict import Accept, Park, Verdict, refusal
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.direct import judge_direct
from reply_milter.flows.verifying.judgement import Answer, Judgement, judge
from reply_milter.flows.verifying.recipient import RecipientDecision, ReplyRecipient
from reply_milter.flows.verifying.sealing import removals, seal
from reply_milter.flows.verifying.transaction import Refusing, Replying
from reply_milter.ports import Asking, Decision, Fate, Sight, Stage


def answer_recipient(service: Service, decided: RecipientDecision, client: str, queue_id: str) -> Verdict:
    """Answer RCPT, and report what was decided. What waits for the end of the message is accepted here."""
    observed = decided.recipient.policy.observe and decided.refused
    service.telemetry.recipient(
        Decision(
            stage=Stage.RCPT,
            verdict=Fate.ACCEPT if observed else Fate(decided.action),
            reason=decided.reason,
            would=decided.action if observed else "",
            handler=decided.recipient.handler_name,
            token_id=decided.recipient.token_id,
            queue_id=queue_id,
            because=_because(decided.finding),
            client=client,
            road=decided.recipient.road,
            sight=_sight_at_rcpt(decided),
        )
    )
    if decided.finding is not None and decided.refused and decided.when is Stage.RCPT and not observed:
        return refusal(decided.action, decided.reason, decided.finding.reply)
    return Accept(decided.reason)


def answer_message(service: Service, state: Replying | Refusing, arrival: Arrival) -> Asking[Answer]:
    """Answer the end of a message. ``arrival`` is for the recipient that is taken, else for the first one refused."""
    if arrival.recipient.policy.observe:
        return _observe(service, state, arrival)
    return _enforce(service, state, arrival)


def _enforce(service: Service, state: Replying | Refusing, arrival: Arrival) -> Asking[Answer]:
    late = _refusal_of_all(state, arrival)
    if late is not None and late.finding is not None:
        verdict = refusal(late.action, late.reason, late.finding.reply)
        return Answer(verdict, (_decision_at_end(late, Fate(late.action), arrival.queue_id),))
    taken = state.taken if isinstance(state, Replying) else None
    dropped = [one for one in state.refused if one.recipient is not taken]
    decisions = tuple(_decision_at_end(one, Fate.DROPPED, arrival.queue_id) for one in dropped)
    edits = removals(one.recipient.arguments[0] for one in dropped)
    if taken is None:
        return Answer(Accept(edits=edits), decisions)
    judgement = yield from _judge(service, arrival)
    enforced, fate = _carried_out(service, arrival, judgement)
    if edits and isinstance(enforced, Accept):
        enforced = Accept(enforced.reason, (*enforced.edits, *edits))
    decision = _decision(judgement, arrival, fate, "")
    return Answer(enforced, (*decisions, decision), judgement, commits=not service.rules.hook_commits)


def _observe(service: Service, state: Replying | Refusing, arrival: Arrival) -> Asking[Answer]:
    """Accept the message, and report of one recipient what enforce mode would do.

    It is the one that enforce mode takes, else the first that it refuses. A second reply recipient changes nothing for
    the first; but the verdict is about both, so it names the refusal of the second where there is no other.
    """
    late, recipient = _refusal_of_all(state, arrival), arrival.recipient
    if late is not None and late.finding is not None:
        refused = recipient if late.reason is Reason.NOT_ALONE else late.recipient
        recipient = refused.with_findings([replace(late.finding, fixed=late.action)])
    arrival = arrival.observed(recipient)
    judgement = yield from _judge(service, arrival)
    not_alone = next((one for one in state.refused if one.reason is Reason.NOT_ALONE), None)
    reported = judgement
    if not_alone is not None and judgement.action is Action.ACCEPT and not judgement.keeps_seal:
        reported = judgement._replace(finding=not_alone.finding, action=not_alone.action)
    would = "" if reported.action is Action.ACCEPT else reported.action.value
    passing = _as_it_passed(service, arrival) if would else None
    if passing is not None:
        verdict = Accept(edits=_sealed(service, arrival, passing, Fate.ACCEPT, ""))
    elif reported.keeps_seal:
        verdict = Accept()
    else:
        verdict = Accept(reported.reason, _sealed(service, arrival, reported, Fate.ACCEPT, would))
    decision = _decision(reported, arrival, Fate.ACCEPT, would)
    # A hook that commits leaves alone what says `would`, even `would=park`, which enforce mode would have committed.
    return Answer(verdict, (decision,), judgement, commits=bool(would) or not service.rules.hook_commits)


def _as_it_passed(service: Service, arrival: Arrival) -> Judgement | None:
    """A native address that was verified, as one that was not: its application gets all that it got before us.

    Sealed with ``would``, the message would end as a dead letter. None for one of ours, and for what never passes.
    """
    recipient = arrival.recipient
    if recipient.direct is None or recipient.checked is None:
        return None
    found = judge_direct(service, arrival.observed(recipient.with_findings([])), recipient.direct)
    return found if found.stays else None


def as_observed(decided: RecipientDecision) -> RecipientDecision:
    """Let an application's own address pass in observe mode; RCPT has reported what enforce mode does.

    It is sealed like one that passes: the hook leaves alone what says ``would``, and the application would miss it.
    """
    if decided.recipient.direct is None or not decided.refused or not decided.recipient.policy.observe:
        return decided
    return RecipientDecision(decided.recipient.with_findings([]), None, Action.ACCEPT, Stage.EOM)


def _judge(service: Service, arrival: Arrival) -> Asking[Judgement]:
    direct = arrival.recipient.direct
    if direct is None or arrival.recipient.checked is not None:
        return (yield from judge(service, arrival))
    return judge_direct(service, arrival, direct)


def _refusal_of_all(state: Replying | Refusing, arrival: Arrival) -> RecipientDecision | None:
    """The refusal that is the answer to a whole local submission; None if there is none.

    With other recipients there is one only for an address that could not be verified yet: the MTA keeps the submission,
    and tries again. To remove that recipient would lose its reply. Without others, a second reply recipient is
    rejected: to send the message again would not make it the only one.
    """
    late = [one for one in state.refused if one.when is Stage.EOM and not one.is_beside]
    if arrival.has_other_recipients:
        return next((one for one in late if one.is_unverified), None)
    return _of_all(late[0]) if late else None


def _of_all(late: RecipientDecision) -> RecipientDecision:
    if late.reason is not Reason.NOT_ALONE:
        return late
    finding = Finding(Reason.NOT_ALONE, NOT_ALONE_LOCALLY)
    return RecipientDecision(late.recipient, finding, Action.REJECT, late.when, late.is_beside)


def _carried_out(service: Service, arrival: Arrival, judgement: Judgement) -> tuple[Verdict, Fate]:
    """The verdict of enforce mode, as far as the other recipients allow."""
    action, reason = judgement.action, judgement.reason
    if judgement.keeps_seal:
        return Accept(), Fate.ACCEPT
    if judgement.stays or judgement.finding is None:
        edits = _sealed(service, arrival, judgement, Fate(action), "")
        held = action is Action.PARK and not service.rules.parks_in_hook
        return Park(reason, edits) if held else Accept(reason, edits), Fate(action)
    if arrival.has_other_recipients:
        return Accept(reason, removals(arrival.recipient.arguments)), Fate.DROPPED
    return refusal(action, reason, judgement.finding.reply), Fate(action)


def _sealed(service: Service, arrival: Arrival, judgement: Judgement, fate: Fate, would: str) -> tuple[Edit, ...]:
    result = "park" if fate is Fate.PARK else "pass"
    return seal(service.rules, arrival, [*tagging.opening(result, judgement.reason, would), *judgement.tags])


def _decision(judgement: Judgement, arrival: Arrival, fate: Fate, would: str) -> Decision:
    return Decision(
        stage=Stage.EOM,
        verdict=fate,
        reason=judgement.reason,
        would=would,
        handler=judgement.recipient.handler_name,
        token_id=judgement.recipient.token_id,
        queue_id=arrival.queue_id,
        replay=(judgement.replay or "") if fate in (Fate.ACCEPT, Fate.PARK) else "",
        because=_because(judgement.finding),
        road=judgement.recipient.road,
        sight=_sight(judgement.recipient, judgement.reason, fate is not Fate.ACCEPT, bool(would)),
    )


def _decision_at_end(late: RecipientDecision, fate: Fate, queue_id: str) -> Decision:
    return Decision(
        stage=Stage.EOM,
        verdict=fate,
        reason=late.reason,
        handler=late.recipient.handler_name,
        token_id=late.recipient.token_id,
        queue_id=queue_id,
        because=_because(late.finding),
        road=late.recipient.road,
        sight=Sight.BESIDE if late.is_beside else _sight(late.recipient, late.reason, refused=True, observed=False),
    )


def _sight_at_rcpt(decided: RecipientDecision) -> Sight | None:
    """What became of an application's own address, if that is final at RCPT."""
    observed = decided.recipient.policy.observe
    if not decided.refused or (decided.when is Stage.EOM and not observed):
        return None
    return _sight(decided.recipient, decided.reason, refused=True, observed=observed)


def _sight(recipient: ReplyRecipient, reason: Reason, refused: bool, observed: bool) -> Sight | None:
    """What became of an application's own address; None for one of ours."""
    if recipient.direct is None:
        return None
    if observed:
        return Sight.WOULD_REFUSE
    if not refused:
        return Sight.PASSED
    return Sight.REFUSED if reason is Reason.NATIVE and recipient.direct.is_well_formed else Sight.UNFIT


def _because(finding: Finding | None) -> str:
    return (finding and finding.because) or ""
