"""``replies_per_token`` and ``senders_per_token`` in the order of reasons, in enforce and in observe mode."""

from dataclasses import replace

import pytest

from dialogue import Desk, reply_fields
from fakes import AUTHOR, FORUM, ISSUE, minted, rules
from reply_milter.core.handler import Handlers
from reply_milter.core.verdict import Accept, Action, Discard, Park, Reason, Reject, Verdict
from reply_milter.flows.service import Rules

ANSWERED = minted()


def limited(observe: bool = False, replies: int = 0, senders: int = 0, **actions: Action) -> Rules:
    """Rules with limits; ``actions`` by reason."""
    given = rules({Reason(name): action for name, action in actions.items()}, observe)
    policy = replace(given.policy, replies_per_token=replies, senders_per_token=senders)
    return replace(given, handlers=Handlers.of([replace(ISSUE, policy=policy), replace(FORUM, policy=policy)]))


def reply(desk: Desk, number: int, author: str = AUTHOR) -> Verdict:
    """One more message to the same address."""
    return desk.send(ANSWERED, reply_fields(ANSWERED, f"<{number}@client.example>", author), f"{number}".encode())


def test_one_reply_and_no_more() -> None:
    """The second hears why, and nothing of it is settled; the first, sent again, is a retry."""
    desk = Desk(limited(replies=1))
    assert isinstance(reply(desk, 1), Accept)
    verdict = reply(desk, 2)
    assert isinstance(verdict, Reject)
    assert (verdict.reason, str(verdict.reply)[:9]) == (Reason.SPENT, "550 5.7.1")
    assert desk.tags(reply(desk, 1))["replay"] == "retry"
    assert len(set(desk.settled)) == 1


def test_a_duplicate_on_a_spent_address_is_a_duplicate() -> None:
    """It was received, and its author is told so."""
    desk = Desk(limited(replies=1))
    reply(desk, 1)
    desk.store.commit(desk.settled[0])
    verdict = reply(desk, 1)
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.DUPLICATE


def test_spent_comes_before_replayed() -> None:
    """The contract's order."""
    desk = Desk(limited(replies=1))
    reply(desk, 1)
    verdict = desk.send(ANSWERED, reply_fields(ANSWERED, "<2@client.example>"), b"1")
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.SPENT


def test_a_leaked_address() -> None:
    """A second author, where one may write; the first goes on."""
    desk = Desk(limited(senders=1, sender_mismatch=Action.ACCEPT))
    assert isinstance(reply(desk, 1), Accept)
    verdict = reply(desk, 2, "eve@other.example")
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.LEAKED
    assert isinstance(reply(desk, 3, AUTHOR.upper()), Accept), "the same author, as addresses are compared"


def test_every_action_for_a_spent_address() -> None:
    """Discard, park and accept, of which the last two take the message."""
    for action, kind, taken in ((Action.DISCARD, Discard, 1), (Action.PARK, Park, 2), (Action.ACCEPT, Accept, 2)):
        desk = Desk(limited(replies=1, spent=action))
        reply(desk, 1)
        verdict = reply(desk, 2)
        assert isinstance(verdict, kind)
        assert len(set(desk.settled)) == taken, action
        if not isinstance(verdict, Discard):
            assert desk.tags(verdict)["reason"] == "spent"


def test_observe_counts_what_enforce_would_count() -> None:
    """What enforce refuses takes no place, so that the next one meets the same limits; it has no ``replay``."""
    enforce, observe = (Desk(limited(mode, 2, 1, sender_mismatch=Action.ACCEPT)) for mode in (False, True))
    authors = [AUTHOR, "eve@other.example", AUTHOR, "eve@other.example", AUTHOR]
    for number, author in enumerate(authors):
        heard, tags = reply(enforce, number, author), observe.tags(reply(observe, number, author))
        refused = "reject" if isinstance(heard, Reject) else ""
        assert (tags.get("would", ""), tags["reason"], "replay" in tags) == (refused, heard.reason, not refused)
    assert observe.store.authors == enforce.store.authors
    assert [*map(len, observe.store.tokens.values())] == [*map(len, enforce.store.tokens.values())]
    assert observe.settled == enforce.settled and len(observe.settled) == 2


@pytest.mark.parametrize("observe", [False, True])
def test_a_parked_message_on_a_spent_and_leaked_address_stays_parked(observe: bool) -> None:
    """It is looked at anyway; and it is taken, so it counts, and is settled."""
    desk = Desk(limited(observe, replies=1, senders=1, sender_mismatch=Action.PARK))
    reply(desk, 1)
    verdict = reply(desk, 2, "eve@other.example")
    tags = desk.tags(verdict)
    assert isinstance(verdict, Accept if observe else Park)
    assert (tags["result"], tags.get("would")) == (("pass", "park") if observe else ("park", None))
    assert (tags["reason"], tags["replay"]) == ("sender_mismatch", "first")
    assert len(set(desk.settled)) == 2


def test_what_came_before_is_not_parked_once_more() -> None:
    """Duplicate and replayed alone overrule it; a retry is parked as it was."""
    desk = Desk(limited(replies=1, sender_mismatch=Action.PARK))
    reply(desk, 1)
    assert isinstance(reply(desk, 2, "eve@other.example"), Park)
    assert desk.tags(reply(desk, 2, "eve@other.example"))["replay"] == "retry"
    again = desk.send(ANSWERED, reply_fields(ANSWERED, "<3@client.example>", "eve@other.example"), b"2")
    assert isinstance(again, Reject) and again.reason is Reason.REPLAYED
    desk.store.commit(desk.settled[-1])
    verdict = reply(desk, 2, "eve@other.example")
    assert isinstance(verdict, Reject) and verdict.reason is Reason.DUPLICATE


def test_a_replay_of_a_message_that_was_parked_because_of_a_limit_is_refused() -> None:
    """Spent comes before replayed; but it would be parked a second time."""
    desk = Desk(limited(replies=1, spent=Action.PARK))
    reply(desk, 1)
    assert isinstance(reply(desk, 2), Park)
    verdict = desk.send(ANSWERED, reply_fields(ANSWERED, "<3@client.example>"), b"2")
    assert isinstance(verdict, Reject) and verdict.reason is Reason.REPLAYED
