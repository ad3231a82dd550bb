"""Observe mode: evaluates everything, refuses nothing, and says what it would do."""

import pytest

from dialogue import Desk, reply_fields
from fakes import NOW, MemoryStore, minted, rules
from reply_milter.core.headers import FIELDS_LIMIT, VERDICT
from reply_milter.core.verdict import Accept

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
STRANGER = reply_fields(ANSWERED, author="eve@example.net")
AUTOMATIC = [*GENUINE, ("Auto-Submitted", " auto-replied")]


@pytest.mark.parametrize(
    "recipients,fields,reason,would",
    [
        ([ANSWERED.address], GENUINE, "ok", ""),
        ([ANSWERED.address], STRANGER, "sender_mismatch", "reject"),
        ([ANSWERED.address], AUTOMATIC, "auto_reply", "discard"),
        (["reply+junk@reply.test"], GENUINE, "malformed", "reject"),
        ([ANSWERED.address.replace("reply+0", "reply+1")], GENUINE, "forged", "reject"),
        ([ANSWERED.address, minted(user=43).address], GENUINE, "not_alone", "defer"),
        ([minted(now=NOW - 90 * 86400).address], GENUINE, "expired", "reject"),
    ],
)
@pytest.mark.parametrize("over_smtp", [True, False])
def test_observe_mode_refuses_nothing_and_says_what_it_would_do(
    recipients: list[str], fields: list[tuple[str, str]], reason: str, would: str, over_smtp: bool
) -> None:
    """In the header and in the metric."""
    desk = Desk(rules(observe=True))
    assert {type(verdict) for verdict in desk.start(*recipients, over_smtp=over_smtp)} == {Accept}
    verdict = desk.finish(fields)
    tags = desk.tags(verdict)
    assert isinstance(verdict, Accept)
    assert (tags["result"], tags["reason"], tags.get("would", "")) == ("pass", reason, would)
    assert [(told.reason, told.would) for told in desk.telemetry.messages] == [(reason, would)]


def test_observe_mode_accepts_while_the_store_is_away() -> None:
    """At RCPT and at the end."""
    desk = Desk(rules(observe=True), store=MemoryStore(down=True))
    tags = desk.tags(desk.send(ANSWERED))
    assert (tags["would"], tags["replay"]) == ("defer", "unknown")


def test_observe_mode_says_what_it_would_do_about_a_replay() -> None:
    """The claim is made, so that the second message is known as one."""
    desk = Desk(rules(observe=True))
    desk.send(ANSWERED)
    tags = desk.tags(desk.send(ANSWERED, reply_fields(ANSWERED, "<2@client.example>")))
    assert (tags["would"], tags["reason"], tags["replay"]) == ("reject", "replayed", "replayed")


def test_observe_mode_never_says_who_wrote_without_a_good_checksum() -> None:
    """A forged token names a user whom nothing vouches for."""
    desk = Desk(rules(observe=True))
    desk.start(ANSWERED.address.replace("reply+0", "reply+1"))
    tags = desk.tags(desk.finish(GENUINE))
    assert not {"id", "user", "handler", "context"} & set(tags)


@pytest.mark.parametrize("count,edits", [(FIELDS_LIMIT, FIELDS_LIMIT + 1), (FIELDS_LIMIT + 1, 0), (50_000, 0)])
def test_a_flood_of_forged_verdicts_stays_as_it_is(count: int, edits: int) -> None:
    """An MTA's time for taking them off grows with their square; doubled, they vouch for nothing. Nor are they kept."""
    desk = Desk(rules(observe=True))
    desk.start(ANSWERED.address)
    desk.content([*GENUINE, *[(VERDICT, " v=1; result=pass")] * count])
    kept = desk.connection._transaction
    assert kept is not None and len(kept.fields[VERDICT.lower()]) <= FIELDS_LIMIT + 1
    verdict = desk.connection.end_of_message("4Q1")
    assert isinstance(verdict, Accept) and len(verdict.edits) == edits
