"""Decide whether a reply is kept: by the message's own findings, and one question to the store."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple, final

from reply_milter.core.mail import headers
from reply_milter.core.rules.authentication import Authentication, are_plain, authentication
from reply_milter.core.rules.message import Bindings, Message, bindings, findings
from reply_milter.core.token.verify import Checked, Facts
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding, Policy
from reply_milter.core.verdict.reasons import NOT_THE_NOTIFICATION, REASONS, Cause, Reason, reply_for
from reply_milter.core.wrapping.plain import Plain
from reply_milter.flows.service import Rules, Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.claiming import Taken, claim_for, take, tells_of_author, tries_of
from reply_milter.flows.verifying.native import standing_at_end
from reply_milter.flows.verifying.recipient import store_unavailable
from reply_milter.flows.verifying.standing import standing
from reply_milter.ports import Asking, Claim, Consult, Release, Replay, StoreUnavailableError

_STAYS: Final = (Action.ACCEPT, Action.PARK)
_ADDED_OCTETS: Final = 4096  # header fields that the MTA and we add, which the hook counts


@final
class Examined:
    """A message compared with its token, and the findings before its author is looked at, and after."""

    def __init__(self, bound: Bindings, before: list[Finding], after: list[Finding]) -> None:
        self.bound: Final = bound
        self.before: Final = before
        self.after: Final = after

    def is_before_author(self, finding: Finding | None) -> bool:
        """Whether ``finding`` says nothing about the author."""
        return any(one is finding for one in self.before)

    def with_answer(self, taken: Taken) -> list[Finding]:
        """All findings in the order in which they decide."""
        after = self.after
        if taken.last:  # so the log shows by which message the address has leaked
            after = [replace(one, because=Cause.WRONG_AUTHORS) for one in after[:1]] + after[1:]
        return [*self.before, *taken.of_author, *after, *taken.objections]


class Weighed(NamedTuple):
    """The finding that decides, and what was claimed. ``replay`` as in ``Judgement``."""

    bound: Bindings
    finding: Finding | None
    action: Action
    claim: Claim | None = None
    replay: Replay | None = None


def examine(
    service: Service, arrival: Arrival, checked: Checked, facts: Facts | None, stands: list[Finding]
) -> Examined:
    """Compare a message with its token, and collect all findings but the claim's.

    ``facts`` None: unknown. ``stands``: what speaks against the token itself.
    """
    rules, message = service.rules, arrival.message
    authenticated = _authentication_of(rules, message)
    asked, wrapped = bool(rules.verify.authserv_id), checked.handler.wrap is not None
    owner = arrival.recipient.claimant
    native = Plain(owner.address, owner.recipient) if owner is not None else None
    if owner is not None:
        facts = facts or Facts()
        facts = facts._replace(addresses=(*owner.addresses, *facts.addresses) if owner.addresses else ())
    bound = bindings(message, checked, facts, rules.form, rules.keyring, authenticated, asked=asked, native=native)
    found = list(findings(message, bound, rules.form, rules.verify.max_message_bytes, strictly=wrapped))
    if wrapped:
        found = [_as_wrapped(one, bound, arrival) for one in found]
    before = [one for one in found if REASONS[one.reason].before_author]
    after = [one for one in found if not REASONS[one.reason].before_author]
    return Examined(bound, stands + _as_it_stands(service, arrival) + before, after)


def weigh(service: Service, arrival: Arrival, checked: Checked) -> Asking[Weighed]:
    """Ask the store once, about what is to stay, and about an author who might be a guess."""
    policy, facts = arrival.recipient.policy, arrival.recipient.facts
    seen = yield from _seen(service, arrival, checked, facts)
    finding, action = policy.decide([*seen.before, *seen.after])
    kept = arrival.stays(action)
    unanswered = action is not Action.ACCEPT and seen.is_before_author(finding)
    tries = None if unanswered else tries_of(arrival, checked, seen.bound)
    if not kept and (tries is None or not tells_of_author(seen.bound, tries)):
        return Weighed(seen.bound, finding, action)
    claim = claim_for(service, arrival, checked, tries, takes=kept)
    taken = yield from take(service, claim, seen.bound, arrival.has_other_recipients)
    known = taken.facts
    if known is not None and facts is not None:  # the claim does not ask for the copy: it never changes
        known = known._replace(original=facts.original)
    if known is not None and known != facts:  # they have changed since RCPT, or were unknown then
        seen = yield from _seen(service, arrival, checked, known)
    finding, action = _decide(policy, seen, taken)
    if action is not Action.PARK and arrival.room is not None:
        arrival.room.leave(claim.id)
    replay = taken.replay if arrival.stays(action) else (yield from _released(claim, taken.replay))
    return Weighed(seen.bound, finding, action, claim, replay)


def _as_wrapped(finding: Finding, bound: Bindings, arrival: Arrival) -> Finding:
    """What becomes of a wrapped reply that doesn't answer its notification: refused or parked, never accepted.

    Without knowledge of what it stands for it can't be parked either: nobody could be asked, and nothing restored.
    """
    if finding.reason not in (Reason.THREAD_MISMATCH, Reason.THREAD_ABSENT):
        return finding
    action = arrival.recipient.policy.action(finding)
    stays = action is Action.ACCEPT or (action is Action.PARK and bound.plain is None)
    said = NOT_THE_NOTIFICATION if finding.reason is Reason.THREAD_ABSENT else finding.reply
    return replace(finding, reply=said, fixed=Action.REJECT if stays else action)


def _released(claim: Claim, replay: Replay | None) -> Asking[Replay | None]:
    """Release what was claimed in the same round trip that brought the facts against it; what is reported of it."""
    if replay is Replay.FIRST:
        with suppress(StoreUnavailableError):  # it stays reserved, for a token that is no longer valid
            yield Release(claim)
    return None if replay in (Replay.FIRST, Replay.RETRY) else replay


def _authentication_of(rules: Rules, message: Message) -> Authentication:
    results = message.fields.get(headers.AUTHENTICATION_RESULTS.lower(), ())
    signed = message.fields.get(headers.DKIM_SIGNATURE.lower(), ())
    plain = are_plain(message.sender, message.fields.get("from", ()), message.author)
    return authentication(results, signed, rules.verify.authserv_id, message.author, rules.organisational, plain)


def _as_it_stands(service: Service, arrival: Arrival) -> list[Finding]:
    """What RCPT found. A store that was unavailable then is judged anew: a local submission waits until now."""
    return [
        store_unavailable(service, arrival.has_other_recipients)
        if finding.reason is Reason.STORE_UNAVAILABLE
        else finding
        for finding in arrival.recipient.findings
    ]


def _seen(service: Service, arrival: Arrival, checked: Checked, facts: Facts | None) -> Asking[Examined]:
    """Examine a message, with what others must be asked for."""
    if arrival.recipient.claimant is None:
        stands = standing(service, arrival, checked, facts)
    else:
        stands = yield from standing_at_end(service, arrival, checked, facts)
    seen = examine(service, arrival, checked, facts, stands)
    finding, action = arrival.recipient.policy.decide([*seen.before, *seen.after])
    if action is not Action.PARK or arrival.has_other_recipients or arrival.room is None:
        return seen
    identifier, octets = claim_for(service, arrival, checked).id, arrival.message.size + _ADDED_OCTETS
    is_there: bool = yield Consult(partial(arrival.room.is_there, checked.token.user, octets, identifier))
    return seen if is_there else _without_room(seen, finding)


def _without_room(seen: Examined, finding: Finding | None) -> Examined:
    """Defer what would be parked where there is no room for it, before anything else is objected to.

    With other recipients it can't be deferred, and would be lost: the hook counts again, and leaves it with the MTA.
    """
    full = Finding(Reason.PARKING_FULL, reply_for(Reason.PARKING_FULL), fixed=Action.DEFER)
    if seen.is_before_author(finding):
        return Examined(seen.bound, [full, *seen.before], seen.after)
    return Examined(seen.bound, seen.before, [full, *seen.after])


def _decide(policy: Policy, seen: Examined, taken: Taken) -> tuple[Finding | None, Action]:
    """Decide with the claim's answer. Its objections come last, but prevent parking: a replay is not parked again."""
    finding, action = policy.decide(seen.with_answer(taken))
    if action is Action.PARK:
        refusing = (one for one in taken.objections if policy.action(one) not in _STAYS)
        objection = next(refusing, None)
        if objection is not None:
            return objection, policy.action(objection)
    return finding, action
