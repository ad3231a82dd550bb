"""End of message: whole transactions."""

import pytest

from reply_milter.core.mail.headers import OCTETS_LIMIT, VERDICT, Delete, Insert
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Park, Reject
from tests.support.fakes import AUTHOR, FORUM, NOW, MemoryStore, minted, rules
from tests.support.hosts.dialogue import BODY, Desk, edits, reply_fields, without

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
STRANGER = reply_fields(ANSWERED, author="eve@example.net")
AUTOMATIC = [*GENUINE, ("Auto-Submitted", " auto-replied")]


def test_genuine_reply_is_accepted_with_a_sealed_verdict() -> None:
    """Who answers what, and how sure we are."""
    desk = Desk()
    tags = desk.tags(desk.send(ANSWERED))
    found = {name: value for name, value in tags.items() if name not in ("id", "body", "seal")}
    assert found == {
        "v": "1",
        "result": "pass",
        "reason": "ok",
        "user": "42",
        "handler": "issue",
        "context": str(ANSWERED.token.context),
        "thread": "match",
        "locator": "project/issue/12",
        "replied_to": str(NOW - 86400),
        "sender": "match",
        "auth": "none",
        "replay": "first",
        "issued": str(NOW - 86400),
        "expires": str(ANSWERED.expires),
        "recipient_domain": "reply.test",
        "queue": "4Q1",
    }
    assert (len(tags["id"]), len(tags["body"])) == (26, 26)


def test_reply_to_an_integer_handler_has_no_thread() -> None:
    """And no locator."""
    desk, answered = Desk(), minted(FORUM)
    tags = desk.tags(desk.send(answered))
    assert (tags["context"], tags["thread"], "locator" in tags, "replied_to" in tags) == ("7", "none", False, False)


def test_accepted_reply_is_counted_and_settled() -> None:
    """Once, under the id that its verdict bears."""
    desk = Desk()
    tags = desk.tags(desk.send(ANSWERED))
    assert desk.settled == [tags["id"]]
    assert desk.telemetry.ages == [86400]
    assert [(told.verdict, told.reason, told.replay) for told in desk.telemetry.messages] == [("accept", "ok", "first")]


def test_a_key_is_used_by_what_is_taken() -> None:
    """Accepted or parked, also without a store; not by a probe at RCPT, nor by what is refused or thrown away."""
    for given, fields, used in (
        (rules(), GENUINE, True),
        (rules({Reason.SENDER_MISMATCH: Action.PARK}), STRANGER, True),
        (rules({Reason.SENDER_MISMATCH: Action.ACCEPT}, observe=True), STRANGER, True),
        (rules(), STRANGER, False),
        (rules(), AUTOMATIC, False),
        (rules(observe=True), STRANGER, False),
        (rules({Reason.SENDER_MISMATCH: Action.PARK}, observe=True), STRANGER, True),
    ):
        desk = Desk(given)
        desk.start(ANSWERED.address)
        assert desk.telemetry.keys == {}
        desk.finish(fields)
        assert desk.telemetry.keys == ({"k1": NOW} if used else {}), fields
    desk = Desk(rules(accepts_without=True), store=MemoryStore(down=True))
    desk.send(ANSWERED)
    assert desk.telemetry.keys == {"k1": NOW}


