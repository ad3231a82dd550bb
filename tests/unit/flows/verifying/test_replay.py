"""Once, but never lost: claims, retries, and what happens when the store or the MTA is away."""

from itertools import count

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Discard, Reject, Verdict
from reply_milter.flows.verifying.claiming import KEPT_SECONDS
from reply_milter.ports import Claim, Claimed, Replay, StoreUnavailableError
from tests.support.fakes import FORUM, NOW, MemoryStore, minted, rules
from tests.support.hosts.dialogue import BODY, Desk, Fields, reply_fields, without

ANSWERED = minted()
GENUINE = reply_fields(ANSWERED)
OTHER_ID = reply_fields(ANSWERED, "<2@client.example>")
NO_ID = without(GENUINE, "Message-ID")


def changed(fields: Fields, name: str, value: str) -> list[tuple[str, str]]:
    """``fields`` with another value of one of them."""
    return [(known, value if known == name else old) for known, old in fields]


def replay(desk: Desk, fields: Fields = GENUINE, body: bytes = BODY) -> str:
    """How the store saw this message; for a refused one, its reason."""
    verdict: Verdict = desk.send(ANSWERED, fields, body)
    if isinstance(verdict, Accept):
        return desk.tags(verdict)["replay"]
    return verdict.reason


def commit_all(desk: Desk) -> None:
    """What the commits would do."""
    for identifier in desk.settled:
        assert desk.store.commit(identifier)


def test_same_message_may_be_retried_until_it_is_committed() -> None:
    """Our yes, or a later milter's, was lost: the same id."""
    desk = Desk()
    first = desk.tags(desk.send(ANSWERED))
    second = desk.tags(desk.send(ANSWERED))
    assert (first["replay"], second["replay"]) == ("first", "retry")
    assert first["id"] == second["id"]
    assert desk.settled == [first["id"]] * 2


def test_committed_message_is_a_duplicate() -> None:
    """550, so that the sender does not wait."""
    desk = Desk()
    replay(desk)
    commit_all(desk)
    verdict = desk.send(ANSWERED)
    assert isinstance(verdict, Reject)
    assert str(verdict.reply) == "550 5.7.1 This message was already received"
    assert verdict.reason is Reason.DUPLICATE


def test_duplicate_may_be_thrown_away_in_silence() -> None:
    """For those who prefer that to a needless bounce after a lost 250."""
    desk = Desk(rules({Reason.DUPLICATE: Action.DISCARD}))
    replay(desk)
    commit_all(desk)
    assert desk.send(ANSWERED) == Discard(Reason.DUPLICATE)


@pytest.mark.parametrize(
    "fields,body",
    [
        (GENUINE, b"Another text."),
        (changed(GENUINE, "Subject", " Another subject"), BODY),
        (changed(GENUINE, "Date", " Fri, 02 Jan 2026 00:00:00 +0000"), BODY),
        (changed(GENUINE, "From", " jane@example.org"), BODY),
        (changed(GENUINE, "In-Reply-To", f" <{ANSWERED.message_id}> <a@b>"), BODY),
        (OTHER_ID, BODY),
        (NO_ID, BODY),
    ],
    ids=["body", "subject", "date", "from", "in-reply-to", "message-id", "no message-id"],
)
@pytest.mark.parametrize("committed", [True, False])
def test_same_id_with_other_content_and_the_reverse_are_replays(
    fields: list[tuple[str, str]], body: bytes, committed: bool
) -> None:
    """Whether the first one was delivered yet or not."""
    desk = Desk()
    assert replay(desk) == "first"
    if committed:
        commit_all(desk)
    assert replay(desk, fields, body) == Reason.REPLAYED


def test_another_message_may_answer_the_same_address() -> None:
    """A conversation: other id, other content."""
    desk = Desk()
    assert [replay(desk), replay(desk, OTHER_ID, b"One more thing.")] == ["first", "first"]


