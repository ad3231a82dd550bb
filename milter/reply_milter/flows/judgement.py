"""The end of a message to a reply recipient: rules in order, one claim, one verdict."""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from reply_milter.core import headers, tagging, verdict_header
from reply_milter.core.authentication import Authentication, authentication
from reply_milter.core.message_rules import BEFORE_THE_AUTHOR, Bindings, Message, bindings, findings
from reply_milter.core.policy import Finding, Policy
from reply_milter.core.verdict import Accept, Action, Because, Park, Reason, Verdict, refusal, reply_for
from reply_milter.core.verify import Checked, Facts
from reply_milter.flows.arrival import Arrival
from reply_milter.flows.claiming import Taken, claim_for, take, tells_of_author, tries_of
from reply_milter.flows.recipient import store_unavailable
from reply_milter.flows.service import Rules, Service
from reply_milter.flows.standing import standing, standing_of_sealed
from reply_milter.ports import Claim, Decision, Replay, StoreUnavailableError

_STAYS = (Action.ACCEPT, Action.PARK)
_ADDED_OCTETS = 4096  # that stand on top of a message, by the MTA and by us, when the hook counts it


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


def judge(service: Service, arrival: Arrival, beside: Finding | None = None) -> Judgement:
    """Decide about a reply. The store is asked once, and only if the message itself is in order.

    ``beside``: what is told of a reply that is accepted, because of another recipient; it is taken all the same.
    """
    recipient = arrival.recipient
    checked = recipient.checked
    if checked is None:  # observe mode let it come this far
        finding, action = recipient.policy.decide(recipient.findings)
        return Judgement(*_conclude(service, arrival, finding, action, []))
    if arrival.from_peer and _bears_our_seal(service, arrival, checked):
        return _judge_sealed(service, arrival, checked)
    weighed = _weigh(service, arrival, checked)
    finding, action = weighed.finding, weighed.action
    if beside is not None and action is Action.ACCEPT:
        finding, action = beside, recipient.policy.action(beside)
    identifier = (weighed.claim or claim_for(service, arrival, checked)).id
    tags = tagging.reply(identifier, checked, weighed.bound, weighed.replay or "")
    verdict, decision = _conclude(service, arrival, finding, action, tags)
    return Judgement(verdict, decision, weighed.claim, weighed.replay, service.clock.now() - checked.issued_at)


class _Examined(NamedTuple):
    """A message compared with its token, and what there is to object to: before its author is looked at, and after."""

    bound: Bindings
    before: list[Finding]
    after: list[Finding]

    def is_before_author(self, finding: Finding | None) -> bool:
        """Whether ``finding`` says nothing about the author."""
        return any(one is finding for one in self.before)

    def with_answer(self, taken: Taken) -> list[Finding]:
        """All findings in the order in which they decide."""
        after = self.after
        if taken.last:  # the log tells by which message the address has leaked
            after = [replace(one, because=Because.WRONG_AUTHORS) for one in after[:1]] + after[1:]
        return [*self.before, *taken.of_author, *after, *taken.objections]


class _Weighed(NamedTuple):
    """What decides, and what was claimed. ``replay`` as in ``Judgement``."""

    bound: Bindings
    finding: Finding | None
    action: Action
    claim: Claim | None = None
    replay: Replay | None = None


def _examine(service: Service, arrival: Arrival, checked: Checked, facts: Facts | None) -> _Examined:
    rules, message = service.rules, arrival.message
    vouched = _vouched(rules, message)
    bound = bindings(message, checked, facts, rules.form, vouched, asked=bool(rules.authserv_id))
    found = list(findings(message, bound, rules.form, rules.max_message_bytes))
    before = [one for one in found if one.reason in BEFORE_THE_AUTHOR]
    after = [one for one in found if one.reason not in BEFORE_THE_AUTHOR]
    stands = standing(service, arrival, checked, facts)
    seen = _Examined(bound, stands + _as_it_stands(service, arrival) + before, after)
    return _with_room(service, arrival, checked, seen)


