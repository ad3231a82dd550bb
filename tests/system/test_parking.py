"""Parked replies behind a real Postfix: what a user was shown is what an answer is about, and nothing else is a yes."""

import itertools
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import reply
from tests.support.processes.daemon_process import wait_until
from tests.system.test_delivery import answer, command, delivered

pytestmark = pytest.mark.system

ON_FILE = "alice@example.com"
JANE = "jane@elsewhere.example"
LIMITED = """
[[handler]]
id = 9
name = "twice"
[handler.policy]
replies_per_token = 2
[handler.delivery]
type = "maildir"
path = "{maildir}"
"""
SECONDS = itertools.count()  # the same words again, later, are another answer
RECEIPT = "--x\r\n\r\nYes\r\n--x\r\nContent-Type: message/disposition-notification\r\n\r\nFinal-Recipient: x\r\n--x--"
QUOTED = '> Instead of "yes" you may write one of:\r\n> yes\r\n'


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """A host that parks what comes from elsewhere than expected: seven replies of a user at most."""
    more = '[delivery.confirm]\nsmtp = "inet:SMTP@127.0.0.1"\nparked_replies_per_user = 7\n'
    running = DeliverySite(more, handlers=LIMITED)
    running.site.replace_in_settings("SMTP", str(running.site.mta.port))
    running.site.replace_in_settings("{maildir}", str(running.site.folder / "state/twice"))
    running.site.replace_in_settings('mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"')
    try:
        running.start()
        for user in range(50, 60):
            assert command(running.site, "user", "set", str(user), "--address", ON_FILE).returncode == 0
        yield running
    finally:
        running.stop()


def stranger(host: DeliverySite, address: MintedAddress, name: str, body: str = "") -> str:
    """Reply to Alice's address from elsewhere; return the answer."""
    message = reply(address, name, f"Subject: about {name}", body=body)
    return host.site.send(
        [f"<{address.address}>"], message.replace(b"From: alice@client.example", f"From: {JANE}".encode())
    )


def parked(host: DeliverySite, user: int) -> list[str]:
    """The subjects of what waits for a user."""
    return [
        one["subject"] for one in answer(host.site, "parked", "list") if one["user"] == user and not one["released"]
    ]


def questions(host: DeliverySite, subject: str) -> list[Message]:
    """The mails that ask about a reply."""
    found = [path.read_bytes() for path in sorted((host.site.mta.people / "new").glob("*"))]
    mails = [message_from_bytes(octets) for octets in found if b"Is this reply yours?" in octets]
    return [mail for mail in mails if subject in text(mail)]


def text(mail: Message) -> str:
    """What it says."""
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def asked(host: DeliverySite, subject: str) -> Message:
    """The one mail that asks about a reply."""
    wait_until(lambda: bool(questions(host, subject)), 40, f"a question about {subject}")
    (mail,) = questions(host, subject)
    return mail


def says(host: DeliverySite, mail: Message, name: str, body: str, *fields: str, names: bool = True) -> None:
    """Alice answers; the MTA takes it, and nothing of it is left with it."""
    threaded = [f"In-Reply-To: {mail['Message-ID']}"] if names else []
    head = [
        f"From: {ON_FILE}",
        f"Message-ID: <{name}@example.com>",
        f"Date: Sat, 21 Nov 2026 12:00:{next(SECONDS):02} +0000",
        *threaded,
        *fields,
    ]
    heard = host.site.send(
        [f"<{mail['Reply-To'].strip()}>"], "\r\n".join([*head, "", body, ""]).encode(), f"<{ON_FILE}>"
    )
    assert heard.startswith("250"), heard
    host.delivered()


def test_an_answer_posts_what_was_shown_and_nothing_else(host: DeliverySite) -> None:
    """Six replies: the first question lists one, the next one the five that came later."""
    address = host.site.mint(user=50, locator="parking/six", recipient="alice@client.example")
    subjects = [f"six-{number}" for number in range(6)]
    for subject in subjects:
        assert stranger(host, address, subject).startswith("250")
        wait_until(lambda one=subject: f"about {one}" in parked(host, 50), 30, subject)  # type: ignore[misc]
    first = asked(host, "about six-0")
    assert text(first).count("about six") == 1
    says(host, first, "first", "Yes.")
    host.posted(1)
    assert sorted(parked(host, 50)) == [f"about {subject}" for subject in subjects[1:]]
    second = asked(host, "about six-5")
    assert text(second).count("about six") == 5
    says(host, second, "second", "Nein, das war ich nicht")
    assert parked(host, 50) == []
    assert sum(host.receiver.posts.values()) == 1
    assert stranger(host, address, "six-6").startswith("250")
    wait_until(lambda: parked(host, 50) == ["about six-6"], 30, "parked")
    assert questions(host, "about six-6") == [], "for a day nothing is asked about this address"


