"""Parked replies: kept, asked about once, released by an answer of their user, ended by time."""

from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import pytest

from fakes import FORM, KEYRING, NOW, SEAL_KEY
from hooked import CONFIRM, ID, Hooked, hooked, sealed
from reply_milter.core.explanation import explain
from reply_milter.core.handed_over import Done, Later, Never
from reply_milter.core.handler import Handlers
from reply_milter.core.reply import Envelope
from reply_milter.flows.delivery import take
from reply_milter.flows.parking import discard, release, tend
from reply_milter.ports import UserRecord
from reply_milter.ports.delivery import Outcome

JANE = "jane@example.org"


@pytest.fixture
def hook(tmp_path: Path) -> Hooked:
    """A hook that knows an address of user 42."""
    made = hooked(tmp_path)
    made.address_book.users[42] = UserRecord(False, 0, (JANE, "jane@home.example"))
    return made


def parked(identifier: str = ID, author: str = "eve@example.net", **changes: str) -> Envelope:
    """A reply that is to be confirmed first."""
    tags = {"result": "park", "reason": "sender_mismatch", "sender": "mismatch", "id": identifier, **changes}
    return sealed("Yes.", author, SEAL_KEY, **tags)


def keep(hook: Hooked, *identifiers: str, **changes: str) -> None:
    """Park replies."""
    for identifier in identifiers or (ID,):
        assert take(hook.service, parked(identifier, **changes)) == Done()


def question(hook: Hooked, number: int = 0) -> int:
    """The context of the address that answers a question that was sent, minted for user 42."""
    message = message_from_bytes(hook.courier.sent[number][1])
    found = explain(message["Reply-To"], FORM, KEYRING, Handlers.of([CONFIRM]), NOW).glob
    assert found is not None
    assert (found.token.user, found.token.handler) == (42, CONFIRM.id)
    assert found.token.sender == KEYRING.minting_key(42).sender(JANE)
    return found.token.context


def answer(hook: Hooked, context: int, text: str = "Yes, it is mine.", user: str = "42") -> object:
    """The user answers a question."""
    return take(
        hook.service,
        sealed(
            text,
            handler="confirm",
            id="c" * 26,
            context=str(context),
            user=user,
            thread="none",
            locator="",
            replied_to="",
        ),
    )


