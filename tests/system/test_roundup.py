"""Roundup 2, unmodified, behind a real Postfix: it has one address for everybody, and obeys whatever a header says.

By itself it takes the author from From or Resent-From, the issue from a tag of the Subject or from In-Reply-To, and
settings from brackets in the Subject; the first test shows that it does. Wrapped, none of these changes anything.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.hosts.application_site import ApplicationSite, address_in, answer, text_of
from tests.support.hosts.roundup import ADDRESS, OPEN, Issue, Note, Roundup
from tests.support.hosts.site_under_test import Arrived

pytestmark = pytest.mark.system

ANNA, BOB, CAROL, EVE = (f"{name}@example.com" for name in ("anna", "bob", "carol", "eve"))
FIRST, SECOND = "<printer.1@client.example>", "<coffee.2@client.example>"
NATIVE = (550, "5.7.1 Answer the notification that you got")


def _mail(author: str, subject: str, text: str, *more: str, identifier: str = "") -> bytes:
    named = identifier or f"<{uuid.uuid4()}@client.example>"
    head = [*more, f"From: {author}", f"To: {ADDRESS}", f"Subject: {subject}", f"Message-ID: {named}"]
    return "\r\n".join([*head, "", text, ""]).encode()


@dataclass
class Tracker:
    """Two issues of anna's. ``first``, ``second``: what bob got about them; ``carols``: hers about the first."""

    host: ApplicationSite
    roundup: Roundup
    first: Arrived
    second: Arrived
    carols: Arrived

    def reply(self, message: bytes, recipients: tuple[str, ...] = (), sender: str = BOB) -> str:
        """Send a message to the host from outside; what it answers. Waits until the application has it."""
        to = recipients or (address_in(self.first),)
        heard = self.host.site.send([f"<{one}>" for one in to], message, sender=f"<{sender}>")
        self.host.handed_over()
        return heard

    def state(self) -> list[Issue]:
        """All issues."""
        return self.roundup.issues()

    def notes(self, number: int) -> list[Note]:
        """The notes of an issue."""
        return self.roundup.notes(self.state()[number - 1])


@pytest.fixture(scope="module")
def tracker() -> Iterator[Tracker]:
    """The first issue comes by mail to the tracker's own address: until something was wrapped, that is let through."""
    host = ApplicationSite()
    roundup = Roundup(host.submission, ("anna", "bob", "carol", "eve"))
    try:
        host.start(roundup.start().wrapping)
        mail = _mail(ANNA, "The printer [nosy=bob,carol]", "It is offline.", identifier=FIRST)
        assert host.site.send([f"<{ADDRESS}>"], mail, sender=f"<{ANNA}>").startswith("250")
        first, carols = host.notification(BOB, 1), host.notification(CAROL, 1)
        roundup.take(_mail(ANNA, "The coffee [nosy=bob]", "It is cold.", identifier=SECOND))
        yield Tracker(host, roundup, first, host.notification(BOB, 2), carols)
    finally:
        host.stop()
        roundup.stop()


def test_a_notification_leaves_with_an_address_of_ours(tracker: Tracker) -> None:
    """One for each recipient; all else is as Roundup wrote it."""
    for got in (tracker.first, tracker.carols):
        (reply_to,) = got.values("Reply-To")
        assert reply_to.startswith("Tracker <reply+") and ADDRESS not in reply_to
        assert got.values("From") == [f"anna <{ADDRESS}>"]
        assert got.values("Message-ID") == [FIRST] and got.values("X-Roundup-issue-Id") == ["1"]
        assert got.values("Subject") == ["[issue1] The printer"]
        assert b"It is offline." in got.body
    assert tracker.first.values("Reply-To") != tracker.carols.values("Reply-To")


def test_the_genuine_reply_is_a_note_on_its_own_issue(tracker: Tracker) -> None:
    """By its author, once; anna hears of it, by an address of her own that works as well."""
    message = answer(tracker.first, BOB, "It was unplugged.")
    before = len(tracker.notes(1))
    assert tracker.reply(message).startswith("250")
    assert tracker.notes(1)[before:] == [Note("bob", "It was unplugged.")]
    assert tracker.reply(message).startswith("550 5.7.1"), "the same message once more"
    told = next(one for one in tracker.host.notifications(ANNA, 1) if b"It was unplugged." in one.body)
    assert tracker.reply(answer(told, ANNA, "Thanks."), (address_in(told),), ANNA).startswith("250")
    assert tracker.notes(1)[before + 1 :] == [Note("anna", "Thanks.")]
    assert len(tracker.notes(2)) == 1


