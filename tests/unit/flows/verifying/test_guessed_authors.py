"""A bound sender can't be found by trying: wrong authors are counted a token, and twenty of them end it."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Park, Reject, Verdict
from reply_milter.flows.verifying.claiming import WRONG_AUTHORS
from reply_milter.ports import Replay
from tests.support.fakes import AUTHOR, FORUM, ISSUE, MemoryStore, minted, rules
from tests.support.hosts.dialogue import BODY, Desk, Fields, reply_fields, without

ANSWERED = minted()
HOME = "jane@home.example"
RESULTS = "Authentication-Results"
FAILED = [(RESULTS, " mx.example; dmarc=fail header.from=example.org")]


def guess(desk: Desk, number: int, more: Fields = (), local: str = "guess") -> Verdict:
    """A try with an author who is not the one."""
    return by(desk, f"{local}{number}@evil.test", f"<try{number}@evil.test>", more)


def by(desk: Desk, author: str, identifier: str = "<right@client.example>", more: Fields = ()) -> Verdict:
    """A message that is in order but for its author."""
    return desk.send(ANSWERED, [*reply_fields(ANSWERED, identifier, author), *more], BODY + identifier.encode())


def leak(desk: Desk, more: Fields = ()) -> None:
    """Use all tries up."""
    for number in range(WRONG_AUTHORS):
        guess(desk, number, more)


def reasons(desk: Desk) -> list[str]:
    """What was decided at the end of each message."""
    return [str(told.reason) for told in desk.telemetry.messages]


def test_twenty_wrong_authors_and_nobody_can_be_found_any_more() -> None:
    """The right one, as the twenty-first, hears what a wrong one hears, after the same questions; and what to do."""
    desk = Desk()
    leak(desk)
    assert reasons(desk) == ["sender_mismatch"] * WRONG_AUTHORS
    assert desk.telemetry.wrong_authors == [False] * (WRONG_AUTHORS - 1) + [True]
    assert desk.telemetry.messages[-1].because == "wrong_authors", "the log tells by which message"
    desk.store.calls.clear()
    answers = [guess(desk, 99), by(desk, AUTHOR)]
    assert answers[0] == answers[1]
    assert isinstance(answers[0], Reject) and answers[0].reason is Reason.LEAKED
    assert str(answers[0].reply) == (
        "550 5.7.1 Too many senders used this reply address; answer the latest notification instead"
    )
    assert desk.store.calls == ["facts", "claim"] * 2
    assert desk.telemetry.messages[-1].because == "wrong_authors"
    assert desk.settled == [] and not any(desk.store.tokens.values())


def test_another_address_of_the_same_user_is_as_good_as_ever() -> None:
    """What the answer says: the latest notification."""
    desk = Desk()
    leak(desk)
    latest = minted(unique="y")
    assert isinstance(desk.send(latest, reply_fields(latest)), Accept)


def test_an_exact_address_on_file_is_let_in_and_the_tag_is_not_asked() -> None:
    """Nobody can guess it; and the one that the address was sent to counts only where nothing is on file."""
    desk = Desk(store=MemoryStore(addresses={42: (HOME,)}))
    verdict = by(desk, AUTHOR)
    assert isinstance(verdict, Reject) and verdict.reason is Reason.SENDER_MISMATCH
    leak(desk)
    assert isinstance(by(desk, HOME), Accept)


def test_the_same_author_again_is_no_other_try() -> None:
    """A mail program that comes again, from another spelling too, uses nothing up."""
    desk = Desk()
    for author in ("eve@evil.test", "EVE@Evil.Test", "eve+1@evil.test", "Eve <eve+2@evil.test>", "eve@evil.test."):
        by(desk, author, f"<{len(desk.store.calls)}@evil.test>")
    assert desk.telemetry.wrong_authors == [False]
    assert isinstance(by(desk, AUTHOR), Accept)


@pytest.mark.parametrize("author", ['"eve {}"@evil.test', "eve{}@[192.0.2.1]", "évé{}@evil.test"])
def test_an_author_who_can_never_match_teaches_nothing_and_counts_nothing(author: str) -> None:
    """Nobody's address is ended by them, and no question is asked."""
    desk = Desk()
    for number in range(WRONG_AUTHORS + 1):
        by(desk, author.format(number), f"<{number}@evil.test>")
    assert set(reasons(desk)) == {"sender_mismatch"}
    assert "claim" not in desk.store.calls
    assert isinstance(by(desk, AUTHOR), Accept)


