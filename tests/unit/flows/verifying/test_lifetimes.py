"""Two lifetimes, two objects: nothing of one message reaches the next."""

from dataclasses import replace

from reply_milter.core.mail.headers import VERDICT, Delete
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Reject
from reply_milter.ports import DEFER_INTERNAL
from tests.support.fakes import minted, rules
from tests.support.hosts.dialogue import Desk, edits, reply_fields

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
STRANGER = reply_fields(ANSWERED, author="eve@example.net")
AUTOMATIC = [*GENUINE, ("Auto-Submitted", " auto-replied")]


def test_nothing_leaks_into_the_next_message() -> None:
    """Recipient, header, body and brokenness end with their message, however it ends."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.content([(VERDICT, " v=1"), ("From", " x@y"), *AUTOMATIC], b"x" * 5000)
    desk.connection.mark_broken()
    verdict = desk.send(ANSWERED)
    assert not [edit for edit in edits(verdict) if isinstance(edit, Delete)]
    assert desk.tags(verdict)["reason"] == "ok"
    desk.start("bob@example.org")
    assert desk.finish(GENUINE) == Accept()


def test_abort_ends_a_message() -> None:
    """Several aborts, and content that nobody asked for, do no harm."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.connection.abort()
    desk.connection.abort()
    desk.content(AUTOMATIC)
    assert not desk.connection.in_transaction
    assert desk.end_of_message("4Q1") == Accept()
    assert desk.store.tokens == {}


def test_answered_message_is_over() -> None:
    """A second end of message without a start decides nothing."""
    desk = Desk()
    desk.send(ANSWERED)
    assert desk.end_of_message("4Q1") == Accept()
    desk.connection.done()
    desk.failed()
    assert len(desk.telemetry.messages) == len(desk.settled) == 1


def test_reload_never_changes_the_rules_within_a_message() -> None:
    """The service is looked up at MAIL."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.service = replace(desk.service, rules=rules({Reason.SENDER_MISMATCH: Action.ACCEPT}))
    assert isinstance(desk.finish(STRANGER), Reject)
    assert isinstance(desk.send(ANSWERED, STRANGER), Accept)


def test_broken_step_is_never_decided_upon() -> None:
    """The message is deferred, by value, whatever follows of it; nothing is claimed or counted."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.connection.mark_broken()
    assert desk.rcpt("bob@example.org") == DEFER_INTERNAL
    assert desk.finish(GENUINE) == DEFER_INTERNAL
    assert (desk.store.tokens, desk.telemetry.messages) == ({}, [])


def test_what_follows_of_a_message_that_could_not_be_begun_is_deferred() -> None:
    """RCPT and end of message, of replies and of ordinary mail: who is meant can't be told. The next is as any."""
    desk = Desk()
    for address in (ANSWERED.address, "bob@example.org"):
        desk.connection.mark_broken()
        assert desk.rcpt(address) == DEFER_INTERNAL
        assert desk.finish(GENUINE) == DEFER_INTERNAL
    assert desk.tags(desk.send(ANSWERED))["result"] == "pass"


def test_broken_step_of_ordinary_mail_does_not_matter() -> None:
    """Mail that is not a reply is never delayed."""
    desk = Desk()
    desk.start("bob@example.org")
    desk.connection.mark_broken()
    assert desk.finish(GENUINE) == Accept()
