"""How findings make one verdict."""

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import ALLOWED, Finding, Policy
from reply_milter.core.verdict.reasons import Reason, reply_for

ACCEPTED = Finding.of(Reason.SENDER_UNKNOWN)
REFUSED = Finding.of(Reason.LOOP)
DISCARDED = Finding.of(Reason.AUTO_REPLY)
DEFAULTS = dict.fromkeys(ALLOWED, Action.REJECT) | {
    Reason.AUTO_REPLY: Action.DISCARD,
    Reason.SENDER_UNKNOWN: Action.ACCEPT,
    Reason.AUTH_FAIL: Action.ACCEPT,
    Reason.AUTH_NONE: Action.ACCEPT,
}


@pytest.mark.parametrize("reason", ALLOWED)
def test_default_action_is_the_published_one(reason: Reason) -> None:
    """Reject, except automatic replies (a refusal would bounce to a person) and unknown senders."""
    assert Policy().action(Finding.of(reason)) is DEFAULTS[reason]


def test_nothing_found_is_accepted() -> None:
    """The reason is then ``ok``."""
    assert Policy().decide([]) == (None, Action.ACCEPT)


@pytest.mark.parametrize(
    "found,deciding",
    [
        ([ACCEPTED, REFUSED, DISCARDED], REFUSED),
        ([DISCARDED, REFUSED], DISCARDED),
        ([ACCEPTED, DISCARDED], DISCARDED),
    ],
)
def test_first_finding_that_is_not_accepted_decides(found: list[Finding], deciding: Finding) -> None:
    """In the contract's order, not by severity."""
    assert Policy().decide(found) == (deciding, Policy().action(deciding))


def test_first_finding_is_the_reason_when_all_are_accepted() -> None:
    """An accepted finding is still reported."""
    policy = Policy(actions={Reason.LOOP: Action.ACCEPT})
    assert policy.decide([REFUSED, ACCEPTED]) == (REFUSED, Action.ACCEPT)


def test_operator_overrules_the_default() -> None:
    """For the reasons that the table names, and for no other."""
    policy = Policy(actions={Reason.AUTO_REPLY: Action.PARK})
    assert policy.action(DISCARDED) is Action.PARK
    assert policy.action(REFUSED) is Action.REJECT


@pytest.mark.parametrize("fail", [None, *Action])
@pytest.mark.parametrize("none", [None, *Action])
def test_silence_is_treated_as_a_failure_unless_something_is_written(fail: Action | None, none: Action | None) -> None:
    """auth_none is what auth_fail says, until it says something itself; auth_fail never follows auth_none."""
    written = {Reason.AUTH_FAIL: fail, Reason.AUTH_NONE: none}
    policy = Policy(actions={reason: action for reason, action in written.items() if action is not None})
    assert policy.action(Finding.of(Reason.AUTH_FAIL)) is (fail or Action.ACCEPT)
    assert policy.action(Finding.of(Reason.AUTH_NONE)) is (none or fail or Action.ACCEPT)


def test_fixed_action_overrules_the_operator() -> None:
    """A store that is away is no matter of policy."""
    away = Finding(Reason.STORE_UNAVAILABLE, reply_for(Reason.STORE_UNAVAILABLE), fixed=Action.DEFER)
    assert Policy(actions={Reason.STORE_UNAVAILABLE: Action.ACCEPT}).action(away) is Action.DEFER


def test_before_a_good_checksum_mail_may_only_be_refused() -> None:
    """Nothing else is known of it."""
    assert ALLOWED[Reason.MALFORMED] == ALLOWED[Reason.FORGED] == {Action.REJECT, Action.DEFER}
    assert all(ALLOWED[reason] == set(Action) for reason in ALLOWED if reason not in (Reason.MALFORMED, Reason.FORGED))
