"""What becomes of a message that the MTA hands over: handed on, kept, or left with it; never lost, never doubled."""

import os
from pathlib import Path

import pytest

from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.parking import maintain_parking
from reply_milter.ports.delivery import Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent
from tests.support.fakes import NOW, SEAL_KEY
from tests.support.hosts.hooked import ID, Hooked, hooked, sealed, without_store


@pytest.fixture
def hook(tmp_path: Path) -> Hooked:
    """A hook with everything in a folder of its own."""
    return hooked(tmp_path)


def reasons(hook: Hooked) -> list[Undeliverable]:
    """Of the dead letters that are there."""
    return [letter.reason for letter in hook.service.dead_letters.all()]


def test_a_reply_is_handed_over_recorded_and_committed(hook: Hooked) -> None:
    """In this order; the handler knows user, context, locator, text and id."""
    assert deliver(hook.service, sealed()) == Done()
    (reply,) = hook.deliverer.replies
    assert (reply.user, reply.context, reply.locator, reply.id) == (42, 99, "project/issue/12", ID)
    assert (reply.handler, reply.text.strip(), reply.sealed.sender) == ("issue", "Yes.", "match")
    assert hook.service.ledger.entry(ID).progress is Progress.DONE
    assert hook.store.calls == ["commit"]
    assert hook.told.outcomes == [DeliveryEvent.DELIVERED]


def test_the_same_reply_again_is_only_committed_again(hook: Hooked) -> None:
    """The MTA hands it over once more when it did not hear our yes."""
    deliver(hook.service, sealed())
    assert deliver(hook.service, sealed(replay="retry")) == Done()
    assert len(hook.deliverer.replies) == 1
    assert hook.told.outcomes == [DeliveryEvent.DELIVERED, DeliveryEvent.REPEATED]


def test_a_commit_without_an_answer_is_made_up_for(hook: Hooked) -> None:
    """The MTA keeps the reply, comes again, and the handler is not asked a second time."""
    hook.store.down = True
    assert deliver(hook.service, sealed()) == Later("the store gave no answer")
    hook.store.down = False
    assert deliver(hook.service, sealed()) == Done()
    assert len(hook.deliverer.replies) == 1
    assert hook.store.calls == ["commit", "commit"]


def test_nothing_is_committed_where_the_milter_does_that(hook: Hooked) -> None:
    """replay.commit = "accept"."""
    assert deliver(without_store(hook), sealed()) == Done()
    assert hook.store.calls == []


def test_later_leaves_it_with_the_mta(hook: Hooked) -> None:
    """Nothing is committed: the sender may come again as well."""
    hook.deliverer.script = [Later("busy"), Done()]
    assert deliver(hook.service, sealed()) == Later("busy")
    assert hook.store.calls == []
    assert deliver(hook.service, sealed()) == Done()
    assert hook.told.outcomes == [DeliveryEvent.DEFERRED, DeliveryEvent.DELIVERED]


def test_never_makes_a_dead_letter_and_no_bounce(hook: Hooked) -> None:
    """Committed all the same: its sender hears that it was received."""
    hook.deliverer.script = [Never("gone")]
    assert deliver(hook.service, sealed()) == Never("refused gone")
    (letter,) = hook.service.dead_letters.all()
    assert (letter.id, letter.handler, letter.user, letter.detail) == (ID, "issue", 42, "gone")
    assert hook.service.dead_letters.message(ID) == sealed().message
    assert hook.store.calls == ["commit"]
    assert deliver(hook.service, sealed()) == Done()
    assert len(hook.deliverer.replies) == 1


def test_it_gives_up_before_the_mta_would(hook: Hooked) -> None:
    """Then it is a dead letter; the MTA would make a bounce of it."""
    hook.deliverer.script = [Later("a")] * 3
    deliver(hook.service, sealed())
    hook.clock.time += 3599
    assert isinstance(deliver(hook.service, sealed()), Later)
    hook.clock.time += 1
    assert deliver(hook.service, sealed()) == Never("gave_up a")
    assert reasons(hook) == [Undeliverable.GAVE_UP]


