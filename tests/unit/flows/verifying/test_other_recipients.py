"""Both kinds of recipients in one transaction, and local submission, where every refusal waits for the end."""

import pytest

from reply_milter.core.mail.headers import RemoveRecipient
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Reject
from tests.support.fakes import NOW, MemoryStore, minted, rules
from tests.support.hosts.dialogue import Desk, edits, reply_fields

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
STRANGER = reply_fields(ANSWERED, author="eve@example.net")


def test_others_get_their_mail_when_the_reply_is_refused() -> None:
    """The reply recipient is taken off, as the client spelled it, and counted as dropped."""
    desk = Desk()
    desk.start("bob@example.org", ANSWERED.address, ANSWERED.address.upper())
    verdict = desk.finish(STRANGER)
    gone = (RemoveRecipient(f"<{ANSWERED.address}>"), RemoveRecipient(f"<{ANSWERED.address.upper()}>"))
    assert verdict == Accept(Reason.SENDER_MISMATCH, gone)
    assert [(told.verdict, told.reason) for told in desk.telemetry.messages] == [("dropped", "sender_mismatch")]


@pytest.mark.parametrize("action", [Action.DISCARD, Action.DEFER, Action.PARK, Action.REJECT])
def test_nothing_that_is_done_to_a_reply_is_done_to_the_others(action: Action) -> None:
    """Not thrown away, not delayed, not held."""
    desk = Desk(rules({Reason.SENDER_MISMATCH: action}))
    desk.start(ANSWERED.address, "bob@example.org")
    verdict = desk.finish(STRANGER)
    assert verdict == Accept(Reason.SENDER_MISMATCH, (RemoveRecipient(f"<{ANSWERED.address}>"),))
    assert desk.store.tokens == {}


def test_accepted_reply_beside_others_is_sealed_for_all() -> None:
    """One message has one header."""
    desk = Desk()
    desk.start("bob@example.org", ANSWERED.address)
    assert desk.tags(desk.finish(GENUINE))["result"] == "pass"


def test_a_store_that_goes_away_costs_no_reply_beside_others() -> None:
    """Between RCPT and end of message, or that can be read and not written: the others can't wait for it."""
    desk = Desk()
    desk.start(ANSWERED.address, "bob@example.org")
    desk.store.down = True
    verdict = desk.finish(GENUINE)
    tags = desk.tags(verdict)
    assert (tags["result"], tags["reason"], tags["replay"]) == ("pass", "store_unavailable", "unknown")
    assert not [edit for edit in edits(verdict) if isinstance(edit, RemoveRecipient)]


def test_a_store_that_is_away_hides_no_other_finding() -> None:
    """What the message itself shows is refused all the same."""
    desk = Desk()
    desk.start(ANSWERED.address, "bob@example.org")
    desk.store.down = True
    assert desk.finish(STRANGER) == Accept(Reason.SENDER_MISMATCH, (RemoveRecipient(f"<{ANSWERED.address}>"),))


@pytest.mark.parametrize("recipients", [("bob@example.org", ANSWERED.address), (ANSWERED.address, "bob@example.org")])
def test_a_store_that_is_away_costs_no_reply_of_a_local_submission_to_others(recipients: tuple[str, str]) -> None:
    """It could only be deferred at the end, and that would be the others' mail as well."""
    desk = Desk(store=MemoryStore(down=True))
    desk.start(*recipients, over_smtp=False)
    verdict = desk.finish(GENUINE)
    assert desk.tags(verdict)["replay"] == "unknown"
    assert not [edit for edit in edits(verdict) if isinstance(edit, RemoveRecipient)]


@pytest.mark.parametrize("address", ["reply+junk@reply.test", ANSWERED.address.replace("reply+0", "reply+1")])
def test_refusal_without_smtp_waits_for_the_end(address: str) -> None:
    """At RCPT it would leave the message in the queue with a configuration error."""
    desk = Desk()
    assert [type(verdict) for verdict in desk.start(address, over_smtp=False)] == [Accept]
    verdict = desk.finish(GENUINE)
    assert isinstance(verdict, Reject)
    assert str(verdict.reply).startswith("550 5.7.1 ")


def test_store_away_without_smtp_waits_for_the_end() -> None:
    """A deferral, too."""
    desk = Desk(store=MemoryStore(down=True))
    assert [type(verdict) for verdict in desk.start(ANSWERED.address, over_smtp=False)] == [Accept]
    assert isinstance(desk.finish(GENUINE), Defer)


def test_postponed_refusal_takes_only_the_reply_recipient_off() -> None:
    """The others of a local submission get their mail; the refusal is counted as dropped."""
    desk = Desk()
    desk.start("bob@example.org", "reply+junk@reply.test", over_smtp=False)
    assert desk.finish(GENUINE) == Accept(edits=(RemoveRecipient("<reply+junk@reply.test>"),))
    assert [(told.verdict, told.reason) for told in desk.telemetry.messages] == [("dropped", "malformed")]


def test_postponed_refusals_and_a_good_reply_beside_others() -> None:
    """The good one is sealed, the bad ones come off, the others get their mail."""
    desk = Desk()
    desk.start("bob@example.org", ANSWERED.address, minted(user=43).address, over_smtp=False)
    verdict = desk.finish(GENUINE)
    assert desk.tags(verdict)["user"] == "42"
    assert list(edits(verdict))[-1] == RemoveRecipient(f"<{minted(user=43).address}>")


def test_genuine_reply_without_smtp_is_accepted() -> None:
    """A user of this machine may answer."""
    desk = Desk()
    desk.start(ANSWERED.address, over_smtp=False)
    assert desk.tags(desk.finish(GENUINE))["result"] == "pass"


@pytest.mark.parametrize("others", [[], ["bob@example.org"]])
def test_a_postponed_refusal_is_one_whole_line(others: list[str]) -> None:
    """Queue id, token id, handler and what is behind the reason, whether it is refused or goes on to others."""
    desk = Desk(store=MemoryStore(users_revoked_before={42: NOW}))
    desk.start(ANSWERED.address, *others, over_smtp=False)
    desk.finish(GENUINE, queue_id="4Q7")
    (told,) = desk.telemetry.messages
    assert (told.verdict, told.reason, told.because) == ("dropped" if others else "reject", "revoked", "user")
    assert (told.queue_id, told.handler) == ("4Q7", "issue")
    assert told.token_id == desk.telemetry.recipients[0].token_id != ""


def test_what_is_judged_at_the_end_is_told_with_what_is_behind_it() -> None:
    """A policy that lets revoked addresses in to throw the mail away."""
    desk = Desk(rules({Reason.REVOKED: Action.DISCARD}), store=MemoryStore(all_revoked_before=NOW))
    desk.start(ANSWERED.address)
    desk.finish(GENUINE)
    assert [(told.verdict, told.because) for told in desk.telemetry.messages] == [("discard", "before")]
