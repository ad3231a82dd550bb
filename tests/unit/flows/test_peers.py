"""Peers: what bears our own seal passes as it is."""

from ipaddress import ip_network

import pytest

from dialogue import BODY, Desk, edits, reply_fields
from fakes import NOW, SEAL_KEY, MemoryStore, minted, rules
from reply_milter.core.headers import VERDICT, Delete, Insert
from reply_milter.core.verdict import Accept, Reject
from reply_milter.core.verdict_header import seal

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
PEERS = (ip_network("192.0.2.0/24"),)


def sealed_by_us(desk: Desk) -> str:
    """The verdict that another of our hosts put on this message."""
    return next(edit.value for edit in edits(desk.send(ANSWERED)) if isinstance(edit, Insert))


def test_sealed_mail_of_a_peer_passes_as_it_is() -> None:
    """No edits, no claim, nothing to settle: it was taken already."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS))
    assert desk.send(ANSWERED, [(VERDICT, value), *GENUINE]) == Accept()
    assert desk.store.calls == ["facts"]
    assert desk.settled == []


def test_sealed_mail_of_a_peer_passes_after_the_token_has_expired() -> None:
    """It was taken in time, and waited on the backup MX."""
    value = sealed_by_us(Desk())
    desk = Desk(rules(peers=PEERS), store=MemoryStore(all_revoked_before=NOW))
    assert desk.send(ANSWERED, [(VERDICT, value), *GENUINE]) == Accept()


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