REFUSED: dict[str, tuple[dict[str, str | None], str]] = {
    "a forged From": ({"From": ANNA}, "550 5.7.1"),
    "a forged From in other letters": ({"From": "Anna <ANNA@Example.COM>"}, "550 5.7.1"),
    "two authors": ({"From": f"{ANNA}, {BOB}"}, "550"),
    "a foreign In-Reply-To": ({"In_Reply_To": SECOND, "References": None}, "550 5.7.1"),
    "no thread at all, and a tag": ({"In_Reply_To": None, "References": None}, "550 5.7.1"),
}


def test_ids_of_another_notification_are_refused(tracker: Tracker) -> None:
    """A capsule of bob's own, of another address; and bob's address in the hands of carol, who was told of the same."""
    before = tracker.state()
    foreign: dict[str, str | None] = {"In_Reply_To": None, "References": tracker.second.values("References")[0]}
    assert tracker.reply(answer(tracker.first, BOB, "Foreign.", **foreign)).startswith("550 5.7.1")
    heard = tracker.reply(answer(tracker.carols, CAROL, "As bob."), (address_in(tracker.first),), CAROL)
    assert heard.startswith("550 5.7.1"), heard
    assert tracker.state() == before


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_changes_nothing(tracker: Tracker, what: str) -> None:
    """While the client is there; Roundup never hears of it."""
    changes, expected = REFUSED[what]
    before = tracker.state()
    heard = tracker.reply(answer(tracker.first, BOB, f"Close it, {what}.", **changes))
    assert heard.startswith(expected), heard
    assert tracker.state() == before


HARMLESS: dict[str, dict[str, str | None]] = {
    "a foreign In-Reply-To, beside the genuine id": {"In_Reply_To": SECOND},
    "a foreign tag": {"Subject": "Re: [issue2] The printer"},
    "a foreign tag, encoded": {"Subject": "=?utf-8?q?Re=3A_=5Bissue2=5D_The_printer?="},
    "a foreign tag, encoded twice": {"Subject": "=?utf-8?q?=3D=3Futf-8=3Fq=3F=5Bissue2=5D=3F=3D?= The printer"},
    "two tags": {"Subject": "Re: [issue1] [issue2] The printer"},
    "Resent-From": {"Resent_From": ANNA},
    "Resent-From and Resent-Sender": {"Resent_Sender": ANNA, "Resent_From": ANNA, "Sender": ANNA},
    "settings": {"Subject": "Re: [issue1] The printer [status=resolved;priority=critical]"},
    "settings, encoded": {"Subject": "Re: [issue1] The printer =?utf-8?q?=5Bstatus=3Dresolved=5D?="},
    "a title of the other issue": {"Subject": "Re: The coffee"},
    "a loop that it is not": {"X_Roundup_Loop": "hello"},
    "a foreign To": {"To": f"{ADDRESS}, issue2@tracker.example.com", "Cc": ADDRESS},
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_restored_is_a_note_by_its_author_on_its_own_issue(tracker: Tracker, what: str) -> None:
    """And nothing else: neither another issue nor a setting of its own is changed."""
    before = tracker.state()
    text = f"A note with {what}."
    heard = tracker.reply(answer(tracker.first, BOB, text, **HARMLESS[what]))
    assert heard.startswith("250"), heard
    after = tracker.state()
    assert tracker.roundup.notes(after[0])[-1] == Note("bob", text)
    assert after[1:] == before[1:]
    kept = ("status", "priority", "assignedto", "nosy", "keyword", "superseder")
    assert [after[0][name] for name in kept] == [before[0][name] for name in kept]


@pytest.mark.parametrize("what", ["Auto-Submitted", "Precedence"])
def test_a_vacation_notice_is_no_note(tracker: Tracker, what: str) -> None:
    """It is discarded: a refusal would make a bounce."""
    before = tracker.state()
    changes: dict[str, str | None] = {"Auto_Submitted": "auto-replied"}
    heard = tracker.reply(answer(tracker.first, BOB, "I am away.", **changes))
    assert heard.startswith("250"), heard
    assert tracker.state() == before


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        ADDRESS.upper(),
        ADDRESS.replace("@", "+issue2@"),
        '"issue_tracker"@tracker.example.com',
        "@relay.example.com:issue_tracker@tracker.example.com",
    ],
)
def test_mail_to_the_trackers_own_address_is_refused(tracker: Tracker, address: str) -> None:
    """Once something was wrapped; in whatever way it is spelled."""
    before = tracker.state()
    heard = tracker.reply(_mail(ANNA, "[issue1] The printer [status=resolved]", "Forged."), (address,), ANNA)
    assert heard.startswith("550 5.7.1 Answer the notification") or heard.startswith("550 5.1.3"), heard
    assert tracker.state() == before


