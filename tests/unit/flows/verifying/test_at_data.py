"""DATA: which messages concern us. The others may end there, and leave nothing behind."""

import pytest

from tests.support.fakes import minted, rules
from tests.support.hosts.dialogue import Desk

ANSWERED, OTHER = minted(), minted(user=43)
JUNK = "reply+junk@reply.test"


def test_ordinary_mail_does_not_concern_us() -> None:
    """Nor does mail beside which all reply recipients were refused."""
    for recipients in (["bob@example.com"], ["bob@example.com", "ann@example.com"], [JUNK, "bob@example.com"]):
        desk = Desk()
        desk.start(*recipients)
        assert not desk.connection.data(), recipients


@pytest.mark.parametrize(
    "recipients", [[ANSWERED.address], ["bob@example.com", ANSWERED.address], [ANSWERED.address, JUNK]]
)
def test_a_reply_does(recipients: list[str]) -> None:
    """Also beside others."""
    desk = Desk()
    desk.start(*recipients)
    assert desk.connection.data()


def test_what_is_refused_at_the_end_does() -> None:
    """In observe mode, and in a local submission."""
    observing, local = Desk(rules(observe=True)), Desk()
    observing.start(JUNK, "bob@example.com")
    local.start(JUNK, "bob@example.com", over_smtp=False)
    assert observing.connection.data() and local.connection.data()


def test_what_is_broken_does() -> None:
    """Its end is deferred."""
    desk = Desk()
    desk.connection.mark_broken()
    desk.rcpt("bob@example.com")
    assert desk.connection.data()


def test_without_a_recipient_nothing_is_known() -> None:
    """A DATA out of order, behind MAIL or not: the MTA may know of recipients of which it did not tell."""
    desk = Desk()
    assert desk.connection.data()
    desk.start()
    assert desk.connection.data()
    desk.start(JUNK)
    assert desk.connection.data()


def test_nothing_of_it_reaches_the_next_message() -> None:
    """After an end at DATA, with or without ABORT."""
    for aborted in (True, False):
        desk = Desk()
        desk.start("bob@example.com")
        assert not desk.connection.data()
        desk.connection.done()
        if aborted:
            desk.connection.abort()
        assert not desk.connection.in_transaction
        assert desk.tags(desk.send(ANSWERED))["replay"] == "first"
        desk.start("bob@example.com")
        assert not desk.connection.data()
        desk.connection.done()
        desk.start(OTHER.address)
        assert desk.connection.data()
