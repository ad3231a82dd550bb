"""Mailman 3, unmodified, behind a real Postfix: who wants to join a list confirms by an answer.

The answer goes to an address with a key. By itself Mailman takes it from anybody who has the key, from autoresponders,
and at an address without the key if To has it; a test shows that it does. Wrapped, the answer of whom it asked
confirms, and no other does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from tests.support.hosts.application_site import ApplicationSite, address_in, answer, page, text_of
from tests.support.hosts.mailman import DOMAIN, Mailman
from tests.support.hosts.site_under_test import Arrived
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

BARE = f"dev-confirm@{DOMAIN}"
ROBOT = f"dev-request@{DOMAIN}"
EVIL = "evil@example.com"
_TAKEN_SECONDS = 60.0
_numbers = count(1)


@dataclass
class Lists:
    """A Mailman and the host in front of it."""

    host: ApplicationSite
    mailman: Mailman

    def asked(self) -> tuple[str, str, Arrived]:
        """Somebody new who asked for a subscription; the key that Mailman made; its notice, as it left."""
        address = f"carol{next(_numbers)}@example.com"
        self.mailman.subscribe(address)
        notice = self.host.notification(address, 1)
        return address, self.mailman.waiting()[address], notice

    def reply(self, message: bytes, recipient: str, sender: str) -> str:
        """Send a message to the host from outside; what it answers. Waits until Mailman has it."""
        heard = self.host.site.send([f"<{recipient}>"], message, sender=f"<{sender}>")
        self.host.handed_over()
        return heard

    def about(self, address: str, word: str) -> Arrived | None:
        """A notice to somebody with a word in its Subject; None if there is none yet."""
        found = self.host.site.matching("To", address, "people")
        return next((one for one in found if word in " ".join(one.values("Subject"))), None)

    def joins(self, address: str) -> None:
        """Wait until an address is subscribed."""
        wait_until(lambda: address in self.mailman.members(), _TAKEN_SECONDS, f"{address} joins")

    def has_looked(self) -> None:
        """Wait until Mailman has looked at all that it was given."""
        wait_until(self.mailman.is_idle, _TAKEN_SECONDS, "Mailman has looked at all that it has")


@pytest.fixture(scope="module")
def lists() -> Iterator[Lists]:
    """A Mailman with one list, wrapped."""
    host = ApplicationSite()
    mailman = Mailman(host.submission)
    try:
        host.start(mailman.wrapping)
        yield Lists(host, mailman.start())
    finally:
        mailman.stop()
        host.stop()


def test_the_notice_leaves_without_its_key(lists: Lists) -> None:
    """From has none, and answers go to an address of ours; the body is Mailman's, and still says it."""
    address, key, notice = lists.asked()
    assert notice.values("From") == [BARE]
    (reply_to,) = notice.values("Reply-To")
    assert reply_to.startswith("reply+") and reply_to.endswith("@reply.example.com")
    assert key not in "".join(value for _, value in notice.fields).lower()
    assert f"confirm {key}".encode() in notice.body and address.encode() in notice.body


def test_the_genuine_reply_confirms(lists: Lists) -> None:
    """Once: the same message again is refused."""
    address, _, notice = lists.asked()
    message = answer(notice, address, "Yes, I want to.")
    assert lists.reply(message, address_in(notice), address).startswith("250")
    lists.joins(address)
    assert lists.reply(message, address_in(notice), address).startswith("550 5.7.1")


def test_another_author_does_not(lists: Lists) -> None:
    """With the address, the key and all ids of the notice, as one has whom it was forwarded to."""
    address, _, notice = lists.asked()
    heard = lists.reply(answer(notice, EVIL, "Yes."), address_in(notice), EVIL)
    assert heard.startswith("550 5.7.1"), heard
    lists.has_looked()
    assert address in lists.mailman.waiting() and address not in lists.mailman.members()


@pytest.mark.parametrize("mailbox", ["dev-confirm", "DEV-Confirm", "dev-confirm+KEY", "dev-confirm+anything"])
def test_the_lists_own_address_does_not(lists: Lists, mailbox: str) -> None:
    """Bare or with the key, with the genuine one in To: Mailman reads that."""
    address, key, notice = lists.asked()
    native = f"dev-confirm+{key}@{DOMAIN}"
    recipient = f"{mailbox.replace('KEY', key)}@{DOMAIN}"
    heard = lists.reply(answer(notice, address, "Yes.", To=native), recipient, address)
    assert heard.startswith("550 5.7.1 Answer the notification"), heard
    lists.has_looked()
    assert address in lists.mailman.waiting() and address not in lists.mailman.members()


