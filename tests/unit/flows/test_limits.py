"""``replies_per_token`` and ``senders_per_token`` in the order of reasons, in enforce and in observe mode."""

from dataclasses import replace

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


def test_observe_takes_the_message_and_says_would() -> None:
    """And so the next one, and the next."""
    desk = Desk(limited(observe=True, replies=1, senders=1, sender_mismatch=Action.ACCEPT))
    assert "would" not in desk.tags(reply(desk, 1))
    for number in (2, 3):
        tags = desk.tags(reply(desk, number, "eve@other.example"))
        assert (tags["would"], tags["reason"], tags["replay"]) == ("reject", "spent", "first")
    assert len(set(desk.settled)) == 3


def test_a_parked_message_on_a_spent_address_is_not_kept() -> None:
    """What a limit would refuse is not parked for another reason: nobody counts it there."""
    desk = Desk(limited(replies=1, sender_mismatch=Action.PARK))
    reply(desk, 1)
    verdict = reply(desk, 2, "eve@other.example")
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.SPENT
