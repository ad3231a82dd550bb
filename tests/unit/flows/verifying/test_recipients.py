"""RCPT: who is asked what, and what the client hears before it sends any data."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Reject
from reply_milter.flows.driving import settled
from tests.support.fakes import FORUM, ISSUE, NOW, MemoryStore, minted, rules
from tests.support.hosts.dialogue import Desk, reply_fields

ANSWERED = minted()
FORGED = ANSWERED.address.replace("reply+0", "reply+1")
MALFORMED = "reply+junk@reply.test"
EXPIRED = minted(now=NOW - 90 * 86400)


def answer(desk: Desk, address: str) -> str:
    """What the client hears at RCPT, or ``ok``."""
    verdict = desk.start(address)[0]
    return str(verdict.reply) if isinstance(verdict, Reject | Defer) else "ok"


def test_genuine_address_is_welcome() -> None:
    """One read of the store, no write; not even the key's use is noted."""
    desk = Desk()
    assert desk.start(ANSWERED.address) == [Accept()]
    assert desk.store.calls == ["facts"]
    assert desk.telemetry.keys == {}


@pytest.mark.parametrize("address", ["bob@example.org", "postmaster@reply.test", "bob@reply.test", MALFORMED, FORGED])
def test_store_is_not_asked_without_a_good_checksum(address: str) -> None:
    """Ordinary mail and junk cost no round trip."""
    desk = Desk()
    desk.start(address)
    assert desk.store.calls == []


@pytest.mark.parametrize(
    "address,heard",
    [
        (MALFORMED, "550 5.7.1 This reply address is not valid"),
        ("reply@reply.test", "550 5.7.1 This reply address is not valid"),
        (FORGED, "550 5.7.1 This reply address is not valid"),
        (
            EXPIRED.address,
            "550 5.7.1 This reply address expired on 2026-01-01; see https://example.com/expired",
        ),
        (minted(FORUM, now=NOW - 30 * 86400).address, "550 5.7.1 This reply address expired on 2026-01-01"),
    ],
)
def test_bad_address_is_refused_at_once(address: str, heard: str) -> None:
    """With the words of its reason, which tell nothing before a good checksum."""
    assert answer(Desk(), address) == heard


def test_odd_spelling_is_refused_as_syntax() -> None:
    """It would reach us by another way than the one that is checked."""
    desk = Desk()
    desk.connection.mail("<a@b>")
    local, domain = ANSWERED.address.split("@")
    verdict = settled(desk.connection.rcpt(f'<"{local}"@{domain}>', ANSWERED.address, True))
    assert isinstance(verdict, Reject)
    assert str(verdict.reply).startswith("550 5.1.3 ")
    assert desk.telemetry.disagreements == 0


def test_two_readings_that_differ_are_counted() -> None:
    """A sign of a rewriting MTA, or of an attack."""
    desk = Desk()
    desk.connection.mail("<a@b>")
    assert isinstance(desk.rcpt(ANSWERED.address, resolved="bob@example.org"), Reject)
    assert desk.telemetry.disagreements == 1


def test_disabled_user_reads_as_forged_and_revoked_token_as_both() -> None:
    """The same words for all three."""
    store = MemoryStore(disabled_users={42})
    revoked = MemoryStore(all_revoked_before=NOW)
    words = {answer(Desk(store=store), ANSWERED.address), answer(Desk(store=revoked), ANSWERED.address)}
    assert words == {answer(Desk(), FORGED)}


@pytest.mark.parametrize(
    "store",
    [
        MemoryStore(users_revoked_before={42: NOW}),
        MemoryStore(objects_revoked_before={(1, ANSWERED.token.context): NOW}),
        MemoryStore(all_revoked_before=NOW),
    ],
)
def test_revocations_take_effect_at_rcpt(store: MemoryStore) -> None:
    """Of a user, of an object, of everything before a time."""
    desk = Desk(store=store)
    answer(desk, ANSWERED.address)
    assert [decision.reason for decision in desk.telemetry.recipients] == [Reason.REVOKED]


