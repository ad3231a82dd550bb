"""Every decision that a set of rules can come to, for series that exist before the first of their kind is counted.

The counterpart of ``inbound`` and ``judgement``: what they report is among these.
"""

from collections.abc import Iterable, Iterator

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import ContextKind, Handler
from reply_milter.core.verdict.policy import Finding, Policy
from reply_milter.core.verdict.reasons import REASONS, Reason, Stage
from reply_milter.flows.service import Rules
from reply_milter.ports import Decision


def _found(stage: Stage) -> tuple[Reason, ...]:
    return tuple(reason for reason, about in REASONS.items() if stage in about.stages)


_OF_JUNK, _OF_TOKENS = _found(Stage.ADDRESS), _found(Stage.TOKEN)
_OF_MESSAGES, _OF_PARKING = _found(Stage.MESSAGE), _found(Stage.PARKING)
_AT_RCPT = (Action.REJECT, Action.DEFER)


def possible_decisions(rules: Rules) -> Iterator[Decision]:
    """All decisions, some of them more than once."""
    yield from _at_rcpt(rules.policy, _OF_JUNK, rules)
    without_token = (*_OF_JUNK, Reason.STORE_UNAVAILABLE)  # which is asked about disabled handlers as well
    yield from _postponed(rules.policy, without_token, "")
    if rules.policy.observe:
        yield from _at_end(rules.policy, without_token, "")
    for handler in rules.handlers.by_id.values():
        yield from _of_handler(rules, handler)


def _of_handler(rules: Rules, handler: Handler) -> Iterator[Decision]:
    policy = handler.policy
    yield Decision("rcpt", Action.ACCEPT, Reason.OK)
    yield Decision("eom", Action.ACCEPT, Reason.OK, handler=handler.name)
    yield from _at_rcpt(policy, _OF_TOKENS, rules)
    yield from _postponed(policy, (*_OF_TOKENS, *(_OF_JUNK if policy.observe else ())), handler.name)
    let_in = _OF_JUNK if policy.observe else ()
    reasons = {*_OF_MESSAGES, *_OF_TOKENS, *let_in}.difference(_never_found(rules, handler))
    yield from _at_end(policy, reasons, handler.name)
    if rules.parks_in_hook and not policy.observe and Action.PARK in policy.actions.values():
        yield from _at_end(policy, _OF_PARKING, handler.name)


def _never_found(rules: Rules, handler: Handler) -> Iterator[Reason]:
    """Yield the reasons that are found only where the operator asks for something."""
    if handler.context is not ContextKind.THREAD:
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
            if policy.observe and action in _AT_RCPT:
                yield Decision("rcpt", Action.ACCEPT, reason, would=action)
            elif action in _AT_RCPT:
                yield Decision("rcpt", action, reason)
            if action not in _AT_RCPT or (rules.verify.peers and reason in _OF_TOKENS):
                yield Decision("rcpt", Action.ACCEPT, reason)


def _postponed(policy: Policy, reasons: Iterable[Reason], handler: str) -> Iterator[Decision]:
    """Local submissions are refused at their end, and their recipients taken off beside others'."""
    for reason in reasons:
        for action in _actions(policy, reason) & {*_AT_RCPT}:
            late = Action.REJECT if reason is Reason.NOT_ALONE else action
            if policy.observe:
                yield Decision("eom", Action.ACCEPT, reason, would=late, handler=handler)
            else:
                yield Decision("eom", "dropped", reason, handler=handler)
                yield Decision("eom", late, reason, handler=handler)


def _at_end(policy: Policy, reasons: Iterable[Reason], handler: str) -> Iterator[Decision]:
    for reason in reasons:
        for action in _actions(policy, reason):
            if action is Action.ACCEPT:
                yield Decision("eom", Action.ACCEPT, reason, handler=handler)
            elif policy.observe:
                yield Decision("eom", Action.ACCEPT, reason, would=action, handler=handler)
            else:
                yield Decision("eom", action, reason, handler=handler)
                yield Decision("eom", "dropped", reason, handler=handler)
