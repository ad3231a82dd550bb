"""Observe mode: evaluates everything, refuses nothing, and says what it would do."""

from ipaddress import ip_network

import pytest

from reply_milter.core.mail.headers import FIELDS_LIMIT, OCTETS_LIMIT, VERDICT
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept
from tests.support.fakes import NOW, MemoryStore, minted, rules
from tests.support.hosts.dialogue import Desk, reply_fields, without

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
        ([minted(now=NOW - 90 * 86400).address], GENUINE, "expired", "reject"),
        ([minted(now=NOW - 90 * 86400).address, "bob@example.org"], GENUINE, "expired", "reject"),
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
    """At RCPT, where enforce would defer it, and at the end, where a claim gets no answer."""
    desk = Desk(rules(observe=True), store=MemoryStore(down=True))
    tags = desk.tags(desk.send(ANSWERED))
    assert (tags["would"], tags["reason"], "replay" in tags) == ("defer", "store_unavailable", False)
    desk.store.down = False
    desk.start(ANSWERED.address)
    desk.store.down = True
    tags = desk.tags(desk.finish(GENUINE))
    assert (tags["would"], tags["reason"], tags["replay"]) == ("defer", "store_unavailable", "unknown")


@pytest.mark.parametrize("over_smtp,would,claimed", [(True, "defer", True), (False, "reject", False)])
def test_a_second_reply_recipient_is_told_and_the_first_is_taken_as_in_enforce(
    over_smtp: bool, would: str, claimed: bool
) -> None:
    """Over SMTP the first goes on without the second; a local submission is refused as a whole."""
    enforce, observe = Desk(), Desk(rules(observe=True))
    for desk in (enforce, observe):
        desk.start(ANSWERED.address, minted(user=43).address, over_smtp=over_smtp)
        verdict = desk.finish(GENUINE)
    tags = observe.tags(verdict)
    assert (tags["reason"], tags["would"]) == ("not_alone", would)
    assert observe.store.tokens.keys() == enforce.store.tokens.keys()
    assert bool(observe.settled) is bool(enforce.settled) is claimed


@pytest.mark.parametrize("first", ["reply+junk@reply.test", minted(now=NOW - 90 * 86400).address])
def test_a_genuine_recipient_behind_one_that_enforce_refuses_is_the_one_that_counts(first: str) -> None:
    """At RCPT enforce refuses the first, and then takes the second, whatever was wrong with the first."""
    desk = Desk(rules(observe=True))
    desk.start(first, ANSWERED.address)
    tags = desk.tags(desk.finish(GENUINE))
    assert (tags["reason"], tags.get("would"), tags["user"]) == ("ok", None, "42")
    assert [told.would for told in desk.telemetry.recipients] == ["reject", ""]
    assert desk.settled == [tags["id"]]


@pytest.mark.parametrize(
    "fields", [STRANGER, AUTOMATIC, without(GENUINE, "In-Reply-To"), [*GENUINE, ("From", " a@b.example")]]
)
def test_what_enforce_refuses_uses_nothing_up(fields: list[tuple[str, str]]) -> None:
    """Nothing is on record, so the genuine one of the same id is the first, as it is in enforce."""
    desk = Desk(rules(observe=True))
    tags = desk.tags(desk.send(ANSWERED, fields))
    assert tags["would"] in ("reject", "discard") and "replay" not in tags
    assert (desk.store.tokens, desk.settled, desk.telemetry.replays, desk.telemetry.ages) == ({}, [], [], [])
    tags = desk.tags(desk.send(ANSWERED))
    assert (tags["reason"], tags["replay"], tags.get("would")) == ("ok", "first", None)


def test_what_enforce_takes_in_at_rcpt_says_nothing_there() -> None:
    """An expired address that is parked at the end, and one of a peer, which may bear our seal."""
    parked = Desk(rules({Reason.EXPIRED: Action.PARK}, observe=True))
    peer = Desk(rules(observe=True, peers=(ip_network("192.0.2.0/24"),)))
    for desk, would in ((parked, "park"), (peer, "reject")):
        desk.start(minted(now=NOW - 90 * 86400).address)
        assert desk.tags(desk.finish(GENUINE))["would"] == would
        assert [(told.verdict, told.reason, told.would) for told in desk.telemetry.recipients] == [
            ("accept", "expired", "")
        ]


@pytest.mark.parametrize("hook_commits", [False, True])
def test_what_enforce_parks_is_committed_though_the_hook_leaves_it_alone(hook_commits: bool) -> None:
    """In enforce the hook would keep and commit it; what it delivers in both modes, it commits itself."""
    desk = Desk(rules({Reason.SENDER_MISMATCH: Action.PARK}, observe=True, hook_commits=hook_commits))
    tags = desk.tags(desk.send(ANSWERED, STRANGER))
    assert (tags["result"], tags["would"], tags["replay"]) == ("pass", "park", "first")
    assert desk.settled == [tags["id"]]
    other = desk.tags(desk.send(ANSWERED, reply_fields(ANSWERED, "<2@client.example>"), b"Something else."))
    assert desk.settled == ([tags["id"]] if hook_commits else [tags["id"], other["id"]])


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


def test_of_huge_forged_verdicts_only_the_count_is_kept() -> None:
    """All come off, and what is remembered of them is no more than a header may be long."""
    desk = Desk(rules(observe=True))
    desk.start(ANSWERED.address)
    desk.content([*GENUINE, *[(VERDICT, "x" * 60_000)] * 1000])
    kept = desk.content_kept
    assert kept is not None and len(kept.fields[VERDICT.lower()]) == 1000
    assert sum(map(len, kept.fields[VERDICT.lower()])) < OCTETS_LIMIT
    verdict = desk.end_of_message("4Q1")
    assert isinstance(verdict, Accept) and len(verdict.edits) == 1001
    assert (desk.tags(verdict)["would"], desk.tags(verdict)["reason"]) == ("reject", "malformed")


@pytest.mark.parametrize("count,edits", [(FIELDS_LIMIT, FIELDS_LIMIT + 1), (FIELDS_LIMIT + 1, 0), (50_000, 0)])
def test_a_flood_of_forged_verdicts_stays_as_it_is(count: int, edits: int) -> None:
    """An MTA's time for taking them off grows with their square; doubled, they vouch for nothing. Nor are they kept."""
    desk = Desk(rules(observe=True))
    desk.start(ANSWERED.address)
    desk.content([*GENUINE, *[(VERDICT, " v=1; result=pass")] * count])
    kept = desk.content_kept
    assert kept is not None and len(kept.fields[VERDICT.lower()]) <= FIELDS_LIMIT + 1
    verdict = desk.end_of_message("4Q1")
    assert isinstance(verdict, Accept) and len(verdict.edits) == edits