@pytest.mark.parametrize(
    "failure",
    [RuntimeError("no"), RecursionError(), MemoryError(), KeyError("user"), SystemExit(1)],
    ids=lambda error: type(error).__name__,
)
def test_an_accident_of_a_handler_costs_another_try(hook: Hooked, failure: BaseException) -> None:
    """Logged with its traceback, and in the end a dead letter like everything that nobody takes."""
    hook.deliverer.script = [failure, failure]
    assert deliver(hook.service, sealed()) == Later(f"the handler failed: {type(failure).__name__}")
    assert hook.told.accidents == 1
    hook.clock.time += 3600
    assert isinstance(deliver(hook.service, sealed()), Never)
    assert reasons(hook) == [Undeliverable.GAVE_UP]


@pytest.mark.parametrize("nonsense", [True, False, 0, "", "done", Never(ValueError("x")), Later(None)])  # type: ignore[arg-type]
def test_a_handler_that_returns_nonsense_is_an_accident(hook: Hooked, nonsense: object) -> None:
    """True is not Done, and False is not either: a plug-in's author finds out at once, and nothing is lost."""
    hook.deliverer.script = [nonsense]  # type: ignore[list-item]
    assert deliver(hook.service, sealed()) == Later("the handler failed: TypeError")


def test_what_a_handler_says_is_told_in_one_line_that_can_be_shown(hook: Hooked) -> None:
    """To terminals and logs."""
    hook.deliverer.script = [Never("closed\n250 Ok\x1b[2J\udcff")]
    deliver(hook.service, sealed())
    (letter,) = hook.service.dead_letters.all()
    assert letter.detail == "closed 250 Ok [2J"


def altered(envelope: Envelope, old: bytes, new: bytes) -> Envelope:
    """The message with ``new`` for ``old``."""
    assert old in envelope.message
    return Envelope(envelope.sender, envelope.recipient, envelope.message.replace(old, new))


@pytest.mark.parametrize(
    "envelope,reason",
    [
        (Envelope("a@b", "c@d", b"From: a@b\r\n\r\nHi\r\n"), Undeliverable.SEAL_MISSING),
        (Envelope("", "c@d", b""), Undeliverable.SEAL_MISSING),
        (altered(sealed(), b"From:", b"X-Reply-Verdict: v=1\r\nFrom:"), Undeliverable.SEAL_DOUBLED),
        (altered(sealed(), b"user=42", b"user=43"), Undeliverable.SEAL_BROKEN),
        (altered(sealed(), b"Yes.", b"No."), Undeliverable.SEAL_BROKEN),
        (sealed(key=b"k" * 32), Undeliverable.SEAL_BROKEN),
        (sealed(body=""), Undeliverable.SEAL_BROKEN),
        (sealed(would="reject"), Undeliverable.OBSERVED),
        (sealed(id=""), Undeliverable.NO_TOKEN),
        (sealed(user=""), Undeliverable.NO_TOKEN),
        (sealed(result="maybe"), Undeliverable.UNKNOWN_RESULT),
        (sealed(context="many"), Undeliverable.UNKNOWN_RESULT),
        (sealed(id="../../../../tmp/elsewhere"), Undeliverable.UNKNOWN_RESULT),
        (sealed(id=".."), Undeliverable.UNKNOWN_RESULT),
        (sealed(id="../parked", result="park"), Undeliverable.UNKNOWN_RESULT),
        (sealed(handler="../nobody"), Undeliverable.UNKNOWN_RESULT),
        (sealed(user="9" * 20), Undeliverable.UNKNOWN_RESULT),
        (sealed(expires="9" * 20), Undeliverable.UNKNOWN_RESULT),
        (sealed(issued="-1"), Undeliverable.UNKNOWN_RESULT),
        (sealed(replied_to="9" * 13), Undeliverable.UNKNOWN_RESULT),
    ],
)
def test_what_nothing_vouches_for_is_kept_and_no_handler_sees_it(
    hook: Hooked, envelope: Envelope, reason: Undeliverable
) -> None:
    """Twice the same message is one dead letter: the MTA may hand it over again."""
    assert deliver(hook.service, envelope) == Never(reason.value)
    assert deliver(hook.service, envelope) == Never(reason.value)
    (letter,) = hook.service.dead_letters.all()
    assert (letter.reason, letter.handler, letter.user) == (reason, "", None)
    assert (letter.sender, letter.recipient) == (envelope.sender, envelope.recipient)
    assert hook.service.dead_letters.message(letter.id) == envelope.message
    assert hook.deliverer.replies == []
    assert hook.store.calls == []