def test_only_a_word_of_consent_releases(host: DeliverySite) -> None:
    """Other mails of the user, or of the user's programs, to that address have no effect and no bounce."""
    address = host.site.mint(user=51, locator="parking/words", recipient="alice@client.example")
    assert stranger(host, address, "words").startswith("250")
    mail = asked(host, "about words")
    report = 'Content-Type: multipart/report; report-type=disposition-notification; boundary="x"'
    others: list[tuple[Any, ...]] = [
        ("Not mine!",), ("Hi, no, this was not me",), ("",), ("ticket #4711",), ("I am away until Monday.",),
        ("Yes, but that was not me",), (QUOTED,), (f"We got this:\r\n\r\n{QUOTED}",),
        ("Yes", "X-Loop: desk@example.com"),
        ("Yes", "X-Auto-Response-Suppress: All"), ("Yes", "Auto-Submitted: auto-replied"), ("Yes", "Precedence: bulk"),
        (RECEIPT, report),
    ]  # fmt: skip
    before, people = delivered(host, "ignored", "confirm"), len(list((host.site.mta.people / "new").glob("*")))
    for number, words in enumerate(others):
        says(host, mail, f"other-{number}", *words)
    says(host, mail, "anew", "Yes", names=False)
    assert parked(host, 51) == ["about words"]
    discarded = sum(
        any("Auto-Submitted" in one or "Precedence" in one or one == report for one in words) for words in others
    )
    assert delivered(host, "ignored", "confirm") - before == len(others) + 1 - discarded
    assert len(list((host.site.mta.people / "new").glob("*"))) == people, "no bounce, and no further question"
    posts = sum(host.receiver.posts.values())
    says(host, mail, "html", "<html><body><div>Ja!</div><br>-- <br>Alice</body></html>", "Content-Type: text/html")
    host.posted(posts + 1)
    assert parked(host, 51) == []


def test_what_was_revoked_meanwhile_is_not_posted(host: DeliverySite) -> None:
    """Neither a user's yes nor a plain release delivers it; an operator's --force does."""
    address = host.site.mint(user=55, locator="parking/revoked", recipient="alice@client.example")
    posts, discarded = sum(host.receiver.posts.values()), delivered(host, "discarded")
    assert stranger(host, address, "revoked").startswith("250")
    mail = asked(host, "about revoked")
    assert command(host.site, "revoke", "token", address.address).returncode == 0
    says(host, mail, "revoked", "Yes")
    wait_until(lambda: delivered(host, "discarded") == discarded + 1, 30, "it is discarded")
    assert parked(host, 55) == []
    assert "its address is revoked" in host.site.daemon.log()
    another = host.site.mint(user=56, locator="parking/disabled", recipient="alice@client.example")
    assert stranger(host, another, "disabled").startswith("250")
    wait_until(lambda: parked(host, 56) == ["about disabled"], 30, "parked")
    assert command(host.site, "user", "set", "56", "--disabled").returncode == 0
    (one,) = [one for one in answer(host.site, "parked", "list") if one["user"] == 56]
    refused = command(host.site, "parked", "release", one["id"])
    assert (refused.returncode, refused.stdout) == (65, b"")
    assert b"user 56 is disabled; --force delivers it all the same" in refused.stderr
    assert parked(host, 56) == ["about disabled"]
    assert sum(host.receiver.posts.values()) == posts
    answer(host.site, "parked", "release", one["id"], "--force")
    host.posted(posts + 1)


def test_limits_of_an_address_hold_for_what_is_parked(host: DeliverySite) -> None:
    """Two of twelve messages of a megabyte."""
    address = host.site.mint("twice", user=52, locator="parking/twice", recipient="alice@client.example")
    body = "\r\n".join(["x" * 70] * 14_000)
    heard = [stranger(host, address, f"twice-{number}", body) for number in range(12)]
    assert [one[:3] for one in heard] == ["250"] * 2 + ["550"] * 10
    assert heard[2].startswith("550 5.7.1 This reply address takes no more replies")
    wait_until(lambda: len(parked(host, 52)) == 2, 30, "two parked")
    assert host.site.metrics()["reply_milter_parked_bytes"] > 1_900_000


def test_without_room_the_client_keeps_the_reply(host: DeliverySite) -> None:
    """452 beyond seven of one user; another user's is parked, and a release makes room."""
    address = host.site.mint(user=53, locator="parking/room", recipient="alice@client.example")
    for number in range(7):
        assert stranger(host, address, f"room-{number}").startswith("250")
        wait_until(lambda wanted=number + 1: len(parked(host, 53)) == wanted, 30, "parked")  # type: ignore[misc]
    assert stranger(host, address, "room-7").startswith("452 4.3.1 Too many replies are waiting for this user")
    series = 'reply_milter_messages_total{handler="issue",reason="parking_full",verdict="defer"}'
    assert any(re.sub(r"\s", "", name) == series for name in host.site.metrics()), list(host.site.metrics())[:3]
    other = host.site.mint(user=54, locator="parking/other", recipient="alice@client.example")
    assert stranger(host, other, "other").startswith("250")
    (first, *_) = [one for one in answer(host.site, "parked", "list") if one["user"] == 53]
    answer(host.site, "parked", "discard", first["id"])
    assert stranger(host, address, "room-7").startswith("250")
    wait_until(lambda: "about room-7" in parked(host, 53), 30, "parked")
