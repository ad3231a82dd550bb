"""The flow without any store: its requests are values, and the test answers them itself."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import pytest

from reply_milter.core.mail.headers import VERDICT, Insert
from reply_milter.core.token.mint import MintedAddress
from reply_milter.core.token.verify import Checked, Facts, check_token
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.verdict.verdict import Accept, Defer, Reject, Verdict
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import (
    Asking,
    Claim,
    Claimed,
    Consult,
    FactsOf,
    Pending,
    Release,
    Replay,
    Request,
    Store,
    StoreUnavailableError,
)
from tests.support.fakes import (
    AUTHOR,
    FORM,
    KEYRING,
    NOW,
    MemoryStore,
    RecordingCommits,
    RecordingTelemetry,
    changed,
    minted,
    rules,
    service,
)
from tests.support.hosts.dialogue import BODY, edits, reply_fields

FACTS = Facts(addresses=(AUTHOR,))
T = TypeVar("T")
NO_STORE = cast(Store, object())  # any call of it fails


def pending(answer: object) -> Asking[Any]:
    """Return the steps of an answer that needs the store."""
    assert isinstance(answer, Pending)
    return answer.steps


def first(steps: Asking[Any]) -> Request:
    """Begin the steps; return what they ask first."""
    return steps.send(None)


def outcome(steps: Generator[Any, Any, T], answer: object = None) -> T:
    """Send the last answer; return the outcome."""
    with pytest.raises(StopIteration) as end:
        steps.send(answer)
    return cast(T, end.value.value)


def failure(steps: Generator[Any, Any, T]) -> T:
    """Tell the steps that the store is unavailable; return the outcome."""
    with pytest.raises(StopIteration) as end:
        steps.throw(StoreUnavailableError("timeout"))
    return cast(T, end.value.value)


def checked(address: MintedAddress) -> Checked:
    """Return what the address says."""
    local = address.address.rpartition("@")[0]
    found = check_token(FORM.token_text(local), FORM.checksum_length, KEYRING, rules().handlers, NOW)
    assert isinstance(found, Checked)
    return found


@dataclass
class Alone:
    """A client of a service that has no store."""

    to: MintedAddress = field(default_factory=minted)

    def __post_init__(self) -> None:
        self.service = replace(service(), store=NO_STORE)
        self.token = checked(self.to)
        self.connection = Connection(lambda: self.service, "192.0.2.1")

    @property
    def asked_at_rcpt(self) -> FactsOf:
        """What RCPT asks."""
        return FactsOf(42, 1, self.token.token.context, self.token.token_id, False)

    def rcpt(self) -> Asking[Verdict]:
        """Begin a message, and name the recipient."""
        self.connection.mail(f"<{AUTHOR}>")
        return pending(self.connection.rcpt(f"<{self.to.address}>", self.to.address, True))

    def finish(self, author: str = AUTHOR) -> Asking[Verdict]:
        """Take the recipient, and a whole reply to it."""
        steps = self.rcpt()
        first(steps)
        assert outcome(steps, FACTS) == Accept()
        for name, value in reply_fields(self.to, author=author):
            self.connection.header(name, value)
        self.connection.body(BODY)
        return pending(self.connection.end_of_message("4Q1"))


@pytest.fixture
def alone() -> Alone:
    """Return a client."""
    return Alone()


def test_rcpt_asks_for_facts_and_nothing_else(alone: Alone) -> None:
    """Their answer decides."""
    steps = alone.rcpt()
    assert first(steps) == alone.asked_at_rcpt
    assert outcome(steps, Facts()) == Accept()
    steps = alone.rcpt()
    first(steps)
    verdict = outcome(steps, Facts(token_revoked=True))
    assert isinstance(verdict, Reject)
    assert verdict.reason is Reason.REVOKED


def test_rcpt_hears_that_there_is_no_answer(alone: Alone) -> None:
    """What the operator wants is done then."""
    steps = alone.rcpt()
    first(steps)
    verdict = failure(steps)
    assert isinstance(verdict, Defer)
    assert verdict.reason is Reason.STORE_UNAVAILABLE


def test_nothing_is_asked_about_ordinary_mail(alone: Alone) -> None:
    """It is answered at once."""
    alone.connection.mail("<>")
    assert alone.connection.rcpt("<bob@example.org>", "bob@example.org", True) == Accept()
    assert alone.connection.end_of_message("4Q1") == Accept()
    assert alone.connection.failed() is None


def test_nothing_is_asked_about_junk(alone: Alone) -> None:
    """An address without a good checksum is refused without a request."""
    alone.connection.mail("<>")
    assert isinstance(alone.connection.rcpt("<reply+junk@reply.test>", "reply+junk@reply.test", True), Reject)


def test_the_taken_recipient_again_is_not_asked_about(alone: Alone) -> None:
    """It is the same one."""
    steps = alone.rcpt()
    first(steps)
    outcome(steps, FACTS)
    assert alone.connection.rcpt(f"<{alone.to.address.upper()}>", alone.to.address, True) == Accept()


def test_the_end_asks_for_one_claim_and_its_answer_is_sealed(alone: Alone) -> None:
    """The claim is for the token and the message; what was claimed is committed once the answer was given."""
    steps = alone.finish()
    claim = first(steps)
    assert isinstance(claim, Claim)
    assert (claim.token_id, claim.about, claim.takes) == (alone.token.token_id, alone.token.token, True)
    verdict = outcome(steps, Claimed(Replay.FIRST, facts=FACTS))
    assert [edit.name for edit in edits(verdict) if isinstance(edit, Insert)] == [VERDICT]
    commits = cast(RecordingCommits, alone.service.commits)
    assert commits.settled == []
    alone.connection.done()
    assert commits.settled == [claim.id]
    assert cast(RecordingTelemetry, alone.service.telemetry).replays == [Replay.FIRST]


def test_the_end_hears_that_there_is_no_answer(alone: Alone) -> None:
    """A claim is asked for once, and no release of it."""
    steps = alone.finish()
    first(steps)
    assert isinstance(failure(steps), Defer)


def test_facts_that_speak_against_a_claim_have_it_released(alone: Alone) -> None:
    """The release is asked for before the answer; if the store does not hear it, the answer is the same."""
    for end in (outcome, failure):
        steps = alone.finish()
        claim = first(steps)
        assert isinstance(claim, Claim)
        assert steps.send(Claimed(Replay.FIRST, facts=Facts(token_revoked=True))) == Release(claim)
        verdict = end(steps)
        assert isinstance(verdict, Reject)
        assert verdict.reason is Reason.REVOKED


def test_a_failed_answer_has_its_claim_released(alone: Alone) -> None:
    """Whatever the store says to that, the message is over."""
    for end in (outcome, failure):
        steps = alone.finish()
        claim = cast(Claim, first(steps))
        outcome(steps, Claimed(Replay.FIRST, facts=FACTS))
        failed = pending(alone.connection.failed())
        assert first(failed) == Release(claim)
        end(failed)
        assert not alone.connection.in_transaction


@pytest.mark.parametrize("replay", [Replay.DUPLICATE, Replay.REPLAYED])
def test_what_was_claimed_by_another_is_not_released(alone: Alone, replay: Replay) -> None:
    """There is nothing to ask for."""
    steps = alone.finish()
    first(steps)
    outcome(steps, Claimed(replay, facts=FACTS))
    assert alone.connection.failed() is None
    assert not alone.connection.in_transaction


def test_a_wrong_author_is_counted_without_a_claim(alone: Alone) -> None:
    """One request all the same."""
    steps = alone.finish("eve@example.org")
    claim = first(steps)
    assert isinstance(claim, Claim)
    assert not claim.takes
    assert isinstance(outcome(steps, Claimed(None, counted=True, facts=FACTS)), Reject)


def test_steps_ask_the_store_of_the_rules_at_their_mail(alone: Alone) -> None:
    """A reload between MAIL and the end changes nothing; a RCPT without MAIL is of the present rules."""
    old, new = alone.service, replace(service(), store=MemoryStore())
    alone.connection.mail(f"<{AUTHOR}>")
    for now, expected in ((new, old), (new, new)):
        alone.service = now
        answer = alone.connection.rcpt(f"<{alone.to.address}>", alone.to.address, True)
        alone.service = old
        assert isinstance(answer, Pending)
        assert answer.store is expected.store
        assert first(answer.steps) == alone.asked_at_rcpt
        alone.connection.abort()


@dataclass
class Lot:
    """A place for parked replies. ``left``: what was given back."""

    left: list[str] = field(default_factory=list)

    def is_there(self, user: int, octets: int, identifier: str) -> bool:
        """See ``ports.ParkingRoom``. No test of this file looks."""
        raise AssertionError("looked at without being asked")

    def leave(self, identifier: str) -> None:
        """See ``ports.ParkingRoom``."""
        self.left.append(identifier)


@pytest.mark.parametrize("is_there", [True, False])
def test_room_for_what_is_to_be_parked_is_asked_for_before_the_claim(is_there: bool) -> None:
    """The record of deliveries is a file: whoever drives the steps looks. Without room, nothing is claimed."""
    lot, alone = Lot(), Alone()
    parking = changed(rules({Reason.SENDER_MISMATCH: Action.PARK}), parks_in_hook=True)
    alone.service = replace(alone.service, rules=parking, parking_room=lot)
    steps = alone.finish("eve@other.example")
    consult = first(steps)
    assert isinstance(consult, Consult)
    assert cast(Any, consult.call).func == lot.is_there
    claim = steps.send(is_there)
    assert isinstance(claim, Claim)
    assert claim.takes == is_there
    verdict = outcome(steps, Claimed(Replay.FIRST if is_there else None, facts=FACTS))
    assert isinstance(verdict, Accept if is_there else Defer)
    assert lot.left == ([] if is_there else [claim.id])
