"""Every decision that a set of rules can come to, so that its series exists before the first one is counted.

The counterpart of ``answering``: what that reports is among these.
"""

from collections.abc import Iterable, Iterator

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import ContextKind, Handler
from reply_milter.core.verdict.policy import Finding, Policy
from reply_milter.core.verdict.reasons import REASONS, FoundIn, Reason
from reply_milter.flows.service import Rules
from reply_milter.ports import Decision, Fate, Stage


def _found(place: FoundIn) -> tuple[Reason, ...]:
    return tuple(reason for reason, about in REASONS.items() if place in about.found_in)


_OF_JUNK, _OF_TOKENS = _found(FoundIn.ADDRESS), _found(FoundIn.TOKEN)
_OF_MESSAGES, _OF_PARKING = _found(FoundIn.MESSAGE), _found(FoundIn.PARKING)
_OF_APPLICATION = (*_found(FoundIn.APPLICATION), Reason.MALFORMED)
_OF_WRAPPED = (Reason.MALFORMED, Reason.TOO_LARGE, Reason.LOOP, Reason.THREAD_MISMATCH, Reason.THREAD_ABSENT)
_AT_RCPT = (Action.REJECT, Action.DEFER)


def possible_decisions(rules: Rules) -> Iterator[Decision]:
    """All decisions, some of them more than once."""
    yield from _at_rcpt(rules.policy, _OF_JUNK, rules)
    without_token = (*_OF_JUNK, Reason.STORE_UNAVAILABLE)  # which is asked about disabled handlers as well
    yield from _late(rules.policy, without_token, "")
    if rules.policy.observe:
        yield from _at_end(rules.policy, without_token, "")
    for handler in rules.handlers.by_id.values():
        yield from _of_handler(rules, handler)


def _of_handler(rules: Rules, handler: Handler) -> Iterator[Decision]:
    policy = handler.policy
    yield Decision(stage=Stage.RCPT, verdict=Fate.ACCEPT, reason=Reason.OK)
    yield Decision(stage=Stage.EOM, verdict=Fate.ACCEPT, reason=Reason.OK, handler=handler.name)
    yield from _at_rcpt(policy, _OF_TOKENS, rules)
    beside = _OF_JUNK if policy.observe else ()  # of another recipient, where the one that is taken is in order
    yield from _late(policy, (*_OF_TOKENS, *beside), handler.name)
    reasons = {*_OF_MESSAGES, *_OF_TOKENS, *beside}.difference(_never_found(rules, handler))
    yield from _at_end(policy, reasons, handler.name)
    if handler.wrap is not None:
        yield from _of_application(policy, handler.name)
        if handler.wrap.verification is not None:
            yield from _of_verification(rules, policy, handler.name)
    if rules.parks_in_hook and not policy.observe and Action.PARK in policy.actions.values():
        for reason in _OF_PARKING:
            yield from _enforced(reason, Action.DEFER, handler.name)


def _of_application(policy: Policy, handler: str) -> Iterator[Decision]:
    """Decisions about an application's own addresses, and what is never accepted of an answer to one of ours."""
    for reason in _OF_APPLICATION:
        would, verdict = (Action.REJECT, Fate.ACCEPT) if policy.observe else ("", Fate.REJECT)
        yield Decision(stage=Stage.RCPT, verdict=verdict, reason=reason, would=would)
        yield from _enforced(reason, Action.REJECT, handler)
    for reason in _OF_WRAPPED:
        yield from _refused(policy, reason, Action.REJECT, handler)


def _of_verification(rules: Rules, policy: Policy, handler: str) -> Iterator[Decision]:
    """Decisions about an application's own addresses that are forged, or can't be verified yet."""
    yield from _at_rcpt(policy, (Reason.FORGED, Reason.THROTTLED), rules)
    for reason in (Reason.THROTTLED, Reason.STORE_UNAVAILABLE):
        yield from _refused(policy, reason, Action.DEFER, handler)
    yield from _refused(policy, Reason.FORGED, Action.REJECT, handler)


def _never_found(rules: Rules, handler: Handler) -> Iterator[Reason]:
    """Yield the reasons of checks that the configuration does not switch on."""
    if handler.context is ContextKind.INTEGER:
        yield from (Reason.THREAD_MISMATCH, Reason.THREAD_ABSENT)
    if not rules.verify.authserv_id:
        yield from (Reason.AUTH_FAIL, Reason.AUTH_NONE)
    if not handler.policy.replies_per_token:
        yield Reason.SPENT


def _actions(policy: Policy, reason: Reason) -> set[Action]:
    """What may be done about a finding; without a store, settings, other recipients and guesses make a difference."""
    if reason is Reason.STORE_UNAVAILABLE:
        return {Action.ACCEPT, Action.DEFER}
    return {policy.action(Finding.of(reason))}


def _at_rcpt(policy: Policy, reasons: Iterable[Reason], rules: Rules) -> Iterator[Decision]:
    for reason in reasons:
        for action in _actions(policy, reason):
            if action in _AT_RCPT:
                would = action if policy.observe else ""
                verdict = Fate.ACCEPT if policy.observe else Fate(action)
                yield Decision(stage=Stage.RCPT, verdict=verdict, reason=reason, would=would)
            if action not in _AT_RCPT or (rules.verify.peers and reason in _OF_TOKENS):
                yield Decision(stage=Stage.RCPT, verdict=Fate.ACCEPT, reason=reason)


def _late(policy: Policy, reasons: Iterable[Reason], handler: str) -> Iterator[Decision]:
    """Decisions about local submissions: refused at their end, and their recipients removed if others get them."""
    for reason in reasons:
        for action in _actions(policy, reason) & {*_AT_RCPT}:
            yield from _refused(policy, reason, Action.REJECT if reason is Reason.NOT_ALONE else action, handler)


def _at_end(policy: Policy, reasons: Iterable[Reason], handler: str) -> Iterator[Decision]:
    for reason in reasons:
        for action in _actions(policy, reason):
            if action is Action.ACCEPT:
                yield Decision(stage=Stage.EOM, verdict=Fate.ACCEPT, reason=reason, handler=handler)
            else:
                yield from _refused(policy, reason, action, handler)


def _refused(policy: Policy, reason: Reason, action: Action, handler: str) -> Iterator[Decision]:
    if policy.observe:
        yield Decision(stage=Stage.EOM, verdict=Fate.ACCEPT, reason=reason, would=action, handler=handler)
    else:
        yield from _enforced(reason, action, handler)


def _enforced(reason: Reason, action: Action, handler: str) -> Iterator[Decision]:
    yield Decision(stage=Stage.EOM, verdict=Fate(action), reason=reason, handler=handler)
    yield Decision(stage=Stage.EOM, verdict=Fate.DROPPED, reason=reason, handler=handler)
