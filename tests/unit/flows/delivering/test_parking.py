"""Parked replies: kept, asked about once, released by an answer of their user, ended by time."""

import itertools
import sqlite3
import textwrap
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from reply_milter.core.delivery.consent import Answer, answer_of
from reply_milter.core.delivery.outcome import Done, Later, Never
from reply_milter.core.delivery.parked import Room
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.redaction import read_redacted
from reply_milter.core.token.explanation import explain
from reply_milter.core.token.keyring import KeyState, MasterKey
from reply_milter.core.token.mint import Order, mint
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.parking import discard, maintain_parking, release
from reply_milter.flows.delivering.standing import objection
from reply_milter.ports import UserRecord
from reply_milter.ports.delivery_telemetry import DeliveryEvent
from tests.support.fakes import FORM, ISSUE, KEYRING, NOW, SEAL_KEY, MemoryStore
from tests.support.hosts.hooked import CONFIRM, ID, Hooked, ScriptedDeliverer, hooked, sealed

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
        assert deliver(hook.service, parked(identifier, **changes)) == Done()


def mail(hook: Hooked, number: int = -1) -> Message:
    """A question that was sent."""
    return message_from_bytes(hook.mail_sender.sent[number][1])


def text(message: Message) -> str:
    """What it says."""
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def question(hook: Hooked, number: int = -1) -> int:
    """The context of the address that answers a question that was sent, minted for user 42."""
    found = explain(mail(hook, number)["Reply-To"], FORM, KEYRING, Handlers.of([CONFIRM]), NOW).token_text
    assert found is not None
    assert (found.token.user, found.token.handler) == (42, CONFIRM.id)
    assert found.token.sender == KEYRING.minting_key(42).sender(JANE)
    return found.token.context


_numbers = itertools.count()


def answer(
    hook: Hooked, words: str = "Yes.", number: int = -1, user: str = "42", names: str | None = None, more: str = ""
) -> object:
    """The user answers the last question, or another one. ``names``: what it replies to, if not that."""
    named = mail(hook, number)["Message-ID"] if names is None else names
    threaded = f"In-Reply-To: {named}\r\n" if named else ""
    identifier = f"c{next(_numbers):025}".translate(str.maketrans("0123456789", "abcdefghij"))
    envelope = sealed(
        words,
        more=threaded + more,
        handler="confirm",
        id=identifier,
        context=str(question(hook, number)),
        user=user,
        thread="none",
        locator="",
        replied_to="",
    )
    return deliver(hook.service, envelope)


def waiting(hook: Hooked) -> list[str]:
    """The ids of what is parked, and not released."""
    return [one.id for one in hook.service.parking.all() if not one.released]


