"""Judge a message to a reply recipient at its end: rules in order, one claim. What follows from it is ``answering``."""

from typing import NamedTuple

from reply_milter.core.mail import headers
from reply_milter.core.rules.message import Bindings
from reply_milter.core.seal import tagging, verdict_header
from reply_milter.core.token.verify import Checked
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Verdict
from reply_milter.core.wrapping.keys import seal_original
from reply_milter.core.wrapping.wrap import Road
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.claiming import claim_for
from reply_milter.flows.verifying.recipient import ReplyRecipient
from reply_milter.flows.verifying.standing import standing_of_sealed
from reply_milter.flows.verifying.weighing import examine, weigh
from reply_milter.ports import Asking, Claim, Decision, Replay


class Judgement(NamedTuple):
    """What enforce mode does about a reply, whatever the mode is.

    ``finding``: what decided, None if there is nothing to object to. ``tags``: of the reply, for the seal; empty
    without a good checksum. ``claim``: what was claimed, None for nothing. ``age``: seconds since the address was
    minted. ``keeps_seal``: a peer took the reply and has sealed it, so the message stays as it is.
    """

    recipient: ReplyRecipient
    finding: Finding | None
    action: Action
    stays: bool
    tags: tagging.Tags
    claim: Claim | None = None
    replay: Replay | None = None
    age: int | None = None
    keeps_seal: bool = False

    @property
    def reason(self) -> Reason:
        """Why, in one word."""
        return self.finding.reason if self.finding is not None else Reason.OK

    @property
    def reserved(self) -> Claim | None:
        """The claim that will be committed, or released; None for none."""
        return self.claim if self.replay in (Replay.FIRST, Replay.RETRY) else None


class Answer(NamedTuple):
    """The answer to the end of a message, and what log and metrics report of it.

    ``judgement`` is None if no reply recipient was judged. ``commits``: whether we commit the claim, and no hook does.
    """

    verdict: Verdict
    decisions: tuple[Decision, ...]
    judgement: Judgement | None = None
    commits: bool = False

    @property
    def reserved(self) -> Claim | None:
        """The claim that will be committed, or released; None for none."""
        return self.judgement.reserved if self.judgement is not None else None


def judge(service: Service, arrival: Arrival) -> Asking[Judgement]:
    """Decide about a reply. The store is asked once, and only if the message itself is in order."""
    recipient = arrival.recipient
    checked = recipient.checked
    if checked is None:  # accepted at RCPT in observe mode
        finding, action = recipient.policy.decide(recipient.findings)
        return Judgement(recipient, finding, action, stays=False, tags=[])
    if arrival.from_peer and _bears_our_seal(service, arrival, checked):
        return (yield from _judge_sealed(service, arrival, checked))
    weighed = yield from weigh(service, arrival, checked)
    identifier = (weighed.claim or claim_for(service, arrival, checked)).id
    return Judgement(
        recipient,
        weighed.finding,
        weighed.action,
        arrival.stays(weighed.action),
        _tags(service, checked, weighed.bound, identifier, weighed.replay or "", recipient.direct is not None),
        weighed.claim,
        weighed.replay,
        service.clock.now() - checked.issued_at,
    )


def _judge_sealed(service: Service, arrival: Arrival, checked: Checked) -> Asking[Judgement]:
    """Judge what a peer has taken: only the token may have become invalid since."""
    recipient = arrival.recipient
    stands = yield from standing_of_sealed(service, arrival, checked)
    finding, action = recipient.policy.decide(stands)
    if action is Action.ACCEPT:
        return Judgement(recipient, finding, action, stays=True, tags=[], keeps_seal=True)
    bound = examine(service, arrival, checked, recipient.facts, stands).bound
    tags = _tags(service, checked, bound, claim_for(service, arrival, checked).id, "", recipient.direct is not None)
    return Judgement(recipient, finding, action, arrival.stays(action), tags)


def _tags(
    service: Service, checked: Checked, bound: Bindings, identifier: str, replay: str, is_native: bool
) -> tagging.Tags:
    """Who answers what; for a wrapped address also what it stands for, which only the hook can read."""
    tags = tagging.reply(identifier, checked, bound, replay)
    if bound.plain is None:
        return tags
    sealed = seal_original(service.rules.seal_keys[0], identifier, checked.handler.name, bound.plain)
    road = Road.NATIVE if is_native else Road.WRAPPED
    return [*tags, *tagging.original(road, sealed)]


def _bears_our_seal(service: Service, arrival: Arrival, checked: Checked) -> bool:
    """Whether a peer already took this very message for this very token."""
    values = arrival.message.fields.get(headers.VERDICT.lower(), ())
    tags = verdict_header.unseal(values, service.rules.seal_keys)
    return (
        not isinstance(tags, verdict_header.SealProblem)
        and tags.get("id", "").startswith(checked.token_id)
        and tags.get("body") == arrival.body.text()
    )
