"""Every decision that can be told of is foreseen, whatever the policy; and no more than a bounded number of them.

``conftest`` compares what is told with what was foreseen, in these tests as in all others of the flows.
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from itertools import product

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.policy import ALLOWED
from reply_milter.core.verdict.reasons import Reason
from reply_milter.flows.service import Rules
from reply_milter.flows.verifying.possible_decisions import possible_decisions
from tests.support.fakes import FORUM, ISSUE, NOW, MemoryStore, changed, minted, rules
from tests.support.hosts.dialogue import Desk, reply_fields, without

ANSWERED = minted()
OLD = minted(now=NOW - 100 * 86400)
NUMBERED = minted(FORUM)
JUNK = "reply+junk@reply.test"
FORGED = ANSWERED.address.replace("reply+0", "reply+1")
RESULTS = "Authentication-Results"


def every_rules() -> Iterator[Rules]:
    """Each action for every reason that allows it, in both modes, with and without peers and limits."""
    for action, observe, peers, unchecked in product(Action, (False, True), (False, True), (False, True)):
        actions = {reason: action for reason, allowed in ALLOWED.items() if action in allowed}
        given = rules(
            actions,
            observe,
            peers=(ip_network("192.0.2.0/24"),) if peers else (),
            accepts_without=unchecked,
            authserv_id="mx.example",
            max_message_bytes=500,
        )
        policy = replace(given.policy, replies_per_token=2, senders_per_token=1)
        handlers = [replace(handler, policy=policy) for handler in (ISSUE, FORUM)]
        yield changed(given, policy=policy, handlers=Handlers.of(handlers), forged_per_minute=2)


def everything(desk: Desk) -> None:
    """One of each kind of message that there is a reason for."""
    genuine = reply_fields(ANSWERED)
    messages = [
        genuine,
        genuine,  # a retry
        reply_fields(ANSWERED, "<2@client.example>"),  # the same content
        reply_fields(ANSWERED, "<3@client.example>", "eve@elsewhere.example"),
        without(genuine, "In-Reply-To"),
        [*without(genuine, "In-Reply-To"), ("In-Reply-To", " <project/issue/13/1790000000.x@reply.test>")],
        [*genuine, ("Auto-Submitted", " auto-replied")],
        [*genuine, ("From", " a@b.example")],
        [*without(genuine, "From"), ("From", f" {ANSWERED.address}")],
        [*genuine, (RESULTS, " mx.example; dmarc=fail header.from=example.org")],
    ]
    for recipients, over_smtp in product(
        [(ANSWERED.address,), (ANSWERED.address, "bob@example.org"), (NUMBERED.address,), (OLD.address,)], (True, False)
    ):
        for number, fields in enumerate(messages):
            desk.start(*recipients, over_smtp=over_smtp)
            desk.finish(fields, f"{number}".encode())
        desk.start(*recipients, sender="<>", over_smtp=over_smtp)
        desk.finish(genuine, b"x" * 1000)


def junk(desk: Desk) -> None:
    """Recipients that are no tokens of ours, alone, beside others and in bulk."""
    for recipients, over_smtp in product(
        [(JUNK,), (FORGED,), (ANSWERED.address, OLD.address), (JUNK, ANSWERED.address, "bob@example.org")],
        (True, False),
    ):
        for _ in range(3):
            desk.start(*recipients, over_smtp=over_smtp)
            desk.finish(reply_fields(ANSWERED))


@pytest.mark.parametrize("given", list(every_rules()))
def test_whatever_is_decided_was_foreseen(given: Rules) -> None:
    """Of all kinds of messages: with a store, with one that knows of revocations and disabled users, and without."""
    stores = [
        MemoryStore(),
        MemoryStore(all_revoked_before=NOW),
        MemoryStore(disabled_users={42}),
        MemoryStore(down=True),
    ]
    desks = [Desk(given, store=store) for store in stores]
    for desk in desks:
        everything(desk)
        junk(desk)
    dying = Desk(given)
    dying.start(ANSWERED.address)
    dying.store.down = True
    dying.finish(reply_fields(ANSWERED))
    assert all(desk.telemetry.recipients for desk in desks)


@pytest.mark.parametrize("given", [given for given in every_rules() if not given.policy.observe])
def test_observe_leaves_the_store_as_enforce_does(given: Rules) -> None:
    """Whatever the policy, a later message meets the same: nothing is used up that enforce would refuse."""
    observing = replace(given.policy, observe=True)
    handlers = Handlers.of(replace(handler, policy=observing) for handler in given.handlers.by_id.values())
    left = []
    for each in (given, replace(given, policy=observing, handlers=handlers)):
        desk = Desk(each)
        everything(desk)
        junk(desk)
        on_record = {
            token: [(tag, kept.content) for tag, kept in messages.items()]
            for token, messages in desk.store.tokens.items()
            if messages
        }
        left.append((on_record, desk.store.authors, desk.settled, desk.telemetry.replays, desk.telemetry.ages))
    assert left[0] == left[1]


@pytest.mark.parametrize("given", list(every_rules()))
def test_labels_are_a_bounded_set(given: Rules) -> None:
    """A few dozen a handler, and reasons that no handler of a kind can meet are left out."""
    found = set(possible_decisions(given))
    of_issues = {one for one in found if one.handler == "issue"}
    of_forum = {one for one in found if one.handler == "forum"}
    assert 10 < len(of_issues) < 50
    assert {one.reason for one in of_issues} - {one.reason for one in of_forum} == {
        Reason.THREAD_ABSENT,
        Reason.THREAD_MISMATCH,
    }
    assert len(found) < 150