@pytest.mark.parametrize(
    "more,sender",
    [([("Auto-Submitted", " auto-replied")], "<a@b>"), ([("Content-Type", " multipart/report")], "<a@b>"), ([], "<>")],
)
def test_what_is_refused_before_anybody_asks_for_its_author_counts_nothing(more: Fields, sender: str) -> None:
    """It tells a guesser nothing: not one call of the store."""
    desk = Desk()
    for number in range(WRONG_AUTHORS + 1):
        desk.start(ANSWERED.address, sender=sender)
        desk.finish([*reply_fields(ANSWERED, f"<{number}@x>", f"e{number}@evil.test"), *more])
    assert desk.store.calls == ["facts"] * (WRONG_AUTHORS + 1)
    assert isinstance(by(desk, AUTHOR), Accept)


def test_a_wrong_thread_counts_nothing() -> None:
    """Nor does none."""
    desk = Desk()
    for number in range(WRONG_AUTHORS + 1):
        fields = without(reply_fields(ANSWERED, f"<{number}@x>", f"e{number}@evil.test"), "In-Reply-To")
        desk.send(ANSWERED, fields)
    assert "claim" not in desk.store.calls


@pytest.mark.parametrize("action", [Action.REJECT, Action.DISCARD, Action.DEFER])
def test_what_refuses_behind_the_author_is_no_way_to_find_him(action: Action) -> None:
    """``auth_fail`` would be heard by the right one alone, for ever: after the leak all hear the same."""
    desk = Desk(rules({Reason.AUTH_FAIL: action}, authserv_id="mx.example"))
    leak(desk, FAILED)
    assert guess(desk, 99, FAILED) == by(desk, AUTHOR, more=FAILED)
    assert reasons(desk)[-2:] == ["leaked", "leaked"]
    assert not any(desk.store.tokens.values())


def test_neither_a_replay_nor_a_spent_address_tells_of_the_author() -> None:
    """They are found by the same call, and weigh less."""
    policy = replace(rules().policy, replies_per_token=1)
    desk = Desk(rules(handlers=Handlers.of([replace(ISSUE, policy=policy)])))
    assert isinstance(by(desk, AUTHOR), Accept)
    leak(desk)
    for identifier in ("<right@client.example>", "<other@client.example>"):
        verdict = desk.send(ANSWERED, reply_fields(ANSWERED, identifier, AUTHOR), b"changed")
        assert isinstance(verdict, Reject) and verdict.reason is Reason.LEAKED, identifier
    assert desk.tags(by(desk, AUTHOR))["replay"] == "retry", "what was taken before may come again"


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.PARK])
def test_wrong_authors_that_the_policy_lets_in_are_counted_in_the_same_call(action: Action) -> None:
    """And meet the same end: one who may write anything from anywhere may not go on for ever."""
    desk = Desk(rules({Reason.SENDER_MISMATCH: action}))
    assert isinstance(guess(desk, 0), Park if action is Action.PARK else Accept)
    assert desk.store.calls == ["facts", "claim"]
    for number in range(1, WRONG_AUTHORS):
        guess(desk, number)
    verdict = guess(desk, 99)
    assert isinstance(verdict, Reject) and verdict.reason is Reason.LEAKED
    assert len(set(desk.settled)) == WRONG_AUTHORS


