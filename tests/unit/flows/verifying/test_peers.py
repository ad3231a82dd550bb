"""Peers: what bears our own seal passes as it is."""

from ipaddress import ip_network
from typing import cast

import pytest

from reply_milter.core.mail.headers import VERDICT, Delete, Insert
from reply_milter.core.seal.verdict_header import seal
from reply_milter.core.token.token import parse
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import INVALID, Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Park, Reject
from tests.support.fakes import FORM, NOW, SEAL_KEY, FixedClock, MemoryStore, minted, rules
from tests.support.hosts.dialogue import BODY, Desk, edits, reply_fields

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
_GLOB = parse(FORM.token_text(ANSWERED.address.partition("@")[0]), FORM.checksum_length)
CONTEXT = _GLOB.token.context if _GLOB else 0
PEERS = (ip_network("192.0.2.0/24"),)


def sealed_by_us(desk: Desk) -> str:
    """The verdict that another of our hosts put on this message."""
    return next(edit.value for edit in edits(desk.send(ANSWERED)) if isinstance(edit, Insert))


def test_sealed_mail_of_a_peer_passes_as_it_is() -> None:
    """No edits, no claim, nothing to settle: it was taken already. The store is asked whether its token stands."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS))
    assert desk.send(ANSWERED, [(VERDICT, value), *GENUINE]) == Accept()
    assert desk.store.calls == ["facts", "facts"]
    assert desk.settled == []


@pytest.mark.parametrize(
    "against",
    [
        {"all_revoked_before": NOW},
        {"users_revoked_before": {42: NOW}},
        {"disabled_users": {42}},
        {"objects_revoked_before": {(1, CONTEXT): NOW}},
    ],
    ids=["before", "user", "disabled", "object"],
)
@pytest.mark.parametrize("late", [False, True], ids=["before RCPT", "after RCPT"])
def test_a_peers_seal_opens_nothing_that_is_revoked(against: dict[str, object], late: bool) -> None:
    """Whether it passed a filter there or not, and whenever it was revoked."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS))
    if late:
        desk.start(ANSWERED.address)
    for name, known in against.items():
        setattr(desk.store, name, known)
    if not late:
        desk.start(ANSWERED.address)
    verdict = desk.finish([(VERDICT, value), *GENUINE])
    assert isinstance(verdict, Reject) and verdict.reply == INVALID
    assert "claim" not in desk.store.calls


def test_a_peers_seal_opens_nothing_that_has_expired() -> None:
    """It waited for too long; the peer's sender hears the date."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS))
    desk.start(ANSWERED.address)
    cast(FixedClock, desk.service.clock).time += 90 * 86400
    verdict = desk.finish([(VERDICT, value), *GENUINE])
    assert isinstance(verdict, Reject) and verdict.reason is Reason.EXPIRED


@pytest.mark.parametrize("others", [(), ("bob@example.org",)], ids=["alone", "beside another"])
@pytest.mark.parametrize("accepts", [False, True])
def test_without_the_store_a_peers_seal_is_worth_what_the_operator_says(accepts: bool, others: tuple[str, ...]) -> None:
    """Deferred, or taken; and taken beside others, whose mail would be deferred with it."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS, accepts_without=accepts))
    desk.start(ANSWERED.address, *others)
    desk.store.down = True
    verdict = desk.finish([(VERDICT, value), *GENUINE])
    assert isinstance(verdict, Accept if accepts or others else Defer)
    assert not list(edits(verdict))


def test_a_peers_reply_is_parked_under_its_own_id_where_that_is_the_policy() -> None:
    """``revoked = "park"``: sealed anew, and nothing is claimed a second time."""
    first = Desk()
    value = sealed_by_us(first)
    desk = Desk(rules({Reason.REVOKED: Action.PARK}, peers=PEERS), store=MemoryStore(all_revoked_before=NOW))
    verdict = desk.send(ANSWERED, [(VERDICT, value), *GENUINE])
    assert isinstance(verdict, Park)
    tags = desk.tags(verdict)
    assert (tags["result"], tags["reason"], tags["id"]) == ("park", "revoked", first.settled[0])
    assert "claim" not in desk.store.calls


def test_seal_is_worth_nothing_from_anyone_else() -> None:
    """It is stripped, and the message is judged as any other."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS), client="198.51.100.7")
    verdict = desk.send(ANSWERED, [(VERDICT, value), *GENUINE])
    assert next(iter(edits(verdict))) == Delete(VERDICT, 1)
    assert desk.store.calls == ["facts", "claim"]


@pytest.mark.parametrize("client", ["", "unknown", "localhost", "192.0.2.300", "::ffff:198.51.100.7"])
def test_client_that_is_no_peer_address_is_no_peer(client: str) -> None:
    """Local submissions have no address at all."""
    assert not rules(peers=PEERS).is_peer(client)


@pytest.mark.parametrize(
    "change",
    [
        lambda value, fields: ([(VERDICT, value), (VERDICT, value), *fields], BODY),
        lambda value, fields: ([(VERDICT, value.replace("user=42", "user=43")), *fields], BODY),
        lambda value, fields: ([(VERDICT, value), *fields], BODY + b"And pay me."),
        lambda value, fields: ([(VERDICT, seal([("v", "1")], SEAL_KEY)), *fields], BODY),
    ],
    ids=["doubled", "altered", "another body", "not about this message"],
)
def test_broken_seal_of_a_peer_is_judged_as_any_other(change: object) -> None:
    """A peer relays whatever it is given."""
    assert callable(change)
    fields, body = change(sealed_by_us(Desk()), GENUINE)
    desk = Desk(rules(peers=PEERS))
    desk.send(ANSWERED, fields, body)
    assert desk.store.calls == ["facts", "claim"]


def test_seal_for_another_token_is_worth_nothing_even_from_a_peer() -> None:
    """One genuine verdict would otherwise open every address."""
    value = sealed_by_us(Desk())
    other = minted(user=43)
    desk = Desk(rules(peers=PEERS))
    desk.start(other.address)
    desk.finish([(VERDICT, value), *reply_fields(other)])
    assert desk.store.calls == ["facts", "claim"]


def test_unsealed_mail_of_a_peer_is_refused_where_its_address_is_bad() -> None:
    """At the end, because the seal might still have come."""
    desk = Desk(rules(peers=PEERS), store=MemoryStore(all_revoked_before=NOW))
    assert isinstance(desk.send(ANSWERED), Reject)
