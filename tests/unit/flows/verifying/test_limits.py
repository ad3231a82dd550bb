"""``replies_per_token`` and ``senders_per_token`` in the order of reasons, in enforce and in observe mode."""

from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest

from reply_milter.core.mail.headers import VERDICT, Insert, RemoveRecipient
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject, Verdict
from reply_milter.flows.service import Rules
from tests.support.fakes import AUTHOR, FORUM, ISSUE, NOW, changed, minted, rules
from tests.support.hosts.dialogue import Desk, edits, reply_fields

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
def test_limits_hold_for_what_would_be_parked(observe: bool) -> None:
    """Two of twelve, as of any other replies: who holds an address must not fill a disk with it."""
    desk = Desk(limited(observe, replies=2, sender_mismatch=Action.PARK))
    heard = [reply(desk, number, "eve@other.example") for number in range(12)]
    assert len(set(desk.settled)) == 2
    if observe:
        assert [desk.tags(verdict)["would"] for verdict in heard] == ["park"] * 2 + ["reject"] * 10
    else:
        assert all(isinstance(verdict, Park) for verdict in heard[:2])
        assert {verdict.reason for verdict in heard[2:] if isinstance(verdict, Reject)} == {Reason.SPENT}
        assert len([verdict for verdict in heard if isinstance(verdict, Reject)]) == 10


def test_a_limit_of_authors_holds_for_what_would_be_parked() -> None:
    """A stranger at an address that takes one author; one that parks by itself parks."""
    for action, kind in ((Action.REJECT, Reject), (Action.PARK, Park)):
        desk = Desk(limited(senders=1, sender_mismatch=Action.PARK, leaked=action))
        assert isinstance(reply(desk, 1), Accept)
        verdict = reply(desk, 2, "eve@other.example")
        assert isinstance(verdict, kind)
        assert verdict.reason is (Reason.LEAKED if action is Action.REJECT else Reason.SENDER_MISMATCH)


@dataclass
class Lot:
    """As much room as is said."""

    room: bool = True
    asked: list[tuple[int, int]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def is_there(self, user: int, octets: int, identifier: str) -> bool:
        """See ``ports.ParkingRoom``."""
        self.asked.append((user, octets))
        return self.room

    def leave(self, identifier: str) -> None:
        """See ``ports.ParkingRoom``."""
        self.left.append(identifier)


def with_lot(lot: Lot, observe: bool = False) -> Desk:
    """A service whose hook parks in ``lot``."""
    desk = Desk(replace(limited(observe, sender_mismatch=Action.PARK), parks_in_hook=True))
    desk.service = replace(desk.service, parking_room=lot)
    return desk


def test_without_room_the_client_keeps_what_would_be_parked() -> None:
    """Nothing is taken, so that it is welcome later, but a wrong author counts. What needs no place is taken."""
    lot = Lot(room=False)
    desk = with_lot(lot)
    verdict = reply(desk, 1, "eve@other.example")
    assert isinstance(verdict, Defer)
    assert (verdict.reason, str(verdict.reply)[:9]) == (Reason.PARKING_FULL, "452 4.3.1")
    assert not desk.store.tokens and desk.settled == []
    assert [len(authors) for authors in desk.store.wrong_authors.values()] == [1]
    assert [user for user, _ in lot.asked] == [42] and lot.asked[0][1] > 4200, "with trace fields"
    assert isinstance(reply(desk, 2), Accept)
    lot.room = True
    assert desk.tags(reply(desk, 1, "eve@other.example"))["result"] == "park"
    assert len(lot.asked) == 2


def test_what_the_store_refuses_keeps_no_place() -> None:
    """Whoever holds an address that is spent would else keep its user's places."""
    lot = Lot()
    desk = Desk(replace(limited(replies=2, sender_mismatch=Action.PARK), parks_in_hook=True))
    desk.service = replace(desk.service, parking_room=lot)
    heard = [reply(desk, number, "eve@other.example") for number in range(1, 5)]
    assert [type(verdict) for verdict in heard] == [Accept, Accept, Reject, Reject]
    assert (len(lot.asked), len(lot.left)) == (4, 2)


def test_beside_others_what_finds_no_room_is_left_with_the_mta() -> None:
    """A deferral would concern them as well, and taken off behind a 250 the reply would be lost: the hook counts."""
    desk = with_lot(Lot(room=False))
    desk.start(ANSWERED.address, "bob@example.com")
    verdict = desk.finish(reply_fields(ANSWERED, "<1@client.example>", "eve@other.example"))
    assert isinstance(verdict, Accept) and verdict.reason is Reason.SENDER_MISMATCH
    assert RemoveRecipient not in [type(edit) for edit in verdict.edits]
    assert desk.tags(verdict)["result"] == "park"


def test_observe_mode_parks_nothing_and_asks_for_no_room() -> None:
    """It tells what enforce does where there is room."""
    lot = Lot(room=False)
    assert with_lot(lot, observe=True).send(ANSWERED, reply_fields(ANSWERED, author="eve@other.example"))
    assert lot.asked == []


def test_what_came_before_is_not_parked_once_more() -> None:
    """Duplicate and replayed alone overrule it; a retry is parked as it was."""
    desk = Desk(limited(replies=3, sender_mismatch=Action.PARK))
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


def test_a_sealed_copy_that_is_refused_takes_no_place() -> None:
    """A peer's copy is never parked here, so its examination must reserve nothing, whoever its author is."""
    (value,) = [edit.value for edit in edits(Desk().send(ANSWERED)) if isinstance(edit, Insert)]
    lot = Lot()
    desk = with_lot(lot)
    desk.service = replace(desk.service, rules=changed(desk.service.rules, peers=(ip_network("192.0.2.0/24"),)))
    desk.start(ANSWERED.address)
    desk.store.all_revoked_before = NOW
    verdict = desk.finish([(VERDICT, value), *reply_fields(ANSWERED, author="eve@other.example")])
    assert isinstance(verdict, Reject) and lot.asked == []