@pytest.mark.parametrize(
    "fields,body",
    [
        ([("Received", " from elsewhere"), *GENUINE], BODY),
        (changed(GENUINE, "Subject", " Re:\r\n\ta  question"), BODY),
        (GENUINE, BODY.replace(b" ", b"\r\n ")),
        (GENUINE, BODY + b"\r\n\r\n"),
    ],
    ids=["trace fields", "folded", "wrapped", "trailing lines"],
)
def test_another_route_is_a_retry(fields: list[tuple[str, str]], body: bytes) -> None:
    """Trace fields, folding and wrapping don't count, nor does the client's address."""
    store = MemoryStore()
    replay(Desk(store=store))
    assert replay(Desk(store=store, client="198.51.100.1"), fields, body) == "retry"


def test_messages_without_an_id_are_told_apart_by_content() -> None:
    """A missing Message-ID does not make two messages the same."""
    desk = Desk()
    assert [replay(desk, NO_ID), replay(desk, NO_ID), replay(desk, NO_ID, b"Other")] == ["first", "retry", "first"]


def test_message_id_that_the_mta_made_up_is_none() -> None:
    """Postfix adds one with the queue id to local mail: the next try bears another."""
    desk, tags = Desk(), []
    for queue_id in ("4QAAA", "4QBBB"):
        desk.start(ANSWERED.address)
        fields = reply_fields(ANSWERED, f"<20260101000000.{queue_id}@mx.example.com>")
        tags.append(desk.tags(desk.finish(fields, queue_id=queue_id)))
    assert [each["replay"] for each in tags] == ["first", "retry"]


def test_id_is_the_same_on_every_host() -> None:
    """It is computed, not drawn: the idempotency key of everything downstream."""
    ids = {desk.tags(desk.send(ANSWERED))["id"] for desk in (Desk(), Desk(client="2001:db8::1"))}
    assert len(ids) == 1


def test_same_message_to_another_token_is_another_reply() -> None:
    """An id names a token and a message."""
    desk, other = Desk(), minted(FORUM)
    found = [desk.tags(desk.send(each, reply_fields(each))) for each in (ANSWERED, other)]
    assert [tags["replay"] for tags in found] == ["first", "first"]
    assert len({tags["id"] for tags in found}) == 2


class Watched(MemoryStore):
    """Remembers the claims."""

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``."""
        claims.append(claim)
        return MemoryStore.claim(self, claim)


claims: list[Claim] = []


def test_claim_is_kept_until_a_week_after_the_end_of_the_token() -> None:
    """Later, expiry alone refuses a replay."""
    claims.clear()
    Desk(store=Watched()).send(ANSWERED)
    assert KEPT_SECONDS == 7 * 86400
    assert claims[0].kept_seconds == ANSWERED.expires - NOW + KEPT_SECONDS


def test_claim_of_an_expired_token_is_kept_for_a_week_from_now() -> None:
    """Where policy accepts what has expired."""
    claims.clear()
    desk = Desk(rules({Reason.EXPIRED: Action.ACCEPT}), store=Watched())
    desk.send(minted(now=NOW - 200 * 86400), reply_fields(minted(now=NOW - 200 * 86400)))
    assert claims[0].kept_seconds == KEPT_SECONDS


def test_every_claim_has_an_owner_of_its_own() -> None:
    """A retry is no resend by the client library."""
    claims.clear()
    store = Watched()
    for _ in range(2):
        Desk(store=store).send(ANSWERED)
    assert claims[0].owner != claims[1].owner
    assert claims[0]._replace(owner=b"") == claims[1]._replace(owner=b"")


def test_store_away_at_end_of_message_defers() -> None:
    """It may have carried out the claim all the same: nothing is settled, and the retry is welcome."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.store.down = True
    verdict = desk.finish(GENUINE)
    assert isinstance(verdict, Defer)
    assert str(verdict.reply).startswith("451 4.3.0 ")
    assert desk.settled == []
    assert desk.telemetry.replays == [Replay.UNKNOWN]