def test_a_vacation_notice_does_not(lists: Lists) -> None:
    """It is discarded, and the person can still answer."""
    address, _, notice = lists.asked()
    away = answer(notice, address, "I am away.", Auto_Submitted="auto-replied")
    assert lists.reply(away, address_in(notice), address).startswith("250")
    lists.has_looked()
    assert address in lists.mailman.waiting() and address not in lists.mailman.members()
    assert lists.reply(answer(notice, address, "Yes."), address_in(notice), address).startswith("250")
    lists.joins(address)


def test_a_key_of_somebody_else_in_to_confirms_for_nobody_else(lists: Lists) -> None:
    """An address of one's own, and the key of another in every field that there is: the own one counts."""
    mine, _, notice = lists.asked()
    other, key, _ = lists.asked()
    native = f"dev-confirm+{key}@{DOMAIN}"
    fields: dict[str, str | None] = dict.fromkeys(("To", "Cc", "Delivered_To", "X_Original_To", "Resent_To"), native)
    heard = lists.reply(answer(notice, mine, "Yes.", Subject=f"confirm {key}", **fields), address_in(notice), mine)
    assert heard.startswith("250"), heard
    lists.joins(mine)
    lists.has_looked()
    assert other in lists.mailman.waiting() and other not in lists.mailman.members()


def test_leaving_is_confirmed_alike(lists: Lists) -> None:
    """By the second kind of notice; asked for by mail to an address that is none of ours."""
    address, _, notice = lists.asked()
    lists.reply(answer(notice, address, "Yes."), address_in(notice), address)
    lists.joins(address)
    robot = f"dev-leave@{DOMAIN}"
    assert lists.reply(answer(notice, address, "", To=robot), robot, address).startswith("250")
    wait_until(lambda: lists.about(address, "leave") is not None, _TAKEN_SECONDS, "a notice about leaving")
    leaving = lists.about(address, "leave")
    assert leaving is not None and leaving.values("From") == [BARE]
    assert lists.reply(answer(leaving, address, "Yes."), address_in(leaving), address).startswith("250")
    wait_until(lambda: address not in lists.mailman.members(), _TAKEN_SECONDS, f"{address} leaves")


def test_other_mail_of_the_list_passes_by(lists: Lists) -> None:
    """What is sent to it goes to Mailman straight on, and what it sends to its members leaves as it is."""
    address, _, notice = lists.asked()
    lists.reply(answer(notice, address, "Yes."), address_in(notice), address)
    lists.joins(address)
    head = [f"From: {address}", f"To: dev@{DOMAIN}", "Subject: A post", f"Message-ID: <post.{address}>"]
    post = "\r\n".join([*head, "", "Hi", ""]).encode()
    assert lists.reply(post, f"dev@{DOMAIN}", address).startswith("250")
    (got, *_) = lists.host.site.arrived("Subject", "[Dev] A post", 1, "people")
    assert got.values("From") == [address] and got.values("Reply-To") == []


def test_mailman_by_itself_takes_an_answer_from_anybody(lists: Lists) -> None:
    """What it does with nothing in front of it: else the tests above would show nothing."""
    for changes in ({"From": EVIL}, {"Auto_Submitted": "auto-replied"}):
        address, key, notice = lists.asked()
        native = f"dev-confirm+{key}@{DOMAIN}"
        lists.mailman.take(answer(notice, address, "Yes.", **{"To": native, **changes}), BARE, EVIL)
        lists.joins(address)


def test_the_key_in_the_body_is_a_road_past_us(lists: Lists) -> None:
    """Mail to the list's robot is none of ours: so docs/applications/mailman.md has a text without the key."""
    address, key, notice = lists.asked()
    command = answer(notice, EVIL, f"confirm {key}", To=ROBOT, Subject="x")
    assert lists.reply(command, ROBOT, EVIL).startswith("250")
    lists.joins(address)
    assert len(templates()) == 3
    for name, text in templates().items():
        lists.mailman.write_template(name, text)
    address, key, notice = lists.asked()
    assert key not in text_of(notice) and address in text_of(notice)
    assert lists.reply(answer(notice, address, "Yes."), address_in(notice), address).startswith("250")
    lists.joins(address)


def templates() -> dict[str, str]:
    """Texts for Mailman that the page has, by the names of their files."""
    blocks = re.findall(r"`templates/site/en/([a-z:]+)\.txt`:\n\n((?: {6}.*\n|\n)+)", page("mailman"))
    return {name: re.sub(r"(?m)^ {6}", "", text) for name, text in blocks}