def test_the_largest_numbers_that_we_write_are_delivered(hook: Hooked) -> None:
    """The last user, context and expiry, and a Message-ID of a far year."""
    last = sealed(user=str(2**40 - 1), context=str(2**55 - 1), expires="99999999999", replied_to="999999999999")
    assert deliver(hook.service, last) == Done()


def test_white_space_of_relays_breaks_no_seal(hook: Hooked) -> None:
    """They fold headers and wrap lines."""
    folded = altered(sealed(), b"\tuser=42", b"\t user = 4\r\n 2")
    assert deliver(hook.service, altered(folded, b"Yes.", b"Y\r\nes.")) == Done()


def test_only_what_people_should_look_at_is_alarming() -> None:
    """Observe mode lets much in."""
    quiet = {reason for reason in Undeliverable if not reason.is_alarming}
    assert quiet == {Undeliverable.OBSERVED, Undeliverable.NO_TOKEN}


@pytest.mark.parametrize(
    "handler,reason", [("forum", Undeliverable.NO_DESTINATION), ("gone", Undeliverable.UNKNOWN_HANDLER)]
)
def test_a_reply_for_nobody_is_kept(hook: Hooked, handler: str, reason: Undeliverable) -> None:
    """An operator adds the handler and has it tried again."""
    assert deliver(hook.service, sealed(handler=handler)) == Never(reason.value)
    assert reasons(hook) == [reason]


def test_an_operator_has_a_dead_letter_tried_again(hook: Hooked) -> None:
    """And only what is dead: what was delivered stays delivered."""
    hook.deliverer.script = [Never("gone"), Done()]
    deliver(hook.service, sealed())
    assert deliver(hook.service, sealed(), retry=True) == Done()
    assert len(hook.deliverer.replies) == 2
    assert deliver(hook.service, sealed(), retry=True) == Done()
    assert len(hook.deliverer.replies) == 2


def test_what_cannot_be_kept_is_not_taken(hook: Hooked, tmp_path: Path) -> None:
    """As when a disk is full: the MTA hears 451 from the one error boundary."""
    (tmp_path / "dead").write_text("no folder")
    with pytest.raises(OSError, match="dead"):
        deliver(hook.service, Envelope("", "", b"x"))
    with pytest.raises(OSError, match="dead"):
        deliver(hook.service, sealed(handler="forum"))
    os.unlink(tmp_path / "dead")
    assert isinstance(deliver(hook.service, sealed(handler="forum")), Never)


def test_nobody_delivers_what_is_just_being_delivered(hook: Hooked) -> None:
    """A second copy, or a second process: it comes again, and finds it done."""
    inner: list[object] = []
    hook.deliverer.script = [lambda _reply: inner.append(deliver(hook.service, sealed())) or Done()]  # type: ignore[func-returns-value]
    assert deliver(hook.service, sealed()) == Done()
    assert inner == [Later("another delivery of this reply is in progress")]
    assert deliver(hook.service, sealed()) == Done()
    assert len(hook.deliverer.replies) == 1


def test_any_of_the_seal_keys_opens(hook: Hooked) -> None:
    """The first seals new ones; all open."""
    assert deliver(hook.service, sealed(key=bytes(32))) == Done()
    assert deliver(hook.service, sealed(key=SEAL_KEY, id="b" * 26)) == Done()


def test_an_old_verdict_has_no_second_effect_when_its_record_is_forgotten(hook: Hooked) -> None:
    """Somebody kept a delivered reply with its header, and hands it over once more, past the milter."""
    deliver(hook.service, sealed())
    hook.clock.time = NOW + (89 + 7) * 86400 + 1
    maintain_parking(hook.service)
    assert deliver(hook.service, sealed()) == Never("stale")
    assert reasons(hook) == [Undeliverable.STALE]
    assert len(hook.deliverer.replies) == 1


def test_a_reply_that_was_held_for_long_is_delivered_when_an_operator_says_so(hook: Hooked) -> None:
    """As from Postfix's hold queue; and until the record could be forgotten, nobody need say so."""
    hook.clock.time = NOW + (89 + 7) * 86400
    assert deliver(hook.service, sealed(id="b" * 26)) == Done()
    hook.clock.time += 1
    assert deliver(hook.service, sealed()) == Never("stale")
    assert deliver(hook.service, sealed(), retry=True) == Done()
    assert len(hook.deliverer.replies) == 2