class Slow(MemoryStore):
    """Carries out what it is asked, and answers too late."""

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``."""
        found = MemoryStore.claim(self, claim)
        if self.down:
            return found
        self.down = True
        raise StoreUnavailableError("timeout")


def test_late_claim_is_a_reservation_and_the_retry_is_welcome() -> None:
    """The client heard 451 and comes again."""
    store = Slow()
    desk = Desk(store=store)
    assert replay(desk) == Reason.STORE_UNAVAILABLE
    desk.start(ANSWERED.address)
    store.down = False
    kept = MemoryStore(tokens=store.tokens)
    assert replay(Desk(store=kept)) == "retry"


def test_store_away_may_be_configured_to_accept() -> None:
    """``on_failure = "accept"``: replay=unknown, the reason is told, nothing is settled."""
    desk = Desk(rules(accepts_without=True), store=MemoryStore(down=True))
    tags = desk.tags(desk.send(ANSWERED))
    assert (tags["result"], tags["reason"], tags["replay"]) == ("pass", "store_unavailable", "unknown")
    assert desk.settled == []


def test_accepting_without_the_store_does_not_accept_anything_else() -> None:
    """Expiry, thread and sender need no store."""
    desk = Desk(rules(accepts_without=True), store=MemoryStore(down=True))
    verdict = desk.send(ANSWERED, reply_fields(ANSWERED, author="eve@example.net"))
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.SENDER_MISMATCH


def test_failed_edits_release_the_reservation() -> None:
    """The next try is the first again, and nothing was settled."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.content(GENUINE)
    desk.end_of_message("4Q1")
    desk.failed()
    assert desk.settled == []
    assert not desk.connection.in_transaction
    assert replay(desk) == "first"


def test_failed_edits_of_a_retry_leave_the_reservation() -> None:
    """It is another owner's."""
    desk = Desk()
    replay(desk)
    desk.start(ANSWERED.address)
    desk.content(GENUINE)
    desk.end_of_message("4Q1")
    desk.failed()
    assert replay(desk) == "retry"


def test_store_away_at_the_release_does_no_harm() -> None:
    """A reservation that stays lets the retry in, all the same."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.content(GENUINE)
    desk.end_of_message("4Q1")
    desk.store.down = True
    desk.failed()
    desk.store.down = False
    assert replay(desk) == "retry"


def test_failure_after_a_refusal_releases_nothing() -> None:
    """A duplicate's reservation is the first message's."""
    desk = Desk()
    replay(desk)
    commit_all(desk)
    desk.start(ANSWERED.address)
    desk.content(GENUINE)
    desk.end_of_message("4Q1")
    desk.failed()
    assert desk.store.calls.count("release") == 0


def test_abort_before_the_end_leaves_no_trace() -> None:
    """A probe that stops after RCPT, or after the header, uses nothing up."""
    desk = Desk()
    desk.start(ANSWERED.address)
    desk.content(GENUINE)
    desk.connection.abort()
    assert desk.store.tokens == {}


def test_with_a_hook_nothing_is_settled_by_itself() -> None:
    """``commit = "delivery"``: the hook commits."""
    desk = Desk(rules(hook_commits=True))
    assert desk.tags(desk.send(ANSWERED))["replay"] == "first"
    assert desk.settled == []
    assert not any(kept.committed for messages in desk.store.tokens.values() for kept in messages.values())


def test_every_claim_is_asked_once() -> None:
    """Also when it fails: a claim that got no answer may yet be carried out."""
    desk = Desk()
    numbers = count()
    for down in (False, True):
        desk.start(ANSWERED.address)
        desk.store.down = down
        desk.finish(reply_fields(ANSWERED, f"<{next(numbers)}@x>"))
    assert desk.store.calls.count("claim") == 2