def _weigh(service: Service, arrival: Arrival, checked: Checked) -> _Weighed:
    """Ask the store once, about what is to stay, and about an author who might be a guess."""
    policy, facts = arrival.recipient.policy, arrival.recipient.facts
    seen = _examine(service, arrival, checked, facts)
    finding, action = policy.decide([*seen.before, *seen.after])
    stays = _to_be_claimed(arrival, action)
    unanswered = action is not Action.ACCEPT and seen.is_before_author(finding)
    tries = None if unanswered else tries_of(arrival, checked, seen.bound)
    if not stays and (tries is None or not tells_of_author(seen.bound, tries)):
        return _Weighed(seen.bound, finding, action)
    claim = claim_for(service, arrival, checked, tries, takes=stays)
    taken = take(service, claim, seen.bound, arrival.mixed)
    if taken.facts is not None and taken.facts != facts:  # it has changed since RCPT, or could not be told then
        seen = _examine(service, arrival, checked, taken.facts)
    finding, action = _decide(policy, seen, taken)
    stays = _to_be_claimed(arrival, action)
    return _Weighed(seen.bound, finding, action, claim, taken.replay if stays else _left(service, claim, taken.replay))


def _left(service: Service, claim: Claim, replay: Replay | None) -> Replay | None:
    """What is told of a claim that came to nothing. Released is what was taken in one go with the facts against it."""
    if replay is Replay.FIRST:
        with suppress(StoreUnavailableError):  # it stays reserved, for a token that stands no more
            service.store.release(claim)
    return None if replay in (Replay.FIRST, Replay.RETRY) else replay


def _judge_sealed(service: Service, arrival: Arrival, checked: Checked) -> Judgement:
    """A peer has taken it, and all that is left to see is whether its token still stands."""
    found = standing_of_sealed(service, arrival, checked)
    finding, action = arrival.recipient.policy.decide(found)
    if action is Action.ACCEPT:
        return Judgement(Accept(), _decision(arrival, "accept", finding.reason if finding else Reason.OK))
    bound = _examine(service, arrival, checked, arrival.recipient.facts).bound
    tags = tagging.reply(claim_for(service, arrival, checked).id, checked, bound, "")
    return Judgement(*_conclude(service, arrival, finding, action, tags))


def _vouched(rules: Rules, message: Message) -> Authentication:
    results = message.fields.get(headers.AUTHENTICATION_RESULTS.lower(), ())
    signed = message.fields.get(headers.DKIM_SIGNATURE.lower(), ())
    return authentication(results, signed, rules.authserv_id, message.author, rules.organisational)


def _as_it_stands(service: Service, arrival: Arrival) -> list[Finding]:
    """What RCPT found. A store that was away then could only defer a local submission, which waits until now."""
    return [
        store_unavailable(service, arrival.mixed) if finding.reason is Reason.STORE_UNAVAILABLE else finding
        for finding in arrival.recipient.findings
    ]


def _to_be_claimed(arrival: Arrival, action: Action) -> bool:
    """What stays, counts: in observe mode, too, where later messages must meet what they would in enforce."""
    return action is Action.ACCEPT or (action is Action.PARK and arrival.parkable)


def _with_room(service: Service, arrival: Arrival, checked: Checked, seen: _Examined) -> _Examined:
    """What is to be parked where there is no room for it is to come again, as the first thing to object to."""
    finding, action = arrival.recipient.policy.decide([*seen.before, *seen.after])
    if action is not Action.PARK or _has_room(service, arrival, checked):
        return seen
    full = Finding(Reason.PARKING_FULL, reply_for(Reason.PARKING_FULL), fixed=Action.DEFER)
    if seen.is_before_author(finding):
        return seen._replace(before=[full, *seen.before])
    return seen._replace(after=[full, *seen.after])


def _has_room(service: Service, arrival: Arrival, checked: Checked) -> bool:
    """Whether the hook can park it. Nothing is parked in observe mode, nor by us where the MTA's hold queue does."""
    room = service.parking_room
    if room is None or arrival.recipient.policy.observe:
        return True
    return room.is_there(checked.token.user, arrival.message.size + _ADDED_OCTETS)


def _decide(policy: Policy, seen: _Examined, taken: Taken) -> tuple[Finding | None, Action]:
    """The claim's objections come last in the order; but what it did not take, or was there before, is not parked."""
    finding, action = policy.decide(seen.with_answer(taken))
    if action is Action.PARK:
        refusing = (one for one in taken.objections if policy.action(one) not in _STAYS)
        objection = next(refusing, None)
        if objection is not None:
            return objection, policy.action(objection)
    return finding, action


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
        if arrival.mixed:
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
    if rules.authserv_id and arrival.recipient.checked is not None:
        edits.append(headers.Insert(headers.AUTHENTICATION_RESULTS, f"{rules.authserv_id}; x-reply-token=pass"))
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