@pytest.mark.parametrize("action", list(Action))
def test_what_is_done_about_a_leaked_address_is_the_operators(action: Action) -> None:
    """``leaked`` has an action as any reason; what it lets in is sealed with that reason."""
    desk = Desk(rules({Reason.LEAKED: action}))
    leak(desk)
    verdict = by(desk, AUTHOR)
    assert verdict.reason is Reason.LEAKED
    assert len(desk.settled) == (1 if action in (Action.ACCEPT, Action.PARK) else 0)


def test_observe_mode_counts_as_enforce_does_and_refuses_nothing() -> None:
    """What it says that enforce would do is then true."""
    enforce, observe = Desk(), Desk(rules(observe=True))
    for desk in (enforce, observe):
        leak(desk)
    assert observe.store.wrong_authors == enforce.store.wrong_authors
    tags = observe.tags(by(observe, AUTHOR))
    assert (tags["would"], tags["reason"], tags["sender"]) == ("reject", "leaked", "match")


def test_good_mail_costs_no_call_more() -> None:
    """The claim tells."""
    desk = Desk()
    by(desk, AUTHOR)
    assert desk.store.calls == ["facts", "claim"]


def test_an_unbound_address_is_nobodys_secret() -> None:
    """Whoever holds it may write, and none is wrong."""
    free = minted(FORUM, recipient="")
    desk = Desk()
    for number in range(WRONG_AUTHORS + 5):
        fields = reply_fields(free, f"<{number}@x>", f"e{number}@evil.test")
        assert isinstance(desk.send(free, fields, f"{number}".encode()), Accept)
    assert desk.telemetry.wrong_authors == []


def _dying(given: Any = None, others: tuple[str, ...] = ()) -> Any:
    """Sends a message whose store is away by its end."""
    desk = Desk(given)

    def send(number: int, author: str) -> Verdict:
        desk.store.down = False
        desk.start(ANSWERED.address, *others)
        desk.store.down = True
        return desk.finish(reply_fields(ANSWERED, f"<{number}@x>", author))

    return desk, send


def test_without_the_store_no_try_is_answered() -> None:
    """Nothing would be counted: wrong and right are put off alike, however often."""
    _, send = _dying()
    for number in range(WRONG_AUTHORS + 5):
        assert isinstance(send(number, f"e{number}@evil.test"), Defer)
    assert isinstance(send(99, AUTHOR), Defer)


@pytest.mark.parametrize("others", [(), ("bob@example.org",)], ids=["on_failure", "beside another"])
def test_where_replies_are_taken_without_the_store_each_host_counts_by_itself(others: tuple[str, ...]) -> None:
    """``on_failure = "accept"``, or another recipient: twenty tries a minute, in the table of guesses."""
    desk, send = _dying(rules(accepts_without=not others), others)
    before = send(0, AUTHOR)
    assert desk.tags(before)["replay"] == Replay.UNKNOWN
    for number in range(1, WRONG_AUTHORS):
        send(number, f"e{number}@evil.test")
    assert {told.reason for told in desk.telemetry.messages[1:]} == {Reason.SENDER_MISMATCH}
    answers = [send(98, "e98@evil.test"), send(99, AUTHOR)]
    assert answers[0] == answers[1]
    assert desk.telemetry.messages[-1].reason is Reason.STORE_UNAVAILABLE
    assert not isinstance(answers[1], Accept) or others, "a second recipient gets his mail, and the reply is taken off"
    assert desk.telemetry.messages[-1].verdict in ("defer", "dropped")


def test_a_peer_without_a_seal_is_counted_as_anybody() -> None:
    """It relays what it is given."""
    desk = Desk(rules(peers=(ip_network("192.0.2.0/24"),)))
    leak(desk)
    verdict = by(desk, AUTHOR)
    assert isinstance(verdict, Reject) and verdict.reason is Reason.LEAKED