def test_it_is_kept_committed_and_its_user_asked(hook: Hooked) -> None:
    """By mail to the first address on file, from nobody, with an address of its own to answer to."""
    keep(hook)
    assert hook.deliverer.replies == []
    assert hook.store.calls == ["commit"]
    (one,) = hook.service.parking.all()
    assert (one.id, one.author, one.subject, one.until) == (ID, "eve@example.net", "Re: news", NOW + 7 * 86400)
    assert one.asked == NOW
    ((recipient, octets),) = hook.courier.sent
    message = message_from_bytes(octets)
    assert recipient == JANE == message["To"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert "eve@example.net" in message.get_payload()
    assert "Yes." not in message.get_payload(), "what eve wrote is not passed on to jane"
    assert hook.told.outcomes == [Outcome.PARKED]
    assert hook.told.waiting == 1


def test_an_answer_releases_it(hook: Hooked) -> None:
    """In the user's name, as the seal says."""
    keep(hook)
    assert answer(hook, question(hook)) == Done()
    (reply,) = hook.deliverer.replies
    assert (reply.id, reply.user, reply.text.strip()) == (ID, 42, "Yes.")
    assert hook.service.parking.all() == []
    assert hook.told.waiting == 0
    assert Outcome.RELEASED in hook.told.outcomes


@pytest.mark.parametrize("text", ["no", "No.", " NO! \r\n", "*No*, that was not me!", "\r\nno\r\n\r\n-- \r\nJane"])
def test_a_no_ends_it(hook: Hooked, text: str) -> None:
    """It is gone, and stays away when it is handed over once more."""
    keep(hook)
    answer(hook, question(hook), text)
    assert hook.service.parking.all() == []
    assert hook.deliverer.replies == []
    assert hook.told.outcomes[1] is Outcome.DISCARDED
    keep(hook)
    assert hook.service.parking.all() == []


def test_another_user_or_question_releases_nothing(hook: Hooked) -> None:
    """The milter has checked who answers; the number must be that user's."""
    keep(hook)
    answer(hook, question(hook), user="43")
    assert len(hook.service.parking.all()) == 1


def test_one_question_for_an_address_and_author(hook: Hooked) -> None:
    """However many replies wait for its answer; and the answer is for all of them."""
    keep(hook, "a" * 13 + "b" * 13, "a" * 13 + "c" * 13)
    keep(hook, "a" * 13 + "d" * 13, author="Eve <EVE@example.net>")
    assert len(hook.courier.sent) == 1
    assert all(one.asked for one in hook.service.parking.all())
    answer(hook, question(hook))
    assert len(hook.deliverer.replies) == 3


def test_few_questions_for_a_user(hook: Hooked) -> None:
    """Whoever has an address must not have us fill somebody's mailbox; the others wait."""
    for number in range(9):
        keep(hook, f"{'abcdefghi'[number] * 13}{'x' * 13}", author=f"eve{number}@example.net")
    assert len(hook.courier.sent) == 5
    answer(hook, question(hook))
    tend(hook.service)
    assert len(hook.courier.sent) == 6


def test_without_an_address_on_file_it_waits_for_one(hook: Hooked) -> None:
    """An operator sees it in the log and in the list."""
    del hook.address_book.users[42]
    keep(hook)
    assert hook.courier.sent == []
    assert hook.told.unasked == ["no address of user 42 is on file"]
    hook.address_book.users[42] = UserRecord(False, 0, (JANE,))
    tend(hook.service)
    assert len(hook.courier.sent) == 1


def test_a_question_that_could_not_be_sent_is_sent_later(hook: Hooked) -> None:
    """The reply is kept all the same."""
    hook.courier.down = True
    keep(hook)
    assert hook.told.unasked == ["switched off"]
    hook.courier.down = False
    tend(hook.service)
    tend(hook.service)
    assert len(hook.courier.sent) == 1


def test_time_ends_it(hook: Hooked) -> None:
    """After the days that were told."""
    keep(hook)
    hook.clock.time += 7 * 86400 - 1
    tend(hook.service)
    assert len(hook.service.parking.all()) == 1
    hook.clock.time += 1
    tend(hook.service)
    assert hook.service.parking.all() == []
    assert hook.told.outcomes[-1] is Outcome.DISCARDED


def test_a_release_that_nobody_takes_now_is_tried_again(hook: Hooked) -> None:
    """The answer itself is taken: the user is not to answer twice."""
    keep(hook)
    hook.deliverer.script = [Later("busy")]
    assert answer(hook, question(hook)) == Done()
    assert [one.released for one in hook.service.parking.all()] == [True]
    tend(hook.service)
    assert hook.service.parking.all() == []
    assert len(hook.deliverer.replies) == 2


def test_a_release_that_nobody_ever_takes_is_a_dead_letter(hook: Hooked) -> None:
    """And parked no longer."""
    keep(hook)
    hook.deliverer.script = [Never("gone")]
    (one,) = hook.service.parking.all()
    assert release(hook.service, one) == Never("refused gone")
    assert hook.service.parking.all() == []
    assert len(hook.service.dead_letters.all()) == 1


def test_an_operator_decides(hook: Hooked) -> None:
    """In place of the user."""
    keep(hook, "a" * 26, "b" * 26)
    first, second = hook.service.parking.all()
    assert release(hook.service, first) == Done()
    discard(hook.service, second)
    assert hook.service.parking.all() == []
    assert [reply.id for reply in hook.deliverer.replies] == ["a" * 26]
    assert release(hook.service, first) == Done(), "somebody else was faster"
    assert len(hook.deliverer.replies) == 1


def test_the_same_parked_reply_again_is_parked_once(hook: Hooked) -> None:
    """The MTA did not hear our yes."""
    hook.store.down = True
    assert isinstance(take(hook.service, parked()), Later)
    hook.store.down = False
    keep(hook)
    assert len(hook.service.parking.all()) == 1
    assert len(hook.courier.sent) == 1


@pytest.mark.parametrize("author", ["", "\udcff@x", "Eve\r\nBcc: everybody@example.com", "a@b, c@d", "<" * 5000])
def test_whatever_the_author_is_called_the_question_is_one_plain_mail(hook: Hooked, author: str) -> None:
    """Nothing that a sender writes gets into its header."""
    head, _, rest = sealed(result="park").message.partition(b"From: jane@example.org")
    message = head + b"From: " + author.encode("utf-8", "surrogateescape") + rest
    envelope = sealed(result="park")
    assert take(hook.service, type(envelope)(envelope.sender, envelope.recipient, message)) == Done()
    ((recipient, octets),) = hook.courier.sent
    question_mail = message_from_bytes(octets)
    assert (recipient, question_mail["Bcc"], question_mail["To"]) == (JANE, None, JANE)


def test_one_that_cannot_be_tended_keeps_no_other_waiting(hook: Hooked, tmp_path: Path) -> None:
    """Here one becomes a dead letter that can't be kept."""
    keep(hook, "a" * 26, "b" * 26)
    for one in hook.service.parking.all():
        hook.service.parking.mark_released(one.id)
    (tmp_path / "dead").write_text("no folder")
    hook.deliverer.script = [Never("gone"), Done()]
    tend(hook.service)
    assert [one.id for one in hook.service.parking.all()] == ["a" * 26]
    assert hook.told.accidents == 1


def test_a_subject_is_told_as_people_read_it(hook: Hooked) -> None:
    """Not in encoded words."""
    envelope = parked()
    subject = b"Subject: =?utf-8?B?R3LDvMOfZSBhdXMgTcO8bmNoZW4=?="
    assert (
        take(hook.service, replace(envelope, message=envelope.message.replace(b"Subject: Re: news", subject))) == Done()
    )
    told = message_from_bytes(hook.courier.sent[0][1]).get_payload(decode=True)
    assert isinstance(told, bytes)
    assert "Subject: Grüße aus München\r\n" in told.decode()
    assert hook.service.parking.all()[0].subject == "Grüße aus München"