def test_a_key_is_not_used_where_the_answer_failed() -> None:
    """The client comes again."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.content(GENUINE)
    desk.end_of_message("4Q1")
    desk.failed()
    assert desk.telemetry.keys == {}


def test_ordinary_mail_is_never_changed_whatever_the_store_does() -> None:
    """No edits, no questions."""
    desk = Desk(store=MemoryStore(down=True))
    desk.start("bob@example.org")
    assert desk.finish([(VERDICT, " v=1; seal=x"), *AUTOMATIC]) == Accept()
    assert (desk.store.calls, desk.telemetry.messages) == ([], [])


def test_body_of_ordinary_mail_is_not_needed() -> None:
    """The MTA may keep it."""
    desk = Desk()
    desk.start("bob@example.org")
    assert desk.connection.body(BODY) is False
    desk.start(ANSWERED.address)
    assert desk.connection.body(BODY) is True


def test_forged_verdicts_come_off_last_first() -> None:
    """Whatever their letter case; then ours goes on top. The count is told."""
    desk = Desk()
    forged = [(VERDICT, " v=1"), ("x-reply-verdict", " v=2"), ("X-REPLY-VERDICT", "")]
    verdict = desk.send(ANSWERED, [*forged, *GENUINE])
    made = list(edits(verdict))
    assert made[:3] == [Delete(VERDICT, 3), Delete(VERDICT, 2), Delete(VERDICT, 1)]
    assert [type(edit) for edit in made[3:]] == [Insert]
    assert desk.telemetry.stripped == [3]


def test_every_forged_verdict_comes_off_however_many_fields_there_are() -> None:
    """Observe mode accepts what is malformed: also then no forged verdict may stay."""
    desk = Desk(rules(observe=True))
    many = [("X-Filler", " x")] * 2500 + [(VERDICT, " v=1")] * 3
    removed = [edit for edit in edits(desk.send(ANSWERED, [*GENUINE, *many])) if isinstance(edit, Delete)]
    assert len(removed) == 3


def test_authentication_results_are_added_when_an_id_is_configured() -> None:
    """Below our verdict."""
    desk = Desk(rules(authserv_id="mx.example.com"))
    inserted = [edit for edit in edits(desk.send(ANSWERED)) if isinstance(edit, Insert)]
    assert [edit.name for edit in inserted] == ["Authentication-Results", VERDICT]
    assert inserted[0].value == "mx.example.com; x-reply-token=pass"


def test_authentication_results_are_not_added_where_the_operator_says_so() -> None:
    """What the milters before us wrote is read all the same."""
    desk = Desk(rules({Reason.AUTH_NONE: Action.REJECT}, authserv_id="mx.example", add_authentication_results=False))
    assert desk.send(ANSWERED).reason is Reason.AUTH_NONE
    vouched = ("Authentication-Results", " mx.example; dmarc=pass header.from=example.org")
    desk = Desk(rules(authserv_id="mx.example", add_authentication_results=False))
    inserted = [edit.name for edit in edits(desk.send(ANSWERED, [*GENUINE, vouched])) if isinstance(edit, Insert)]
    assert inserted == [VERDICT]


@pytest.mark.parametrize(
    "fields,reason",
    [
        (without(GENUINE, "From"), Reason.MALFORMED),
        ([*GENUINE, ("from", " x@y")], Reason.MALFORMED),
        ([*GENUINE, ("MESSAGE-ID", " <2@x>")], Reason.MALFORMED),
        ([*GENUINE, ("X-Long", "x" * OCTETS_LIMIT)], Reason.MALFORMED),
        ([*GENUINE, *[("X-Filler", " x")] * 2000], Reason.MALFORMED),
        ([*GENUINE, ("Content-Type", " multipart/report")], Reason.BOUNCE),
        ([*GENUINE, ("Reply-To", f" {ANSWERED.address}")], Reason.LOOP),
        (without(GENUINE, "In-Reply-To"), Reason.THREAD_ABSENT),
        ([*without(GENUINE, "In-Reply-To"), ("In-Reply-To", " <p/1@reply.test>")], Reason.THREAD_MISMATCH),
        (STRANGER, Reason.SENDER_MISMATCH),
    ],
)
def test_message_that_is_not_in_order_is_refused_before_a_claim(fields: list[tuple[str, str]], reason: Reason) -> None:
    """Nothing is remembered of it, but a wrong author, so a corrected one may follow."""
    desk = Desk()
    verdict = desk.send(ANSWERED, fields)
    assert isinstance(verdict, Reject)
    assert verdict.reason is reason
    assert desk.store.calls == (["facts", "claim"] if reason is Reason.SENDER_MISMATCH else ["facts"])
    assert not any(desk.store.tokens.values())
    assert desk.settled == []
    assert isinstance(desk.send(ANSWERED), Accept)


def test_automatic_reply_is_thrown_away_in_silence() -> None:
    """A refusal would bounce to somebody."""
    assert Desk().send(ANSWERED, AUTOMATIC) == Discard(Reason.AUTO_REPLY)


def test_null_sender_is_a_bounce_and_uses_nothing_up() -> None:
    """RCPT is answered as for anyone: address checks of others come this way."""
    desk = Desk()
    assert desk.start(ANSWERED.address, sender="<>") == [Accept()]
    verdict = desk.finish(GENUINE)
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.BOUNCE
    assert desk.store.tokens == {}


def test_size_counts_header_and_body() -> None:
    """552 for what is larger."""
    desk = Desk(rules(max_message_bytes=1000))
    assert isinstance(desk.send(ANSWERED, body=b"x" * 100), Accept)
    verdict = desk.send(minted(user=43, recipient=AUTHOR), body=b"x" * 1000)
    assert isinstance(verdict, Reject)
    assert str(verdict.reply).startswith("552 5.3.4 ")


def test_unknown_sender_is_accepted_and_told() -> None:
    """Nothing on file, and the token is not bound."""
    desk = Desk()
    tags = desk.tags(desk.send(minted(recipient="")))
    assert (tags["result"], tags["reason"], tags["sender"]) == ("pass", "sender_unknown", "unknown")


def test_accepted_finding_is_the_reason_unless_a_later_one_is_not_accepted() -> None:
    """The first whose action is not accept, else the first."""
    lenient = rules({Reason.THREAD_ABSENT: Action.ACCEPT})
    desk = Desk(lenient)
    unthreaded = without(GENUINE, "In-Reply-To")
    assert desk.tags(desk.send(ANSWERED, unthreaded))["reason"] == "thread_absent"
    verdict = Desk(lenient).send(ANSWERED, without(STRANGER, "In-Reply-To"))
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.SENDER_MISMATCH


def test_deferred_reason_is_a_451() -> None:
    """``sender_mismatch = "defer"``."""
    verdict = Desk(rules({Reason.SENDER_MISMATCH: Action.DEFER})).send(ANSWERED, STRANGER)
    assert isinstance(verdict, Defer)
    assert str(verdict.reply).startswith("451 4.7.1 ")


def test_parked_reply_is_claimed_and_sealed_as_parked() -> None:
    """It is held once, not at every retry."""
    desk = Desk(rules({Reason.SENDER_MISMATCH: Action.PARK}))
    verdict = desk.send(ANSWERED, STRANGER)
    assert isinstance(verdict, Park)
    tags = desk.tags(verdict)
    assert (tags["result"], tags["reason"], tags["replay"]) == ("park", "sender_mismatch", "first")
    desk.store.commit(tags["id"])
    again = desk.send(ANSWERED, STRANGER)
    assert isinstance(again, Reject)
    assert again.reason is Reason.DUPLICATE