def test_it_is_kept_committed_and_its_user_asked(hook: Hooked) -> None:
    """By mail to the first address on file, from nobody, with an address of its own to answer to."""
    keep(hook)
    assert hook.deliverer.replies == []
    assert hook.store.calls == ["commit"]
    (one,) = hook.service.parking.all()
    assert (one.id, one.author, one.subject, one.until) == (ID, "eve@example.net", "Re: news", NOW + 7 * 86400)
    assert one.asked == NOW
    ((recipient, octets),) = hook.mail_sender.sent
    message = mail(hook)
    assert recipient == JANE == message["To"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["References"] == message["Message-ID"]
    assert "eve@example.net" in text(message)
    assert "Yes." not in text(message), "what eve wrote is not passed on to jane"
    assert octets.isascii() and max(map(len, octets.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert hook.told.outcomes == [DeliveryEvent.PARKED]
    assert (hook.told.waiting, hook.told.octets) == (1, len(parked().message))


def test_an_answer_releases_it(hook: Hooked) -> None:
    """In the user's name, as the seal says."""
    keep(hook)
    assert answer(hook) == Done()
    (reply,) = hook.deliverer.replies
    assert (reply.id, reply.user, reply.text.strip()) == (ID, 42, "Yes.")
    assert hook.service.parking.all() == []
    assert hook.told.waiting == 0
    assert DeliveryEvent.RELEASED in hook.told.outcomes


@pytest.mark.parametrize(
    "words",
    ["no", "No.", " NO! \r\n", "*No*, that was not me!", "\r\nno\r\n\r\n-- \r\nJane", "Nein, das war ich nicht"],
)
def test_a_no_ends_it(hook: Hooked, words: str) -> None:
    """It is gone, and stays away when it is handed over once more."""
    keep(hook)
    answer(hook, words)
    assert hook.service.parking.all() == []
    assert hook.deliverer.replies == []
    assert hook.told.outcomes[1] is DeliveryEvent.DISCARDED
    keep(hook)
    assert hook.service.parking.all() == []


def _revoke_token(standings: MemoryStore) -> None:
    standings.revoked_tokens.add(ID[:13])


def _revoke_user(standings: MemoryStore) -> None:
    standings.users_revoked_before[42] = NOW


def _revoke_object(standings: MemoryStore) -> None:
    standings.objects_revoked_before[(ISSUE.id, 99)] = NOW


def _revoke_all(standings: MemoryStore) -> None:
    standings.all_revoked_before = NOW


def _disable_user(standings: MemoryStore) -> None:
    standings.disabled_users.add(42)


REVOCATIONS = {
    "its address is revoked": _revoke_token,
    "what was issued to its user is revoked": _revoke_user,
    "what was issued about its subject is revoked": _revoke_object,
    "all that was issued at that time is revoked": _revoke_all,
    "user 42 is disabled": _disable_user,
}


@pytest.mark.parametrize("why", REVOCATIONS)
def test_a_yes_releases_nothing_that_was_revoked_meanwhile(hook: Hooked, why: str) -> None:
    """It is discarded, and log and metric say why; nothing comes back."""
    keep(hook)
    REVOCATIONS[why](hook.standings)
    assert answer(hook) == Done()
    assert hook.deliverer.replies == []
    assert hook.service.parking.all() == []
    discarded = [one for one in hook.told.reports if one.outcome is DeliveryEvent.DISCARDED]
    assert [(one.id, one.why) for one in discarded] == [(ID, why)]
    assert DeliveryEvent.RELEASED not in hook.told.outcomes
    keep(hook)
    assert hook.service.parking.all() == []


def test_what_was_issued_after_a_revocation_is_released(hook: Hooked) -> None:
    """It concerns earlier addresses alone."""
    hook.standings.users_revoked_before[42] = NOW - 90000
    keep(hook)
    answer(hook)
    assert len(hook.deliverer.replies) == 1


def test_without_the_store_it_waits(hook: Hooked) -> None:
    """Nobody knows what was revoked: it stays released, and is delivered once the store answers."""
    keep(hook)
    hook.standings.down = True
    assert answer(hook) == Done()
    (one,) = hook.service.parking.all()
    assert one.released and hook.deliverer.replies == []
    hook.standings.down = False
    maintain_parking(hook.service)
    assert len(hook.deliverer.replies) == 1
    assert hook.service.parking.all() == []


def test_releases_of_one_handler_can_run_beside_those_of_another(hook: Hooked) -> None:
    """An application that is slow holds up its own alone."""
    forum = ScriptedDeliverer()
    service = replace(hook.service, deliverers={**hook.service.deliverers, "forum": forum})
    keep(hook)
    keep(hook, "abcdefghijklmaaaaaaaaaaaaa", handler="forum")
    service.parking.mark_released(*(one.id for one in service.parking.all()))
    begun: dict[str, Callable[[], None]] = {}
    maintain_parking(service, begun.__setitem__)
    assert begun.keys() == {"issue", "forum"}
    assert hook.deliverer.replies == forum.replies == []
    begun["forum"]()
    assert (len(forum.replies), len(hook.deliverer.replies)) == (1, 0)
    begun["issue"]()
    assert service.parking.all() == []


def test_a_question_that_did_not_go_out_is_not_asked_after_a_no(hook: Hooked) -> None:
    """For a day, nothing is asked about that address."""
    keep(hook)
    hook.mail_sender.down = True
    keep(hook, "abcdefghijklmaaaaaaaaaaaaa", author="mallory@example.net")
    hook.mail_sender.down = False
    answer(hook, "No")
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 1
    hook.clock.time += 86401
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 2


def test_a_disabled_handler_gets_nothing_that_was_parked(hook: Hooked) -> None:
    """As it gets nothing at SMTP time."""
    keep(hook)
    handlers = Handlers.of([replace(ISSUE, enabled=False), CONFIRM])
    service = replace(hook.service, rules=replace(hook.service.rules, handlers=handlers))
    (one,) = service.parking.all()
    assert release(service, one) == Never("the handler 'issue' is disabled")
    assert hook.deliverer.replies == []


def test_a_reply_of_a_retired_key_is_not_released(hook: Hooked) -> None:
    """As far as the envelope still names its address; what expired since then came in time."""
    minted = mint(Order(42, NOW - 86400, locator="a/1"), ISSUE, KEYRING, FORM)
    retired = [replace(KEYRING.keys[0], state=KeyState.RETIRED), MasterKey("k2", KeyState.ACTIVE, bytes(32))]
    assert deliver(hook.service, replace(parked(), recipient=minted.address)) == Done()
    service = replace(hook.service, rules=replace(hook.service.rules, keyring=replace(KEYRING, keys=tuple(retired))))
    (one,) = service.parking.all()
    assert objection(hook.service, one) == ""
    assert release(service, one) == Never("the master key of its address is retired")
    assert hook.deliverer.replies == []


def test_an_operator_may_release_it_all_the_same(hook: Hooked) -> None:
    """Also if the handler takes it later only: ``maintain_parking`` keeps to the operator's word."""
    keep(hook)
    _revoke_token(hook.standings)
    hook.deliverer.script = [Later("asleep")]
    (one,) = hook.service.parking.all()
    assert release(hook.service, one, even_if_revoked=True) == Later("asleep")
    hook.service.parking.mark_released(ID)
    maintain_parking(hook.service)
    assert len(hook.deliverer.replies) == 2
    assert hook.service.parking.all() == []


def test_another_user_or_question_releases_nothing(hook: Hooked) -> None:
    """The milter has checked who answers; the number must be that user's."""
    keep(hook)
    answer(hook, user="43")
    assert len(waiting(hook)) == 1
    assert hook.told.outcomes == [DeliveryEvent.PARKED, DeliveryEvent.IGNORED]


def test_an_answer_is_about_what_its_question_lists(hook: Hooked) -> None:
    """What came later was shown to nobody: it is asked about next."""
    ids = ["a" * 13 + letter * 13 for letter in "bcdefg"]
    keep(hook, *ids)
    assert len(hook.mail_sender.sent) == 1
    answer(hook)
    assert [reply.id for reply in hook.deliverer.replies] == ids[:1]
    assert waiting(hook) == ids[1:]
    assert len(hook.mail_sender.sent) == 2
    assert text(mail(hook)).count("Subject: Re: news") == 5
    answer(hook, number=0)
    assert waiting(hook) == ids[1:], "the first question is answered"
    answer(hook)
    assert waiting(hook) == [] and len(hook.deliverer.replies) == 6


def test_ten_at_most_are_listed(hook: Hooked) -> None:
    """The others get a question of their own."""
    keep(hook, *("a" * 13 + letter * 13 for letter in "bcdefghijklmn"))
    answer(hook)
    assert text(mail(hook)).count("Subject: Re: news") == 10
    answer(hook)
    assert len(hook.deliverer.replies) == 11
    assert text(mail(hook)).count("Subject: Re: news") == 2


def test_replies_of_several_authors_are_not_asked_about_together(hook: Hooked) -> None:
    """A yes for one is none for the other; two questions at most are out about one address."""
    keep(hook, "a" * 13 + "b" * 13)
    keep(hook, "a" * 13 + "c" * 13, author="Eve <MALLORY@example.net>")
    keep(hook, "a" * 13 + "d" * 13, author="third@example.net")
    assert len(hook.mail_sender.sent) == 2
    answer(hook, number=1)
    assert [reply.id for reply in hook.deliverer.replies] == ["a" * 13 + "c" * 13]
    assert "third@example.net" in text(mail(hook))


def test_what_came_after_a_question_is_asked_about_a_day_later(hook: Hooked) -> None:
    """Where nobody answers."""
    keep(hook, "a" * 13 + "b" * 13, "a" * 13 + "c" * 13)
    hook.clock.time += 86400 - 1
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 1
    hook.clock.time += 1
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 2
    assert len({message_from_bytes(octets)["Message-ID"] for _, octets in hook.mail_sender.sent}) == 2
    answer(hook)
    assert waiting(hook) == ["a" * 13 + "b" * 13]


def test_a_question_is_on_record_before_it_is_sent(hook: Hooked) -> None:
    """Sent again, after we died in between, it is the same mail; what came meanwhile is not in it."""
    keep(hook, "a" * 13 + "b" * 13)
    first, sent = hook.mail_sender.sent[0], hook.service.questions.of(42)
    assert [one.message_id for one in sent] == [mail(hook)["Message-ID"]]
    with closing(sqlite3.connect(hook.record)) as record:  # as it was before the MTA took it
        record.execute("UPDATE question SET sent = 0")
        record.execute("UPDATE parked SET asked = 0")
        record.commit()
    hook.clock.time += 100
    keep(hook, "a" * 13 + "c" * 13)
    assert hook.mail_sender.sent == [first, first]
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 2


@pytest.mark.parametrize(
    "words",
    ["Not mine!", "Hi, no, this was not me", "", "ticket #4711", "Yes, but that was not me", "> yes", "Yes?",
     "I am away until Monday.", "Your message was read on Monday.", "yes it is mine"],
)  # fmt: skip
def test_what_is_not_certainly_a_yes_releases_nothing(hook: Hooked, words: str) -> None:
    """And says nothing to anybody: it is taken, counted, and all stays as it was."""
    keep(hook)
    assert answer(hook, words) == Done()
    assert waiting(hook) == [ID]
    assert hook.told.outcomes == [DeliveryEvent.PARKED, DeliveryEvent.IGNORED]
    assert len(hook.mail_sender.sent) == 1
    answer(hook)
    assert waiting(hook) == [], "the question is still open"


@pytest.mark.parametrize(
    "more",
    ["X-Auto-Response-Suppress: All", "X-Loop: helpdesk@example.org", "Auto-Submitted: auto-replied",
     "Precedence: bulk", 'Precedence: "bulk"', "Precedence: normal", "X-Precedence: bulk", "X-Autoreply: yes",
     "List-Id: <a.example>", "List-Help: <mailto:a@b.example>", "List-Post: NO", "X-Failed-Recipients: a@b.example",
     "X-Cron-Env: <USER=root>", "X-Auto-Responded: yes", "X-Mailing-List: a@b.example",
     'Content-Type: multipart/report; report-type=disposition-notification; boundary="x"'],
)  # fmt: skip
def test_a_robot_says_nothing(hook: Hooked, more: str) -> None:
    """Whatever it writes."""
    keep(hook)
    answer(hook, more=f"{more}\r\n")
    answer(hook, "No", more=f"{more}\r\n")
    assert waiting(hook) == [ID]


@pytest.mark.parametrize("names", ["", "<other@example.org>", "confirm"])
def test_a_mail_that_does_not_name_the_question_says_nothing(hook: Hooked, names: str) -> None:
    """Composed anew, or in answer to something else."""
    keep(hook)
    answer(hook, names=names)
    assert waiting(hook) == [ID]
    assert hook.told.reports[-1].why == "not a clear yes or no from a person"
    answer(hook, names="", more=f"References: <first@example.org> {mail(hook)['Message-ID']}\r\n")
    assert waiting(hook) == []


def test_after_a_no_the_address_is_not_asked_about_for_a_day(hook: Hooked) -> None:
    """What comes meanwhile waits; other addresses are asked about; the question tells how to end it."""
    keep(hook, "a" * 13 + "b" * 13)
    assert "postmaster@reply.test\r\nand name aaaaaaaaaaaaa" in text(mail(hook))
    answer(hook, "No")
    keep(hook, "a" * 13 + "c" * 13)
    keep(hook, "a" * 13 + "d" * 13, author="third@example.net")
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 1
    keep(hook, "b" * 13 + "c" * 13)
    assert len(hook.mail_sender.sent) == 2
    hook.clock.time += 86400
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 4
    assert waiting(hook) == ["a" * 13 + "c" * 13, "a" * 13 + "d" * 13, "b" * 13 + "c" * 13]


def test_no_more_is_parked_than_there_is_room_for(hook: Hooked) -> None:
    """The MTA keeps it, and it is a dead letter before that gives it back; nothing is lost."""
    ids = [f"{chr(97 + number // 20) * 13}{chr(97 + number % 20) * 13}" for number in range(21)]
    keep(hook, *ids[:20])
    heard = deliver(hook.service, parked(ids[20]))
    assert heard == Later("the limits of parked replies are reached")
    assert len(waiting(hook)) == 20
    keep(hook, "z" * 26, user="43")
    hook.clock.time += 3599
    assert isinstance(deliver(hook.service, parked(ids[20])), Later)
    answer(hook)
    keep(hook, ids[20])
    assert ids[20] in waiting(hook)
    assert isinstance(deliver(hook.service, parked("y" * 26)), Later)
    hook.clock.time += 3600
    assert deliver(hook.service, parked("y" * 26)) == Never("gave_up the limits of parked replies are reached")
    assert [letter.id for letter in hook.service.dead_letters.all()] == ["y" * 26]


def test_octets_are_bounded_as_well(hook: Hooked) -> None:
    """Of one user, and of all."""
    size = len(parked().message)
    for room, most in (
        (Room(9, 2 * size, 9, 9 * size), [True, True, False, True]),
        (Room(9, 9 * size, 9, 3 * size - 1), [True, True, False, False]),
        (Room(2, 9 * size, 9, 9 * size), [True, True, False, True]),
        (Room(9, 9 * size, 2, 9 * size), [True, True, False, False]),
    ):
        service = replace(hook.service, rules=replace(hook.service.rules, room=room))
        users = ["42", "42", "42", "43"]
        heard = [deliver(service, parked(letter * 26, user=user)) for letter, user in zip("abcd", users, strict=True)]
        assert [one == Done() for one in heard] == most, room
        for one in service.parking.all():
            service.parking.remove(one.id)


def test_a_robot_that_sends_a_question_back_releases_nothing(hook: Hooked) -> None:
    """Whole, from any of its lines on, quoted or not, wrapped anew: whatever subject a stranger chose."""
    for subject in ("yes", "yes yes", "x" * 45 + " yes", "-- please write above --", "> yes"):
        hook.service.parking.remove(ID)
        envelope = parked()
        message = envelope.message.replace(b"Subject: Re: news", f"Subject: {subject}".encode())
        assert deliver(hook.service, replace(envelope, message=message)) == Done()
        lines = text(mail(hook)).splitlines()
        for start in range(len(lines)):
            rest = lines[start:]
            for shown in (rest, [f"> {line}" for line in rest], ["Hello,", *rest], textwrap.wrap(" ".join(rest), 40)):
                assert answer_of("\n".join(shown).strip()) is not Answer.YES, shown[:2]


@pytest.mark.parametrize("length", range(44, 72, 4))
def test_a_robot_that_breaks_quoted_lines_releases_nothing(hook: Hooked, length: int) -> None:
    """It quotes the question in lines that are too long for it, and what it wraps stands there without a mark."""
    envelope = parked()
    subject = f"{'x' * length} yes".encode()
    assert deliver(hook.service, replace(envelope, message=envelope.message.replace(b"Re: news", subject))) == Done()
    assert all(len(line) <= 66 for line in text(mail(hook)).splitlines() if line.startswith("    ")), "none is wrapped"
    for width in range(68, 81):
        lines = [part for line in text(mail(hook)).splitlines() for part in textwrap.wrap(f"> {line}", width) or [">"]]
        for quoted in (lines, ["On Mon, 23 Nov 2026 at 10:00, Replies <no-reply@reply.test> wrote:", *lines]):
            read = read_redacted(sealed("\r\n".join(quoted)).message, FORM)
            assert answer_of(read.stripped) is not Answer.YES, (width, read.stripped)


def test_few_questions_for_a_user(hook: Hooked) -> None:
    """Whoever has an address must not have us fill somebody's mailbox; the others wait."""
    for number in range(9):
        keep(hook, f"{'abcdefghi'[number] * 13}{'x' * 13}", author=f"eve{number}@example.net")
    assert len(hook.mail_sender.sent) == 5
    answer(hook)
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 6


def test_without_an_address_on_file_it_waits_for_one(hook: Hooked) -> None:
    """An operator sees it in the log and in the list."""
    del hook.address_book.users[42]
    keep(hook)
    assert hook.mail_sender.sent == []
    assert hook.told.unasked == ["no address of user 42 is on file"]
    hook.address_book.users[42] = UserRecord(False, 0, (JANE,))
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 1


def test_a_disabled_user_is_not_asked(hook: Hooked) -> None:
    """Nor could one answer: no address of theirs is good."""
    hook.address_book.users[42] = UserRecord(True, 0, (JANE,))
    keep(hook)
    assert (hook.mail_sender.sent, hook.told.unasked) == ([], ["user 42 is disabled and could not answer"])


def test_a_question_that_could_not_be_sent_is_sent_later(hook: Hooked) -> None:
    """The reply is kept all the same."""
    hook.mail_sender.down = True
    keep(hook)
    assert hook.told.unasked == ["switched off"]
    hook.mail_sender.down = False
    maintain_parking(hook.service)
    maintain_parking(hook.service)
    assert len(hook.mail_sender.sent) == 1


def test_time_ends_it(hook: Hooked) -> None:
    """After the days that were told."""
    keep(hook)
    hook.clock.time += 7 * 86400 - 1
    maintain_parking(hook.service)
    assert len(hook.service.parking.all()) == 1
    hook.clock.time += 1
    maintain_parking(hook.service)
    assert hook.service.parking.all() == []
    assert hook.told.outcomes[-1] is DeliveryEvent.DISCARDED


def test_a_release_that_nobody_takes_now_is_tried_again(hook: Hooked) -> None:
    """The answer itself is taken: the user is not to answer twice."""
    keep(hook)
    hook.deliverer.script = [Later("busy")]
    assert answer(hook) == Done()
    assert [one.released for one in hook.service.parking.all()] == [True]
    maintain_parking(hook.service)
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
    assert isinstance(deliver(hook.service, parked()), Later)
    hook.store.down = False
    keep(hook)
    assert len(hook.service.parking.all()) == 1
    assert len(hook.mail_sender.sent) == 1


@pytest.mark.parametrize("author", ["", "\udcff@x", "Eve\r\nBcc: everybody@example.com", "a@b, c@d", "<" * 5000])
def test_whatever_the_author_is_called_the_question_is_one_plain_mail(hook: Hooked, author: str) -> None:
    """Nothing that a sender writes gets into its header."""
    head, _, rest = sealed(result="park").message.partition(b"From: jane@example.org")
    message = head + b"From: " + author.encode("utf-8", "surrogateescape") + rest
    envelope = sealed(result="park")
    assert deliver(hook.service, type(envelope)(envelope.sender, envelope.recipient, message)) == Done()
    ((recipient, octets),) = hook.mail_sender.sent
    question_mail = message_from_bytes(octets)
    assert (recipient, question_mail["Bcc"], question_mail["To"]) == (JANE, None, JANE)


def test_one_that_cannot_be_tended_keeps_no_other_waiting(hook: Hooked, tmp_path: Path) -> None:
    """Here one becomes a dead letter that can't be kept."""
    keep(hook, "a" * 26, "b" * 26)
    for one in hook.service.parking.all():
        hook.service.parking.mark_released(one.id)
    (tmp_path / "dead").write_text("no folder")
    hook.deliverer.script = [Never("gone"), Done()]
    maintain_parking(hook.service)
    assert [one.id for one in hook.service.parking.all()] == ["a" * 26]
    assert hook.told.accidents == 1


def test_a_subject_is_told_as_people_read_it(hook: Hooked) -> None:
    """Not in encoded words."""
    envelope = parked()
    subject = b"Subject: =?utf-8?B?R3LDvMOfZSBhdXMgTcO8bmNoZW4=?="
    assert (
        deliver(hook.service, replace(envelope, message=envelope.message.replace(b"Subject: Re: news", subject)))
        == Done()
    )
    assert "Subject: Grüße aus München\r\n" in text(mail(hook))
    assert hook.service.parking.all()[0].subject == "Grüße aus München"


def test_a_released_reply_is_handed_over_once_while_the_store_is_unavailable(hook: Hooked) -> None:
    """The handler took it and the commit got no answer: only the commit is repeated."""
    keep(hook)
    hook.store.down = True
    (one,) = hook.service.parking.all()
    assert release(hook.service, one) == Later("the store gave no answer")
    maintain_parking(hook.service)
    assert [one.released for one in hook.service.parking.all()] == [True]
    hook.store.down = False
    maintain_parking(hook.service)
    assert hook.service.parking.all() == []
    assert len(hook.deliverer.replies) == 1