def test_mail_that_goes_round_smtp_is_no_note(tracker: Tracker) -> None:
    """sendmail(1) of any user of the host."""
    before = tracker.state()
    mail = _mail(ANNA, "[issue1] The printer [status=resolved]", "Forged.").replace(b"\r\n", b"\n")
    tracker.host.site.postfix.sendmail(["-f", BOB, ADDRESS], mail)
    tracker.host.handed_over()
    assert tracker.state() == before


def test_a_reply_to_all_is_one_note(tracker: Tracker) -> None:
    """The tracker's own address, which is From of its notifications, is taken off without a word."""
    before = len(tracker.notes(1))
    heard = tracker.reply(answer(tracker.first, BOB, "To all."), (address_in(tracker.first), ADDRESS))
    assert heard.startswith("250"), heard
    assert tracker.notes(1)[before:] == [Note("bob", "To all.")]


def test_an_open_address_makes_new_issues_and_nothing_else(tracker: Tracker) -> None:
    """Ids and tags that would lead to an old one are taken off."""
    before = tracker.state()
    mail = _mail(EVE, "Re: [issue1] A window [status=resolved]", "It is open.", f"In-Reply-To: {FIRST}")
    heard = tracker.reply(mail, (OPEN,), EVE)
    assert heard.startswith("250"), heard
    after = tracker.state()
    assert after[: len(before)] == before
    (made,) = after[len(before) :]
    assert made["title"] == "A window" and tracker.roundup.notes(made) == [Note("eve", "It is open.")]


BY_ITSELF: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a forged From": (ANNA, "[issue2] The coffee", ()),
    "In-Reply-To": (ANNA, "Anything", (f"In-Reply-To: {SECOND}",)),
    "Resent-From": (BOB, "[issue2] The coffee", (f"Resent-From: {ANNA}",)),
}


@pytest.mark.parametrize("what", BY_ITSELF)
def test_roundup_by_itself_takes_them(tracker: Tracker, what: str) -> None:
    """What its gateway does with nothing in front of it: else the tests above would show nothing."""
    author, subject, more = BY_ITSELF[what]
    tracker.roundup.take(_mail(author, f"{subject} [status=resolved]", f"By {what}.", *more))
    assert tracker.notes(2)[-1] == Note("anna", f"By {what}.")


def test_an_account_can_be_confirmed(tracker: Tracker) -> None:
    """Its notice has no Message-ID and names no issue: the key in its Subject is its thread. The link in it works."""
    tracker.roundup.register("dora")
    notice = tracker.host.notification("dora@example.com", 1)
    assert address_in(notice).startswith("reply+")
    assert "dora@example.com" not in tracker.roundup.users()
    tracker.roundup.follow(re.findall(r"http://\S+confrego\S+", text_of(notice))[0])
    assert "dora@example.com" in tracker.roundup.users()


def test_one_message_to_several_is_refused(tracker: Tracker) -> None:
    """Roundup's default, which docs/applications/roundup.md has changed: it takes nothing, and reports an error."""
    before = tracker.state()
    tracker.roundup.configure("email_sending", "single")
    try:
        tracker.roundup.take(_mail(EVE, "A door [nosy=bob,carol]", "It squeaks."))
    finally:
        tracker.roundup.configure("email_sending", "multiple")
    assert tracker.state() == before
    (told, *_) = tracker.host.notifications(EVE, 1)
    assert b"An unexpected error occurred" in told.body and b"It squeaks." in told.body
    assert "only one recipient per message" in tracker.host.site.daemon.log()


def test_an_id_of_another_issue_as_ones_own_leads_nobody_astray(tracker: Tracker) -> None:
    """Roundup finds by it whichever message it comes upon first; the tag that we write decides."""
    before = tracker.notes(2)
    assert tracker.reply(answer(tracker.first, BOB, "Mine is yours.", Message_ID=SECOND)).startswith("250")
    assert tracker.notes(1)[-1] == Note("bob", "Mine is yours.") and tracker.notes(2) == before
    assert tracker.reply(answer(tracker.second, BOB, "It is hot."), (address_in(tracker.second),)).startswith("250")
    assert tracker.notes(2) == [*before, Note("bob", "It is hot.")]
