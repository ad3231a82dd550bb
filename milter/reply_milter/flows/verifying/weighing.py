"""Whether a reply is to stay: the message's own findings, one question to the store, and what both come to."""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from reply_milter.core.mail import headers
from reply_milter.core.rules.authentication import Authentication, authentication
from reply_milter.core.rules.message import BEFORE_THE_AUTHOR, Bindings, Message, bindings, findings
from reply_milter.core.token.verify import Checked, Facts
from reply_milter.core.verdict.policy import Finding, Policy
from reply_milter.core.verdict.verdict import Action, Cause, Reason, reply_for
from reply_milter.flows.service import Rules, Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.claiming import Taken, claim_for, take, tells_of_author, tries_of
from reply_milter.flows.verifying.recipient import store_unavailable
from reply_milter.flows.verifying.standing import standing
from reply_milter.ports import Claim, Replay, StoreUnavailableError

_STAYS = (Action.ACCEPT, Action.PARK)


_ADDED_OCTETS = 4096  # that stand on top of a message, by the MTA and by us, when the hook counts it


class Examined(NamedTuple):
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
            after = [replace(one, because=Cause.WRONG_AUTHORS) for one in after[:1]] + after[1:]
        return [*self.before, *taken.of_author, *after, *taken.objections]


class Weighed(NamedTuple):
    """What decides, and what was claimed. ``replay`` as in ``Judgement``."""

    bound: Bindings
    finding: Finding | None
    action: Action
    claim: Claim | None = None
    replay: Replay | None = None


def examine(service: Service, arrival: Arrival, checked: Checked, facts: Facts | None) -> Examined:
    rules, message = service.rules, arrival.message
    vouched = _authentication_of(rules, message)
    bound = bindings(message, checked, facts, rules.form, vouched, asked=bool(rules.authserv_id))
    found = list(findings(message, bound, rules.form, rules.max_message_bytes))
    before = [one for one in found if one.reason in BEFORE_THE_AUTHOR]
    after = [one for one in found if one.reason not in BEFORE_THE_AUTHOR]
    stands = standing(service, arrival, checked, facts)
    seen = Examined(bound, stands + _as_it_stands(service, arrival) + before, after)
    return _with_room(service, arrival, checked, seen)


def weigh(service: Service, arrival: Arrival, checked: Checked) -> Weighed:
    """Ask the store once, about what is to stay, and about an author who might be a guess."""
    policy, facts = arrival.recipient.policy, arrival.recipient.facts
    seen = examine(service, arrival, checked, facts)
    finding, action = policy.decide([*seen.before, *seen.after])
    stays = _to_be_claimed(arrival, action)
    unanswered = action is not Action.ACCEPT and seen.is_before_author(finding)
    tries = None if unanswered else tries_of(arrival, checked, seen.bound)
    if not stays and (tries is None or not tells_of_author(seen.bound, tries)):
        return Weighed(seen.bound, finding, action)
    claim = claim_for(service, arrival, checked, tries, takes=stays)
    taken = take(service, claim, seen.bound, arrival.has_other_recipients)
    if taken.facts is not None and taken.facts != facts:  # it has changed since RCPT, or could not be told then
        seen = examine(service, arrival, checked, taken.facts)
    finding, action = _decide(policy, seen, taken)
    stays = _to_be_claimed(arrival, action)
    if action is not Action.PARK and service.parking_room is not None:
        service.parking_room.leave(claim.id)
    return Weighed(seen.bound, finding, action, claim, taken.replay if stays else _left(service, claim, taken.replay))


def _left(service: Service, claim: Claim, replay: Replay | None) -> Replay | None:
    """What is told of a claim that came to nothing. Released is what was taken in one go with the facts against it."""
    if replay is Replay.FIRST:
        with suppress(StoreUnavailableError):  # it stays reserved, for a token that stands no more
            service.store.release(claim)
    return None if replay in (Replay.FIRST, Replay.RETRY) else replay


def _authentication_of(rules: Rules, message: Message) -> Authentication:
    results = message.fields.get(headers.AUTHENTICATION_RESULTS.lower(), ())
    signed = message.fields.get(headers.DKIM_SIGNATURE.lower(), ())
    return authentication(results, signed, rules.authserv_id, message.author, rules.organisational)


def _as_it_stands(service: Service, arrival: Arrival) -> list[Finding]:
    """What RCPT found. A store that was away then could only defer a local submission, which waits until now."""
    return [
        store_unavailable(service, arrival.has_other_recipients)
        if finding.reason is Reason.STORE_UNAVAILABLE
        else finding
        for finding in arrival.recipient.findings
    ]


def _to_be_claimed(arrival: Arrival, action: Action) -> bool:
    """What stays, counts: in observe mode, too, where later messages must meet what they would in enforce."""
    return action is Action.ACCEPT or (action is Action.PARK and arrival.parkable)


def _with_room(service: Service, arrival: Arrival, checked: Checked, seen: Examined) -> Examined:
    """Defer what would be parked where there is no room for it, as the first thing to object to.

    Beside other recipients it can't be deferred, and would be lost: the hook counts again, and leaves it with the MTA.
    """
    finding, action = arrival.recipient.policy.decide([*seen.before, *seen.after])
    if action is not Action.PARK or arrival.has_other_recipients or _has_room(service, arrival, checked):
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
    identifier = claim_for(service, arrival, checked).id
    return room.is_there(checked.token.user, arrival.message.size + _ADDED_OCTETS, identifier)


def _decide(policy: Policy, seen: Examined, taken: Taken) -> tuple[Finding | None, Action]:
    """The claim's objections come last in the order; but what it did not take, or was there before, is not parked."""
    finding, action = policy.decide(seen.with_answer(taken))
    if action is Action.PARK:
        refusing = (one for one in taken.objections if policy.action(one) not in _STAYS)
        objection = next(refusing, None)
        if objection is not None:
            return objection, policy.action(objection)
    return finding, action