def test_one_token_can_be_revoked() -> None:
    """By the id that logs call it; another address of the same user stays good."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.store.revoked_tokens.add(desk.telemetry.recipients[0].token_id)
    assert answer(desk, ANSWERED.address).startswith("550 5.7.1")
    assert answer(desk, minted(locator="other").address) == "ok"


def test_disabled_handler_is_refused_as_forged() -> None:
    """A handler that was switched off, and one that was never there."""
    for handlers in ([FORUM], [replace(ISSUE, enabled=False)]):
        desk = Desk(rules(handlers=Handlers.of(handlers)))
        assert answer(desk, ANSWERED.address) == answer(desk, FORGED)


def test_store_that_is_away_defers_replies_alone() -> None:
    """Ordinary mail never notices; junk is refused as ever."""
    desk = Desk(store=MemoryStore(down=True))
    assert answer(desk, ANSWERED.address).startswith("451 4.3.0 ")
    assert answer(desk, "bob@example.org") == "ok"
    assert answer(desk, FORGED).startswith("550 5.7.1 ")


def test_expired_address_hears_so_while_the_store_is_away() -> None:
    """Expiry comes before the store in the order."""
    assert "expired" in answer(Desk(store=MemoryStore(down=True)), EXPIRED.address)


def test_store_that_is_away_may_be_configured_to_be_no_obstacle() -> None:
    """``on_failure = "accept"``."""
    desk = Desk(rules(accepts_without=True), store=MemoryStore(down=True))
    assert desk.start(ANSWERED.address) == [Accept(Reason.STORE_UNAVAILABLE)]


def test_second_reply_recipient_is_to_come_by_itself() -> None:
    """452: the client sends it again in a transaction of its own; the first one stays."""
    desk = Desk()
    verdicts = desk.start(ANSWERED.address, minted(user=43).address)
    assert isinstance(verdicts[1], Defer)
    assert str(verdicts[1].reply).startswith("452 4.5.3 ")
    assert desk.finish(reply_fields(ANSWERED)) != Accept()


def test_same_recipient_twice_is_one() -> None:
    """Also in other letters and at another of our domains."""
    form = replace(rules().form, accept_domains=frozenset({"reply.test", "old.test"}))
    desk = Desk(rules(form=form))
    again = ANSWERED.address.upper(), ANSWERED.address.replace("reply.test", "old.test")
    assert desk.start(ANSWERED.address, *again) == [Accept()] * 3


def test_a_letter_that_folds_into_a_tokens_is_another_recipient() -> None:
    """U+212A, the Kelvin sign, is a k in lower case: the second spelling is none that we ever minted."""
    answered = next(one for one in (minted(user=number) for number in range(1000)) if "k" in one.address.split("@")[0])
    local, _, domain = answered.address.partition("@")
    odd = f"{local.replace('k', chr(0x212A), 1)}@{domain}"
    assert isinstance(Desk().start(odd)[0], Reject)
    assert isinstance(Desk().start(answered.address, odd)[1], Defer)


def test_refused_recipient_does_not_count_as_the_first() -> None:
    """A good one may follow."""
    assert Desk().start(FORGED, ANSWERED.address)[1] == Accept()


def test_junk_beside_a_reply_recipient_is_deferred_not_judged() -> None:
    """``not_alone`` comes before the token in the order."""
    assert isinstance(Desk().start(ANSWERED.address, FORGED)[1], Defer)


def test_guesses_are_throttled_and_genuine_addresses_never() -> None:
    """Counted by network; a good checksum, and what is no guess at all, hear what they always hear."""
    desk = Desk(rules(forged_per_minute=2))
    heard = [answer(desk, FORGED)[:3] for _ in range(4)]
    assert heard == ["550", "550", "451", "451"]
    assert answer(desk, MALFORMED).startswith("550")
    assert answer(desk, ANSWERED.address) == "ok"


def test_throttling_can_be_switched_off() -> None:
    """0 is no limit."""
    desk = Desk(rules(forged_per_minute=0))
    assert {answer(desk, FORGED)[:3] for _ in range(200)} == {"550"}


def test_policy_of_the_operator_applies_before_a_good_checksum() -> None:
    """``forged = "defer"``."""
    desk = Desk(rules({Reason.FORGED: Action.DEFER}))
    assert answer(desk, FORGED).startswith("451 4.7.1 This reply address is not valid")


def test_what_is_to_be_discarded_is_let_in_first() -> None:
    """Discard and park are for end of message."""
    desk = Desk(rules({Reason.EXPIRED: Action.DISCARD}))
    assert desk.start(EXPIRED.address) == [Accept(Reason.EXPIRED)]


def test_expired_and_revoked_replies_of_a_peer_are_judged_at_the_end() -> None:
    """A backup MX may bring mail that it took, and sealed, in time."""
    peer = rules(peers=(ip_network("192.0.2.0/24"),))
    assert answer(Desk(peer), EXPIRED.address) == "ok"
    assert answer(Desk(peer), FORGED).startswith("550")
    assert answer(Desk(peer, client="198.51.100.1"), EXPIRED.address).startswith("550")


def test_recipient_without_mail_is_judged_as_strictly() -> None:
    """A command out of order is no way around."""
    assert isinstance(Desk().rcpt(FORGED), Reject)


def test_each_reply_recipient_is_counted_with_its_reason() -> None:
    """Ordinary ones are none of our business."""
    desk = Desk()
    desk.start("bob@example.org", FORGED, ANSWERED.address, MALFORMED)
    found = [(decision.verdict, decision.reason, decision.handler) for decision in desk.telemetry.recipients]
    assert found == [("reject", "forged", ""), ("accept", "ok", "issue"), ("defer", "not_alone", "")]


def test_a_refusal_is_told_with_what_finds_it_again() -> None:
    """The queue id, where the MTA has one; else the client, by which it is found in the MTA's log."""
    desk = Desk()
    desk.connection.mail("<a@b>")
    desk.rcpt(FORGED)
    desk.rcpt(EXPIRED.address, queue_id="4Q1")
    first, second = desk.telemetry.recipients
    assert (first.queue_id, first.client, first.because) == ("", "192.0.2.1", "checksum")
    assert (second.queue_id, second.client, second.handler, bool(second.token_id)) == (
        "4Q1",
        "192.0.2.1",
        "issue",
        True,
    )


def test_a_disabled_user_is_no_forger_to_the_operator() -> None:
    """The client hears the same, and metrics count the same; the log tells them apart."""
    desk = Desk(store=MemoryStore(disabled_users={42}))
    assert answer(desk, ANSWERED.address) == answer(Desk(), FORGED)
    (told,) = desk.telemetry.recipients
    assert (told.reason, told.because) == ("forged", "user_disabled")
    assert told.token_id


def test_no_decision_holds_an_address() -> None:
    """Logs carry the token id."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.finish(reply_fields(ANSWERED))
    told = repr(desk.telemetry)
    assert ANSWERED.address.split("@")[0] not in told
    assert "jane" not in told
