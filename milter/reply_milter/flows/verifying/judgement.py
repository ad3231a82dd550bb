"""The end of a message to a reply recipient: rules in order, one claim, one verdict."""

from typing import NamedTuple

from reply_milter.core.mail import headers
from reply_milter.core.seal import tagging, verdict_header
from reply_milter.core.token.verify import Checked
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Park, Verdict, refusal
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.claiming import claim_for
from reply_milter.flows.verifying.standing import standing_of_sealed
from reply_milter.flows.verifying.weighing import examine, weigh
from reply_milter.ports import Claim, Decision, Replay


class Judgement(NamedTuple):
    """The verdict, what was claimed for it (None: nothing), and what log and metrics tell of it."""

    verdict: Verdict
    decision: Decision
    claim: Claim | None = None
    replay: Replay | None = None
    age: int | None = None

    @property
    def reserved(self) -> bool:
        """Whether a message was taken that is now to be committed, or released."""
        return self.replay in (Replay.FIRST, Replay.RETRY)

    @property
    def taken(self) -> bool:
        """Whether the reply stays; in observe mode, whether it would."""
        return self.reserved or (not self.decision.would and self.decision.verdict in (Action.ACCEPT, Action.PARK))


def judge(service: Service, arrival: Arrival, reported_finding: Finding | None = None) -> Judgement:
    """Decide about a reply. The store is asked once, and only if the message itself is in order.

    ``reported_finding``: what log and header say of a reply that is accepted, because of another recipient.
    """
    recipient = arrival.recipient
    checked = recipient.checked
    if checked is None:  # observe mode let it come this far
        finding, action = recipient.policy.decide(recipient.findings)
        return Judgement(*_conclude(service, arrival, finding, action, []))
    if arrival.from_peer and _bears_our_seal(service, arrival, checked):
        return _judge_sealed(service, arrival, checked)
    weighed = weigh(service, arrival, checked)
    finding, action = weighed.finding, weighed.action
    if reported_finding is not None and action is Action.ACCEPT:
        finding, action = reported_finding, recipient.policy.action(reported_finding)
    identifier = (weighed.claim or claim_for(service, arrival, checked)).id
    tags = tagging.reply(identifier, checked, weighed.bound, weighed.replay or "")
    verdict, decision = _conclude(service, arrival, finding, action, tags)
    return Judgement(verdict, decision, weighed.claim, weighed.replay, service.clock.now() - checked.issued_at)


def _judge_sealed(service: Service, arrival: Arrival, checked: Checked) -> Judgement:
    """A peer has taken it, and all that is left to see is whether its token still stands."""
    found = standing_of_sealed(service, arrival, checked)
    finding, action = arrival.recipient.policy.decide(found)
    if action is Action.ACCEPT:
        return Judgement(Accept(), _decision(arrival, "accept", finding.reason if finding else Reason.OK))
    bound = examine(service, arrival, checked, arrival.recipient.facts).bound
    tags = tagging.reply(claim_for(service, arrival, checked).id, checked, bound, "")
    return Judgement(*_conclude(service, arrival, finding, action, tags))


def _conclude(
    service: Service, arrival: Arrival, finding: Finding | None, action: Action, tags: tagging.Tags
) -> tuple[Verdict, Decision]:
    """Turn a decision into a verdict with its edits, as far as mode and the other recipients allow."""
    reason = finding.reason if finding else Reason.OK
    because = (finding and finding.because) or ""
    would = ""
    if arrival.recipient.policy.observe and action is not Action.ACCEPT:
        would, action = action.value, Action.ACCEPT
    if finding is not None and action not in (Action.ACCEPT, Action.PARK):
        if arrival.has_other_recipients:
            return _dropped(arrival, reason), _decision(arrival, "dropped", reason, because=because)
        return refusal(action, reason, finding.reply), _decision(arrival, action, reason, because=because)
    if action is Action.PARK and not arrival.parkable:
        return _dropped(arrival, reason), _decision(arrival, "dropped", reason, because=because)
    result = "park" if action is Action.PARK else "pass"
    edits = _edits(service, arrival, [*tagging.opening(result, reason, would), *tags])
    held = action is Action.PARK and not service.rules.parks_in_hook
    verdict: Verdict = Park(reason, edits) if held else Accept(reason, edits)
    replay = dict(tags).get("replay", "")
    return verdict, _decision(arrival, action, reason, would, replay, because)


def _dropped(arrival: Arrival, reason: Reason) -> Accept:
    return Accept(reason, tuple(headers.RemoveRecipient(argument) for argument in arrival.recipient.arguments))


def _edits(service: Service, arrival: Arrival, tags: tagging.Tags) -> tuple[headers.Edit, ...]:
    """Foreign verdicts off, last first, then ours on top of everything.

    Of more than any MTA takes off in seconds, which observe mode alone lets come so far, none is: doubled, they say
    nothing to anybody, and ours would be one more.
    """
    rules = service.rules
    foreign = len(arrival.message.fields.get(headers.VERDICT.lower(), ()))
    if foreign > headers.FIELDS_LIMIT:
        return ()
    queue_id = arrival.queue_id if verdict_header.is_value(arrival.queue_id) else ""  # another MTA's may be anything
    arrived = tagging.Arrived(arrival.recipient.domain, queue_id, arrival.body.text())
    sealed = verdict_header.seal([*tags, *tagging.closing(arrived)], rules.seal_keys[0])
    edits = [*headers.strip(headers.VERDICT, foreign)]
    verify = rules.verify
    if verify.authserv_id and verify.add_authentication_results and arrival.recipient.checked is not None:
        edits.append(headers.Insert(headers.AUTHENTICATION_RESULTS, f"{verify.authserv_id}; x-reply-token=pass"))
    edits.append(headers.Insert(headers.VERDICT, sealed))
    return tuple(edits)


def _bears_our_seal(service: Service, arrival: Arrival, checked: Checked) -> bool:
    """Whether a peer already took this very message for this very token."""
    values = arrival.message.fields.get(headers.VERDICT.lower(), ())
    tags = verdict_header.unseal(values, service.rules.seal_keys)
    return (
        not isinstance(tags, verdict_header.SealProblem)
        and tags.get("id", "").startswith(checked.token_id)
        and tags.get("body") == arrival.body.text()
    )


def _decision(
    arrival: Arrival, verdict: str, reason: Reason, would: str = "", replay: str = "", because: str = ""
) -> Decision:
    recipient = arrival.recipient
    return Decision(
        stage="eom",
        verdict=verdict,
        reason=reason,
        would=would,
        handler=recipient.handler_name,
        token_id=recipient.token_id,
        queue_id=arrival.queue_id,
        replay=replay,
        because=because,
    )
